"""The index expected at an instant, from the readings before it: a reader is warned by it, and judged by it later."""

from collections.abc import Sequence
from dataclasses import dataclass

from central.times import DAY_MS

# Without a year's history the use of a home of this size is taken (facts of the trade: 130 l a person and day).
DEFAULT_LITRES_A_DAY = 400
HISTORY_DAYS = 365


@dataclass(frozen=True)
class Band:
    """Lowest and highest index that surprise nobody, with what they were reckoned from."""

    low_litres: int
    high_litres: int
    last_litres: int
    last_ms: int
    litres_a_day: int


def expected_band(
    at_ms: Sequence[int], litres: Sequence[int], when_ms: int, factor: int = 3, margin_litres: int = 2000
) -> Band | None:
    """The band at ``when_ms`` from readings before it, in the order of time; None without any.

    The register does not run backwards, and in the days since the last reading it does not advance by more than
    ``factor`` times its usual use and ``margin_litres``.
    """
    if not at_ms:
        return None
    last_ms, last = at_ms[-1], litres[-1]
    start = next(place for place, ms in enumerate(at_ms) if ms >= last_ms - HISTORY_DAYS * DAY_MS)
    span = last_ms - at_ms[start]
    usual = (last - litres[start]) * DAY_MS // span if span >= 7 * DAY_MS else DEFAULT_LITRES_A_DAY
    advance = factor * max(usual, 1) * max(0, when_ms - last_ms) // DAY_MS
    return Band(last, last + advance + margin_litres, last, last_ms, usual)
