"""The change that is studied: one tariff in the place of another, over the same water and the same days."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from billing.tariff import Book, TariffVersion


class ChangeError(ValueError):
    """A change that cannot be studied on these bills: field, value and rule."""


@dataclass(frozen=True, slots=True)
class Change:
    """``new`` (in ``book``) instead of ``replaces``; None replaces the bills' only tariff.

    ``assume`` are supply facts that the new tariff needs and the bills did not, where a bill lacks them.
    """

    new: str
    book: Book
    replaces: str | None = None
    assume: Mapping[str, Any] = field(default_factory=dict)

    def applied(self, case: Mapping[str, Any]) -> dict[str, Any]:
        """The case under the new tariff; a bill that the change does not touch stays as it is."""
        if not self._touches(case):
            return dict(case)
        tariffs = [self.new if self._replaced(name, case) else name for name in case["tariffs"]]
        supply = {**self.assume, **case.get("supply", {})}
        return {**case, "tariffs": tariffs, "supply": supply, "period": self._in_force(case["period"])}

    def _touches(self, case: Mapping[str, Any]) -> bool:
        return any(self._replaced(name, case) for name in case["tariffs"])

    def _replaced(self, name: str, case: Mapping[str, Any]) -> bool:
        if self.replaces is not None:
            return name == self.replaces
        if len(case["tariffs"]) > 1:
            several = ", ".join(case["tariffs"])
            raise ChangeError(f"replaces: must say which of the bills' tariffs is replaced: {several}")
        return True

    def _in_force(self, period: Mapping[str, Any]) -> dict[str, Any]:
        """The bill's days in the nearest year in which the new tariff rules them; months keep their seasons."""
        version = self.book.get(self.new)
        if "from" not in period:
            return dict(period)
        start, end = date.fromisoformat(period["from"]), date.fromisoformat(period["to"])
        years = next((years for years in _nearest() if _rules(version, _later(start, years), _later(end, years))), None)
        if years is None:
            raise ChangeError(f"tariff {self.new}: is never in force for a whole period like [{start}, {end})")
        return {"from": _later(start, years).isoformat(), "to": _later(end, years).isoformat()}


def _nearest() -> list[int]:
    """Years to shift by: none, then ever further, the future first."""
    return sorted(range(-20, 21), key=lambda years: (abs(years), -years))


def _rules(version: TariffVersion, start: date, end: date) -> bool:
    return (version.start or start) <= start and end <= (version.end or end)


def _later(day: date, years: int) -> date:
    leap_day = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year + years, day=28 if leap_day and years % 4 else day.day)
