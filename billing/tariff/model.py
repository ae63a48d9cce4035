"""A tariff as published: one file, its components, and for each component its prices over time and by condition."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, Literal, Protocol

from billing.money import Mode
from billing.tariff.facts import Facts, FactValue
from billing.tariff.match import Condition
from billing.tariff.span import Span
from billing.tariff.steps import Action

NATURES: Final = {
    "price": "precio privado",
    "ppnt": "prestación patrimonial de carácter público no tributaria",
    "tasa": "tasa",
    "levy": "tributo recaudado para otra administración",
    "deposit": "fianza",
}
CERTAINTIES: Final = {
    "read": "todas las cifras leídas en la publicación",
    "partial": "publicación leída en parte",
    "news": "cifras de prensa",
    "unverified": "cifras sin contrastar",
}
VAT_CODES: Final = ("21", "10", "4", "0", "NS", "EX")
"""Rates in percent; NS is not subject (art. 7 LIVA or a third party's levy), EX is exempt (art. 20 LIVA)."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the numbers were published and how sure they are."""

    title: str
    url: str
    published: date | None
    certainty: str
    read_as: str


@dataclass(frozen=True, slots=True)
class RoundingPolicy:
    """How lines and VAT are rounded; the default is half up to the cent, VAT once per rate on the rounded lines."""

    line_decimals: int = 2
    mode: Mode = "half_up"
    vat: Literal["rate", "line"] = "rate"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number or word that the publication leaves open and each case states."""

    name: str
    text: str
    low: Decimal | None = None
    high: Decimal | None = None
    values: tuple[str, ...] = ()
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Season:
    """Days of the year ``[start, end)`` as (month, day); it may run over New Year."""

    start: tuple[int, int]
    end: tuple[int, int]

    def holds(self, day: date) -> bool:
        """Whether the day falls in the season."""
        at = (day.month, day.day)
        return self.start <= at < self.end if self.start < self.end else at >= self.start or at < self.end

    def edges(self, start: date, end: date) -> Iterator[date]:
        """Its first days and first days after within ``(start, end)``."""
        for year in range(start.year, end.year + 1):
            yield from (date(year, *self.start), date(year, *self.end))


class Charge(Protocol):
    """One way to charge; each lives in its own file under ``billing.tariff.charges``."""

    @property
    def key(self) -> str:
        """The key of the file that introduces it."""

    @property
    def per(self) -> str:
        """The stretch of time its prices are for; empty if time does not count."""

    @property
    def facts(self) -> frozenset[str]:
        """The facts it may ask."""

    @property
    def parameters(self) -> frozenset[str]:
        """The parameters of the case it uses."""

    @property
    def once(self) -> bool:
        """Whether it is charged on request, not with every bill."""

    def action(self, at: "Ask") -> Action:
        """What it comes down to for one supply and one stretch of time."""

    def table(self) -> list[tuple[str, str, str]]:
        """Its published rows: concept, price, unit."""

    def warnings(self) -> Iterator[tuple[str, str]]:
        """What looks wrong about its numbers: kind and words."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a charge may look at: the supply, the stretch of time, the parameters, and whom to name in an error."""

    facts: Facts
    span: Span
    parameters: Mapping[str, str]
    where: str


@dataclass(frozen=True, slots=True)
class Rate:
    """One price of a component: from when to when, for whom, in which season, and how it charges."""

    start: date | None
    end: date | None
    season: Season | None
    when: Condition
    clause: str
    source: str
    vat: str | None
    charge: Charge | None
    exempt: str
    line: int
    version: str = ""

    def covers(self, day: date) -> bool:
        """Whether it is in force on a day."""
        if (self.start and day < self.start) or (self.end and day >= self.end):
            return False
        return self.season is None or self.season.holds(day)

    @property
    def facts(self) -> frozenset[str]:
        """The facts that decide it or its amount."""
        return self.when.facts | (self.charge.facts if self.charge else frozenset())


@dataclass(frozen=True, slots=True)
class Component:
    """One concept of the bill: what it is, to whom it goes, its VAT, and its rates in order of preference."""

    code: str
    name: str
    nature: str
    beneficiary: str
    vat: str
    clause: str
    when: Condition
    rates: tuple[Rate, ...]
    line: int
    start: date | None = None
    end: date | None = None

    @property
    def once(self) -> bool:
        """Whether it is only charged on request."""
        return any(rate.charge is not None and rate.charge.once for rate in self.rates)

    def edges(self, start: date, end: date) -> Iterator[date]:
        """The days on which something about it changes."""
        yield from (day for day in (self.start, self.end) if day)
        for rate in self.rates:
            yield from (day for day in (rate.start, rate.end) if day)
            if rate.season:
                yield from rate.season.edges(start, end)


@dataclass(frozen=True, slots=True)
class Frequency:
    """How often bills are issued: ``every`` unless the average use passes a limit (m³/month), then ``then``."""

    every: str
    above: Decimal | None = None
    then: str = ""

    def of(self, average_m3_month: Decimal | None) -> str:
        """The billing frequency for a supply's average use."""
        if self.above is not None and average_m3_month is not None and average_m3_month > self.above:
            return self.then
        return self.every


@dataclass(frozen=True, slots=True)
class TariffVersion:
    """One tariff file: who charges, where it was published, since when, and its components in the bill's order."""

    id: str
    series: str
    place: str
    utility: str
    source: Source
    start: date | None
    end: date | None
    components: tuple[Component, ...]
    rounding: RoundingPolicy = RoundingPolicy()
    assume: Mapping[str, FactValue] = field(default_factory=dict)
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    frequency: Frequency | None = None
    notes: tuple[str, ...] = ()
    digest: str = ""
    file: str = ""

    def covers(self, start: date, end: date) -> bool:
        """Whether it is in force throughout ``[start, end)``."""
        return (self.start is None or self.start <= start) and (self.end is None or end <= self.end)

    def last_day(self) -> date:
        """The day whose prices an undated period takes: the last one on which this version is in force."""
        return self.end - timedelta(days=1) if self.end else date(9998, 12, 31)
