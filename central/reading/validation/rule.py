"""What a rule is, and the list of them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import msgspec

from central.reading.findings import Found
from central.reading.validation.series import Series
from central.store.models import ReadingStatus


class RuleError(ValueError):
    """Parameters that are refused; the text names rule, field, value and what is allowed."""


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A rule's numbers. A utility overrides them under ``settings.validation.<rule>``."""


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
    """

    name: str
    title: str
    severity: str
    parameters: P
    check: Check[P]
    of_meters: bool = True
    slow: bool = False

    def configured(self, settings: Mapping[str, Any]) -> "Rule[P]":
        """The rule with a utility's numbers; raises :class:`RuleError`."""
        if not settings:
            return self
        values = {name: getattr(self.parameters, name) for name in self.parameters.__struct_fields__} | dict(settings)
        try:
            parameters = msgspec.convert(values, type(self.parameters))
        except msgspec.ValidationError as error:
            raise RuleError(f"settings.validation.{self.name}: {error}") from error
        return replace(self, parameters=parameters)
