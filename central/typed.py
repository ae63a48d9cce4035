"""Days, periods and euros as they are typed in options; a refusal names the option, the value and the rule."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from billing.volume import Period

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EUROS = re.compile(r"[0-9]{1,12}([.,][0-9]{1,2})?")


def day(option: str, text: str) -> date:
    """The day of ``2026-01-31``; ValueError for every other way of writing one."""
    try:
        if _DAY.fullmatch(text) is None:
            raise ValueError(text)
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{option} {text}: must be a date like 2026-01-31") from None


def day_or_none(option: str, text: str | None) -> date | None:
    """The same; None where the option is not given."""
    return None if text is None else day(option, text)


def period(option: str, text: str) -> Period:
    """The half-open period of ``2026-01-01/2026-04-01``, the second day excluded; ValueError for anything else."""
    from billing.volume import Period

    start, _, end = text.partition("/")
    try:
        return Period(day(option, start), day(option, end))
    except ValueError:
        raise ValueError(f"{option} {text}: must be FROM/TO, two dates like 2026-01-31, FROM before TO") from None


def cents(option: str, text: str) -> int:
    """Whole cents of euros with a point or a comma (``80.25``); ValueError for anything else, a sign too."""
    if not _EUROS.fullmatch(text):
        raise ValueError(f"{option} {text}: must be euros with at most two decimals, like 80.25")
    return int(Decimal(text.replace(",", ".")) * 100)
