"""What the law gives a case time for, so that nobody has to remember: each with its source.

A utility's own stand in ``utility.settings["lifecycle"]["deadlines"]`` (a code of a usual one replaces it), its local
holidays (ISO dates) in ``utility.settings["lifecycle"]["holidays"]``. Working days leave out Saturdays, Sundays and
holidays (Ley 39/2015, article 30.2).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from central.lifecycle.procedures import Procedure
from central.register.errors import RegisterError
from central.times import MADRID

# The holidays of the whole State that always fall on the same day (Estatuto de los Trabajadores, article 37.2).
_NATIONAL = frozenset({(1, 1), (1, 6), (5, 1), (8, 15), (10, 12), (11, 1), (12, 6), (12, 8), (12, 25)})
_SATURDAY = 5


class Deadline(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``days`` after ``since`` (``opened``: the request came in, ``done``: the case was completed)."""

    code: str
    title: str
    days: int
    source: str
    working: bool = False
    since: str = "opened"
    procedures: tuple[str, ...] = tuple(Procedure)
    channels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Due:
    """A deadline as a last day, in local dates."""

    code: str
    title: str
    source: str
    last_day: date
    late: bool


_DISTANT = ("phone", "portal", "api")
USUAL = (
    Deadline("documents", "Aportar los documentos que faltan", 10, "Ley 39/2015, art. 68.1", working=True),
    Deadline(
        "answer", "Contestar a quien lo solicita", 15, "Ley 10/2025, de servicios de atención a la clientela",
        working=True,
    ),
    Deadline(
        "confirmation", "Confirmar la contratación a distancia", 1, "Ley 34/2002, art. 28.1", since="done",
        procedures=(Procedure.SIGN_UP,), channels=_DISTANT,
    ),
    Deadline(
        "desistance", "Desistir del contrato hecho a distancia", 14, "RDL 1/2007, arts. 102 y 104", since="done",
        procedures=(Procedure.SIGN_UP, Procedure.CHANGE_OF_HOLDER), channels=_DISTANT,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Clock:
    """The instants deadlines count from and today's local date."""

    opened_at: datetime
    done_at: datetime | None
    closed: bool
    today: date


def due(settings: Mapping[str, Any], procedure: str, channel: str, clock: Clock) -> list[Due]:
    """The deadlines of a case, the nearest first; one that a closed case has met is left out."""
    own = settings.get("lifecycle", {})
    holidays = _holidays(own.get("holidays", []))
    found = []
    for rule in _rules(own.get("deadlines", [])):
        if procedure not in rule.procedures or (rule.channels and channel not in rule.channels):
            continue
        since = clock.done_at if rule.since == "done" else clock.opened_at
        if since is None or (rule.since == "opened" and clock.closed):
            continue
        start = since.astimezone(MADRID).date()
        last = add_working_days(start, rule.days, holidays) if rule.working else start + timedelta(rule.days)
        found.append(Due(rule.code, rule.title, rule.source, last, last < clock.today))
    return sorted(found, key=lambda one: (one.last_day, one.code))


def add_working_days(day: date, days: int, holidays: frozenset[date]) -> date:
    """The day that is ``days`` working days after ``day``."""
    while days > 0:
        day += timedelta(1)
        if day.weekday() < _SATURDAY and (day.month, day.day) not in _NATIONAL and day not in holidays:
            days -= 1
    return day


def _rules(stated: Any) -> tuple[Deadline, ...]:
    try:
        own = msgspec.convert(stated, tuple[Deadline, ...])
    except msgspec.ValidationError as error:
        raise RegisterError("utility.settings.lifecycle.deadlines", "…", str(error)) from error
    return tuple({rule.code: rule for rule in (*USUAL, *own)}.values())


def _holidays(stated: Any) -> frozenset[date]:
    try:
        return msgspec.convert(stated, frozenset[date])
    except msgspec.ValidationError as error:
        raise RegisterError("utility.settings.lifecycle.holidays", "…", str(error)) from error
