"""What the operator runs: migrate, audit, backup, metrics, health."""
