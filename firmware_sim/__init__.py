"""Meters, receivers and a town that do not exist, byte-exact, with their ground truth."""
