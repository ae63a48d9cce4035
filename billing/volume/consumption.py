"""What one meter metered between two of its readings."""

from collections.abc import Callable
from dataclasses import dataclass

from billing.volume.pieces import Method
from billing.volume.policy import Negative, Policy
from billing.volume.readings import REVERSED, ROLLED, Installation, Kind, Reading

# The most litres a rollover may yield between two readings; asked only when an index is lower.
Ceiling = Callable[[Reading, Reading], int]
LAST_OF_METER = (Kind.REMOVAL, Kind.FINAL)


@dataclass(frozen=True, slots=True)
class Step:
    """Litres between two readings, how they were computed and on what ground."""

    litres: int
    method: Method
    basis: str = ""


def between(
    opening: Reading, closing: Reading, installation: Installation, policy: Policy, ceiling: Ceiling
) -> Step | None:
    """Litres from ``opening`` to ``closing``, or None when a lower index has no acceptable reason."""
    difference = closing.litres - opening.litres
    if opening.estimated and difference * 2 > installation.modulus_litres:
        # The estimate ran past the register's end and the meter has not got there yet.
        return _over_estimated(difference - installation.modulus_litres, closing, policy)
    if difference >= 0:
        return Step(difference, Method.DIFFERENCE, "after_estimate" if opening.estimated else "")
    if closing.incidence == REVERSED:
        return Step(-difference, Method.REVERSED, "meter_reversed")
    rolled = difference + installation.modulus_litres
    if closing.incidence == ROLLED or rolled <= ceiling(opening, closing):
        return Step(rolled, Method.ROLLOVER, f"modulus {installation.modulus_litres}")
    if closing.reason:
        return Step(difference, Method.CORRECTION, closing.reason)
    if opening.estimated:
        return _over_estimated(difference, closing, policy)
    return None


def _over_estimated(difference: int, closing: Reading, policy: Policy) -> Step:
    """The estimate billed more than was metered: credited at once when nothing follows on this meter."""
    if policy.negative is Negative.CREDIT or closing.kind in LAST_OF_METER:
        return Step(difference, Method.CREDIT, "estimate_above_reading")
    return Step(0, Method.CARRIED, "estimate_above_reading")
