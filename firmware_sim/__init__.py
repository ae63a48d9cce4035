"""Meters, receivers and a town that do not exist, byte-exact, with their ground truth."""

from firmware_sim.ground import TownError
from firmware_sim.meters import House, SimMeter
from firmware_sim.people import Customer
from firmware_sim.place import Street, Utility
from firmware_sim.town import Town

__all__ = ["Customer", "House", "SimMeter", "Street", "Town", "TownError", "Utility"]
