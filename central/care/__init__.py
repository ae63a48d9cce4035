"""Customer care: cases and their deadlines."""
