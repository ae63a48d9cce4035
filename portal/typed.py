"""What is typed in forms, as values: each in one form, a refusal names the form's field, the value and the rule.

Days, amounts and counts are those of the commands (:mod:`central.typed`); blanks around them are no matter, and a field
that may be left empty then says nothing.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import TypeVar

from billing.volume import Period
from central import typed
from central.access import Identity
from central.fleet import queries
from central.register import Change, RegisterError
from central.store import Session
from central.store.models import Device
from central.times import MADRID
from central.typed import TypedError

Value = TypeVar("Value")
LONGEST_REASON = 200


def given(read: Callable[[str, str], Value], field: str, text: str) -> Value | None:
    """What ``read`` makes of the field; None where it is empty."""
    return read(field, text) if text.strip() else None


def day(field: str, text: str) -> date:
    """A day, ``2026-01-31``, as a date field sends it."""
    return typed.day(field, text.strip())


def period(first: str, start: str, second: str, end: str) -> Period:
    """The half-open period of two fields, named ``first`` and ``second``."""
    since, until = day(first, start), day(second, end)
    if until <= since:
        raise TypedError(second, end, f"must lie after {since}")
    return Period(since, until)


def moment(field: str, text: str) -> datetime:
    """An instant, ``2026-01-31T08:30``, as a field of a date with its hour sends it: the office's clock."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        at = None
    if at is None or at.tzinfo is not None or "T" not in text:
        raise TypedError(field, text, "must be a date with its hour like 2026-01-31T08:30")
    return at.replace(tzinfo=MADRID)


def cents(field: str, text: str) -> int:
    """Whole cents of euros: ``80,25``."""
    return typed.cents(field, text.strip())


def litres(field: str, text: str) -> int:
    """Litres of cubic metres: ``14,5``."""
    return typed.litres(field, text.strip())


def whole(field: str, text: str) -> int:
    """A whole number from 0."""
    return typed.whole(field, text.strip())


def device(session: Session, identity: Identity, name: str) -> Device:
    """The device in service with this name."""
    found = [one for one in queries.devices(session, identity.utility_id) if one.name == name.strip()]
    if not found:
        raise RegisterError("terminal", name, "is not a device in service")
    return found[0]


def by(identity: Identity, reason: str = "") -> Change:
    """Who changes something, now, and why; the audit names logins."""
    why = reason.strip()
    if len(why) > LONGEST_REASON:
        raise TypedError("motivo", f"{len(why)} characters", f"must have at most {LONGEST_REASON} characters")
    return Change(identity.login, datetime.now(UTC), why)
