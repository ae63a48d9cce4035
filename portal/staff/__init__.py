"""The back office under /oficina/."""
