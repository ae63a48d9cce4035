"""What travels between an edge agent and the centre: typed, versioned, compact messages."""
