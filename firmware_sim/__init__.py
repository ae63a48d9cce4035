"""Meters, receivers and a town that do not exist, byte-exact, with their ground truth.

``firmware_sim.town.Town`` is the door to a town, ``firmware_sim.telegram`` the encoder. Nothing is imported here, so
that the command line starts fast.
"""
