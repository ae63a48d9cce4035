"""Conditions on facts, as a tariff writes them: ``domestic``, ``[industrial, official]``, ``>=30 <40``, ``500..3000``.

A range with two dots includes both ends. ``not: [...]`` negates. A set of facts (groups, services) matches when it
holds any of the listed words. Words compare without regard to capitals.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

from billing.money import MoneyError, decimal
from billing.tariff.facts import FACTS, Facts, FactValue
from billing.tariff.reader import Value

_BOUND = re.compile(r"(<=|>=|<|>)(-?\d+(?:\.\d+)?)", re.ASCII)
_RANGE = re.compile(r"(-?\d+(?:\.\d+)?)\.\.(-?\d+(?:\.\d+)?)", re.ASCII)
NUMERIC = ("integer", "decimal")


@dataclass(frozen=True, slots=True)
class Interval:
    """Numbers between two bounds; an absent bound is infinite."""

    low: Fraction | None = None
    high: Fraction | None = None
    low_in: bool = True
    high_in: bool = True

    def holds(self, value: Fraction) -> bool:
        """Whether ``value`` lies inside."""
        if self.low is not None and (value < self.low or (value == self.low and not self.low_in)):
            return False
        return self.high is None or value < self.high or (value == self.high and self.high_in)

    def covers(self, other: "Interval") -> bool:
        """Whether every number of ``other`` lies inside."""
        return self._starts_before(other) and self._ends_after(other)

    def _starts_before(self, other: "Interval") -> bool:
        if self.low is None or other.low is None:
            return self.low is None
        return self.low < other.low or (self.low == other.low and self.low_in >= other.low_in)

    def _ends_after(self, other: "Interval") -> bool:
        if self.high is None or other.high is None:
            return self.high is None
        return self.high > other.high or (self.high == other.high and self.high_in >= other.high_in)


@dataclass(frozen=True, slots=True)
class Match:
    """What a fact's value must be: any of the alternatives, or none of them if negated."""

    text: str
    words: frozenset[str] = frozenset()
    intervals: tuple[Interval, ...] = ()
    flag: bool | None = None
    negated: bool = False

    def holds(self, value: FactValue) -> bool:
        """Whether the fact's value satisfies this."""
        return self._found(value) != self.negated

    @property
    def lowest(self) -> Fraction:
        """The least number it accepts, to put rows in order; a bound from below counts just after its value."""
        first = self.intervals[0]
        if first.low is None:
            return first.high if first.high is not None and len(self.intervals) == 1 else Fraction(0)
        return first.low

    def hides(self, other: "Match") -> bool:
        """Whether everything ``other`` accepts is accepted here already."""
        if self.negated or other.negated or self.flag is not other.flag:
            return False
        if not (other.words or other.intervals):
            return True
        covered = all(any(mine.covers(theirs) for mine in self.intervals) for theirs in other.intervals)
        return covered and other.words <= self.words

    def _found(self, value: FactValue) -> bool:
        if isinstance(value, bool):
            return value == self.flag
        if isinstance(value, Fraction):
            return any(interval.holds(value) for interval in self.intervals)
        words = value if isinstance(value, frozenset) else frozenset([value])
        return any(word.casefold() in self.words for word in words)


@dataclass(frozen=True, slots=True)
class Condition:
    """Facts that must all match, asked in file order so that a later fact is not needed once an earlier one fails."""

    parts: tuple[tuple[str, Match], ...] = ()

    def holds(self, facts: Facts, why: str) -> bool:
        """Whether the supply satisfies every part."""
        return all(match.holds(facts.need(name, why)) for name, match in self.parts)

    @property
    def facts(self) -> frozenset[str]:
        """The facts it may ask."""
        return frozenset(name for name, _ in self.parts)

    @property
    def text(self) -> str:
        """The condition on one line."""
        return ", ".join(f"{name}: {match.text}" for name, match in self.parts)


def condition(value: Value | None) -> Condition:
    """The condition under a ``when:`` key."""
    if value is None:
        return Condition()
    return Condition(tuple((fact_name(key), match(item, key.text())) for key, item in value.pairs()))


def fact_name(value: Value) -> str:
    """A name of the vocabulary of facts."""
    name = value.text()
    if name not in FACTS:
        value.fail(f"is not a supply fact; known: {', '.join(FACTS)}")
    return name


def match(value: Value, fact: str) -> Match:
    """What the file demands of one fact."""
    if value.is_mapping:
        with value.keys() as keys:
            inner = match(keys.need("not"), fact)
        return Match(f"not {inner.text}", inner.words, inner.intervals, inner.flag, negated=True)
    options = value.one_or_many()
    text = " | ".join(option.text() for option in options)
    kind = FACTS[fact].kind
    if kind == "flag":
        return Match(text, flag=value.flag())
    if kind in NUMERIC:
        return Match(text, intervals=tuple(_interval(option) for option in options))
    return Match(text, words=frozenset(option.text().casefold() for option in options))


def _interval(value: Value) -> Interval:
    text = value.text()
    if found := _RANGE.fullmatch(text):
        return Interval(Fraction(found[1]), Fraction(found[2]))
    bounds = _BOUND.findall(text)
    if bounds and "".join(sign + number for sign, number in bounds) == text.replace(" ", ""):
        return _bounded(bounds)
    try:
        number = Fraction(decimal(text))
    except MoneyError:
        value.fail("must be a number, a range like 500..3000 or bounds like >=30 <40")
    return Interval(number, number)


def _bounded(bounds: list[tuple[str, str]]) -> Interval:
    low = high = None
    low_in = high_in = True
    for sign, number in bounds:
        if sign[0] == ">":
            low, low_in = Fraction(number), sign == ">="
        else:
            high, high_in = Fraction(number), sign == "<="
    return Interval(low, high, low_in, high_in)
