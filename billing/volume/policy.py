"""The utility's rules for turning readings into volume; every number is configuration."""

from dataclasses import dataclass, field
from enum import StrEnum

# Usual permanent flow by calibre, l/h (ISO 4064-1 series; municipal tables agree on these).
Q3_BY_CALIBRE: tuple[tuple[int, int], ...] = (
    (15, 2_500),
    (20, 4_000),
    (25, 6_300),
    (30, 10_000),
    (40, 16_000),
    (50, 25_000),
    (65, 40_000),
    (80, 63_000),
    (100, 100_000),
)


class Negative(StrEnum):
    """What happens when a real reading comes out below the estimate that was billed."""

    CARRY = "carry"
    """Nothing is billed now; the excess is used up by later consumption."""
    CREDIT = "credit"
    """The difference is billed as negative litres (difference method)."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How a boundary reading is chosen and what is done when there is none.

    Windows are whole days around a boundary. ``unit_litres`` 1000 bills whole m3: both indexes are cut
    down to it, so that consecutive bills still add up. ``high_factor_percent`` and ``high_margin_litres``
    are the high check that a rollover must pass against the expected consumption.
    """

    window_before_days: int = 7
    window_after_days: int = 7
    unit_litres: int = 1
    negative: Negative = Negative.CARRY
    high_factor_percent: int = 300
    high_margin_litres: int = 15_000
    minimum_coverage_percent: int = 80
    nominal_hours_per_month: int = 15
    q3_by_calibre: tuple[tuple[int, int], ...] = field(default=Q3_BY_CALIBRE)

    def q3_lph(self, calibre_mm: int) -> int:
        """The permanent flow taken for a calibre whose meter does not state it: the next one up."""
        for calibre, flow in self.q3_by_calibre:
            if calibre_mm <= calibre:
                return flow
        return self.q3_by_calibre[-1][1]
