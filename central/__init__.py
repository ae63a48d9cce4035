"""The system of record and its processes."""
