"""The whole road on one machine: starts every room, waits, and closes the books on ground truth."""
