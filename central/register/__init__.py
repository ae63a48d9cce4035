"""The register (padrón): supply points, meters, installations, customers, contracts, devices."""
