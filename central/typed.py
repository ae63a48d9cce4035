"""Days, periods, amounts and counts as people type them; a refusal names field, value and rule."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from billing.volume import Period

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# No contract is older; and what is reckoned from days beyond would leave the calendar.
_YEARS = range(1900, 2200)
_EUROS = re.compile(r"[0-9]{1,12}([.,][0-9]{1,2})?")
_CUBIC_METRES = re.compile(r"[0-9]{1,9}([.,][0-9]{1,3})?")
_WHOLE = re.compile(r"[0-9]{1,9}")


class TypedError(ValueError):
    """What was typed cannot be read; the text names where it was typed, the value and the rule."""

    def __init__(self, field: str, value: str, rule: str) -> None:
        super().__init__(f"{field} {value}: {rule}")
        self.field = field
        self.value = value
        self.rule = rule


def day(option: str, text: str) -> date:
    """The day of ``2026-01-31``; :class:`TypedError` for every other way of writing one, and for one nobody means."""
    try:
        if _DAY.fullmatch(text) is None:
            raise ValueError(text)
        said = date.fromisoformat(text)
    except ValueError:
        raise TypedError(option, text, "must be a date like 2026-01-31") from None
    if said.year not in _YEARS:
        raise TypedError(option, text, f"must lie in the years {_YEARS.start} to {_YEARS.stop - 1}")
    return said


def day_or_none(option: str, text: str | None) -> date | None:
    """The same; None where the option is not given."""
    return None if text is None else day(option, text)


def period(option: str, text: str) -> Period:
    """The half-open period ``2026-01-01/2026-04-01``; :class:`TypedError` for anything else."""
    from billing.volume import Period

    start, _, end = text.partition("/")
    try:
        return Period(day(option, start), day(option, end))
    except ValueError:
        raise TypedError(option, text, "must be FROM/TO, two dates like 2026-01-31, FROM before TO") from None


def cents(option: str, text: str) -> int:
    """Whole cents of euros with a point or a comma (``80.25``); :class:`TypedError` for anything else, a sign too."""
    if not _EUROS.fullmatch(text):
        raise TypedError(option, text, "must be euros with at most two decimals, like 80.25")
    return int(Decimal(text.replace(",", ".")) * 100)


def litres(option: str, text: str) -> int:
    """Litres of cubic metres with a point or a comma (``14.5``); :class:`TypedError` for anything else."""
    if not _CUBIC_METRES.fullmatch(text):
        raise TypedError(option, text, "must be cubic metres with at most three decimals, like 14.5")
    return int(Decimal(text.replace(",", ".")) * 1000)


def whole(option: str, text: str) -> int:
    """A whole number from 0, of nine digits at most; :class:`TypedError` for anything else."""
    if not _WHOLE.fullmatch(text):
        raise TypedError(option, text, "must be a whole number from 0")
    return int(text)


def one_of(option: str, text: str, allowed: Iterable[str]) -> str:
    """One of some words; :class:`TypedError` for any other, which would silently find nothing."""
    known = tuple(allowed)
    if text not in known:
        raise TypedError(option, text, f"must be one of {', '.join(known)}")
    return text
