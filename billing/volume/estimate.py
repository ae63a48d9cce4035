"""The published estimation cascade for periods without a usable reading.

Source: EMASESA, "On what basis is an estimated consumption billed?": (1) same season of the previous
year; (2) if unusable, the average of the last three years, taken here as the same season of each; (3)
the mean of the previous twelve months without leak periods; (4) the mean of all known periods; (5)
without history, the meter's nominal capacity for fifteen hours a month. References are scaled by days.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from billing.volume.period import Period
from billing.volume.policy import Policy
from billing.volume.readings import Installation, PastPeriod
from billing.volume.share import share_by_days


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimated litres, the step of the cascade (1 to 5) and its stable name."""

    litres: int
    step: int
    basis: str


def estimate(period: Period, past: Sequence[PastPeriod], installation: Installation, policy: Policy) -> Estimate:
    """Litres expected in ``period`` by the first step of the cascade that has data."""
    known = from_history(period, past, policy)
    if known is not None:
        return known
    flow = installation.q3_lph or policy.q3_lph(installation.calibre_mm)
    return Estimate(_nominal(period, flow, policy), 5, "nominal_capacity")


def from_history(period: Period, past: Sequence[PastPeriod], policy: Policy) -> Estimate | None:
    """Steps 1 to 4, or None without any usable history."""
    usable = [item for item in past if item.usable and item.period.end <= period.start]
    year_ago = _season(period.years_before(1), usable, policy)
    if year_ago is not None:
        return Estimate(_scaled(year_ago, period.days), 1, "same_season_last_year")
    seasons = [_season(period.years_before(years), usable, policy) for years in (2, 3)]
    three_years = _added([season for season in seasons if season is not None])
    if three_years is not None:
        return Estimate(_scaled(three_years, period.days), 2, "same_season_three_years")
    year = Period(period.years_before(1).start, period.start)
    recent = _added([_known(item) for item in usable if item.period.overlap_days(year) == item.period.days])
    if recent is not None:
        return Estimate(_scaled(recent, period.days), 3, "previous_twelve_months")
    ever = _added([_known(item) for item in usable])
    if ever is not None:
        return Estimate(_scaled(ever, period.days), 4, "known_periods")
    return None


def _season(season: Period, usable: Sequence[PastPeriod], policy: Policy) -> tuple[int, int] | None:
    """Litres and days known inside ``season``, or None when too little of it is covered."""
    litres = days = 0
    for item in usable:
        common = item.period.overlap_days(season)
        if common:
            litres += share_by_days(item.litres, (common, item.period.days - common))[0]
            days += common
    if days * 100 < season.days * policy.minimum_coverage_percent:
        return None
    return litres, days


def _known(item: PastPeriod) -> tuple[int, int]:
    return item.litres, item.period.days


def _added(parts: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    if not parts:
        return None
    return sum(litres for litres, _ in parts), sum(days for _, days in parts)


def _scaled(known: tuple[int, int], days: int) -> int:
    """Known litres brought to ``days`` days, half up, never negative."""
    litres, known_days = known
    return max(0, (2 * litres * days + known_days) // (2 * known_days))


def _nominal(period: Period, flow_lph: int, policy: Policy) -> int:
    """Step 5: whole months count as such, other spans as days of a twelfth of a year."""
    monthly = flow_lph * policy.nominal_hours_per_month
    months = period.whole_months
    if months:
        return monthly * months
    return (monthly * 12 * period.days * 2 + 365) // (2 * 365)
