"""What a rule is, and the list of them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise
from typing import Any, Generic, TypeVar

import msgspec

from central.reading.findings import Found
from central.reading.validation.series import Series
from central.store.models import ReadingStatus


class RuleError(ValueError):
    """Parameters that are refused; the text names rule, field, value and what is allowed."""


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A rule's numbers. A utility overrides them under ``settings.validation.<rule>``.

    Either for ever, ``{"small_hours": 24, "uses": {"commercial": {"small_hours": 48}}}``, or as a list of such entries
    with the day ``from`` which each is in force. ``uses`` are those of contracts; what one does not say is as for all.
    """


@dataclass(frozen=True)
class Verdict:
    """A reading's new status; ``row`` is its place in the series, ``reason`` the numbers that were compared."""

    row: int
    status: ReadingStatus
    reason: str


@dataclass(frozen=True)
class Over:
    """What the rule found about a subject, where it began before an instant, is over."""

    subject: str
    before_ms: int


P = TypeVar("P", bound=Parameters)
Result = Verdict | Found | Over
Check = Callable[[Series, P], Iterable[Result]]


@dataclass(frozen=True)
class Rule(Generic[P]):
    """A named check of a stretch of readings. ``title`` is for people, Spanish.

    ``of_meters``: it looks at readings meter by meter; else it is asked once for a utility, with an empty series.
    ``slow``: it looks back over months, so that it is asked once a day instead of each time something new came in.
    ``uses``: the numbers of a use of water that needs its own.
    """

    name: str
    title: str
    severity: str
    parameters: P
    check: Check[P]
    of_meters: bool = True
    slow: bool = False
    uses: Mapping[str, P] = field(default_factory=dict)

    def configured(self, settings: Any, day: date) -> "Rule[P]":
        """The rule with a utility's numbers in force on a day; raises :class:`RuleError`."""
        where = f"settings.validation.{self.name}"
        given = dict(_in_force(settings, day, where))
        if not given:
            return self
        by_use = given.pop("uses", {})
        if not isinstance(by_use, Mapping):
            raise RuleError(f"{where}.uses: {by_use!r}, must be a mapping from use to numbers")
        uses = {use: _changed(numbers, given, where) for use, numbers in self.uses.items()}
        parameters = _changed(self.parameters, given, where)
        for use, numbers in by_use.items():
            uses[use] = _changed(uses.get(use, parameters), numbers, f"{where}.uses.{use}")
        return replace(self, parameters=parameters, uses=uses)

    def numbers_for(self, use: str) -> P:
        """The numbers for a use of water."""
        return self.uses.get(use, self.parameters)


def _changed(parameters: P, settings: Any, where: str) -> P:
    if not isinstance(settings, Mapping):
        raise RuleError(f"{where}: {settings!r}, must be a mapping from names to numbers")
    values = {name: getattr(parameters, name) for name in parameters.__struct_fields__} | dict(settings)
    try:
        return msgspec.convert(values, type(parameters))
    except msgspec.ValidationError as error:
        raise RuleError(f"{where}: {error}") from error


def _in_force(settings: Any, day: date, where: str) -> Mapping[str, Any]:
    """Of dated entries the newest whose day has come."""
    if isinstance(settings, Mapping):
        return settings
    if not isinstance(settings, list):
        raise RuleError(f"{where}: {settings!r}, must be a mapping or a list of dated ones")
    dated = sorted(((_day(entry, where), place) for place, entry in enumerate(settings)), reverse=True)
    for (later, _), (earlier, _) in pairwise(dated):
        if later == earlier:
            raise RuleError(f"{where}: two entries from {later}")
    newest = next((place for start, place in dated if start <= day), None)
    return {} if newest is None else {name: value for name, value in settings[newest].items() if name != "from"}


def _day(entry: Any, where: str) -> date:
    try:
        return date.fromisoformat(entry["from"])
    except (KeyError, TypeError, ValueError):
        raise RuleError(f"{where}: {entry!r}, must say 'from' which day (YYYY-MM-DD) it is in force") from None
