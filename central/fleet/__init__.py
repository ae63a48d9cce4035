"""The meter fleet and its renewal."""
