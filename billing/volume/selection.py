"""Which reading opens and which closes a period on one meter."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from billing.volume.policy import Policy
from billing.volume.readings import TRUST, Kind, Reading

# A removal or installation is written down the day it happens, not to the second.
SAME_JOB = timedelta(days=1)


def by_preference(candidates: Iterable[Reading], boundary: datetime, policy: Policy) -> list[Reading]:
    """Readings inside the window around ``boundary``, the best first.

    Anything read beats an estimate; exactly at the boundary (a due-date value) beats near it; then the
    closest, the most trusted kind, and the earlier one.
    """
    first = boundary - timedelta(days=policy.window_before_days)
    last = boundary + timedelta(days=policy.window_after_days)
    inside = [reading for reading in candidates if first <= reading.at <= last]
    return sorted(
        inside,
        key=lambda reading: (
            reading.estimated,
            abs(reading.at - boundary),
            TRUST[reading.kind],
            reading.at,
            reading.origin,
        ),
    )


def of_job(candidates: Iterable[Reading], kinds: tuple[Kind, ...], at: datetime) -> list[Reading]:
    """Readings taken when the meter was hung or taken down, the closest to ``at`` first."""
    found = [reading for reading in candidates if reading.kind in kinds and abs(reading.at - at) <= SAME_JOB]
    return sorted(found, key=lambda reading: (abs(reading.at - at), reading.origin))
