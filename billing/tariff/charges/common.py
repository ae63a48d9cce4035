"""What the charges share: amounts that may be missing, tables by a fact, formulas over facts and time."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

from billing.tariff.errors import MissingPriceError, RatingError
from billing.tariff.expression import Expression, FormulaError, expression
from billing.tariff.facts import FACTS, plain
from billing.tariff.match import NUMERIC, Match, fact_name, match
from billing.tariff.model import Ask, Parameter
from billing.tariff.reader import Keys, Value

MISSING: Final = "missing"
TIME: Final = frozenset({"days", "months"})
NUMBERS: Final = frozenset(name for name, fact in FACTS.items() if fact.kind in NUMERIC)


@dataclass(frozen=True, slots=True)
class Scope:
    """What the rest of the file offers a charge: its parameters and the codes that come before it."""

    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    earlier: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """Amounts by one fact, first match wins; an amount of None is not in the source.

    ``equivalent`` lets another fact stand in: a Q3 of 2.5 m³/h for a 15 mm meter.
    """

    by: str
    rows: tuple[tuple[Match, Decimal | None], ...]
    equivalent: tuple[tuple[str, tuple[tuple[Match, Fraction], ...]], ...] = ()

    @property
    def facts(self) -> frozenset[str]:
        """The facts it may ask."""
        return frozenset([self.by, *(name for name, _ in self.equivalent)])

    def amount(self, ask: Ask, key: Fraction | None = None) -> Decimal:
        """The amount for the supply, or for a given key instead of the supply's own fact."""
        value = self._key(ask) if key is None else key
        for row, amount in self.rows:
            if row.holds(value):
                if amount is None:
                    raise MissingPriceError(ask.where, f"{self.by} {row.text}")
                return amount
        known = ", ".join(row.text for row, _ in self.rows)
        raise RatingError(f"supply.{self.by}: {plain(value)} is not in the table of {ask.where}; it has {known}")

    def _key(self, ask: Ask) -> Any:
        if not ask.facts.has(self.by):
            for name, rows in self.equivalent:
                if ask.facts.has(name):
                    return self._stand_in(ask, name, rows)
        return ask.facts.need(self.by, ask.where)

    def _stand_in(self, ask: Ask, name: str, rows: tuple[tuple[Match, Fraction], ...]) -> Fraction:
        value = ask.facts.number(name, ask.where)
        for row, key in rows:
            if row.holds(value):
                return key
        known = ", ".join(row.text for row, _ in rows)
        raise RatingError(f"supply.{name}: {plain(value)} is not in the table of {ask.where}; it has {known}")


def table(keys: Keys) -> Table | None:
    """The table under ``by``, ``amounts`` and ``or_by``, if the charge has one."""
    by = keys.take("by")
    if by is None:
        return None
    fact = fact_name(by)
    rows = tuple((match(key, fact), amount(item)) for key, item in keys.need("amounts").pairs())
    others = keys.take("or_by")
    return Table(fact, rows, tuple(_equivalent(key, item) for key, item in others.pairs()) if others else ())


def _equivalent(key: Value, value: Value) -> tuple[str, tuple[tuple[Match, Fraction], ...]]:
    name = fact_name(key)
    return name, tuple((match(row, name), Fraction(item.decimal())) for row, item in value.pairs())


def table_warnings(rows: Table) -> Iterator[tuple[str, str]]:
    """Rows that are missing, that an earlier row hides, or whose amount falls as the fact grows."""
    seen: list[tuple[Match, Decimal | None]] = []
    for row, price in rows.rows:
        if price is None:
            yield "incomplete", f"not in the source: {rows.by} {row.text}"
        if any(earlier.hides(row) for earlier, _ in seen):
            yield "unreachable", f"{rows.by} {row.text} is already in an earlier row"
        else:
            seen.append((row, price))
    ranked = sorted((row.lowest, price, row.text) for row, price in seen if price is not None and row.intervals)
    for (_, price, _), (_, higher, text) in pairwise(ranked):
        if higher < price:
            yield "falling", f"{rows.by} {text} costs {higher}, less than the row before it ({price})"


def amount(value: Value) -> Decimal | None:
    """An amount, or None where the file says ``missing``."""
    return None if value.text() == MISSING else value.decimal()


@dataclass(frozen=True, slots=True)
class Definitions:
    """Named constants (``with:``) and named formulas (``let:``) of a charge."""

    constants: Mapping[str, Decimal | None]
    formulas: Mapping[str, Expression]

    @property
    def names(self) -> frozenset[str]:
        """The names a formula may use besides facts and time."""
        return frozenset(self.constants) | frozenset(self.formulas)

    @property
    def facts(self) -> frozenset[str]:
        """The facts its formulas ask."""
        return frozenset().union(*(formula.names & NUMBERS for formula in self.formulas.values()))

    def work_out(
        self,
        formula: Expression,
        ask: Ask,
        functions: Mapping[str, Callable[..., Fraction]],
        given: Mapping[str, Fraction] | None = None,
    ) -> Fraction:
        """The exact value of a formula for one supply and stretch of time."""
        names = {name: self._name(name, ask, given or {}) for name in sorted(formula.names)}
        try:
            return formula.value(names, functions)
        except FormulaError as error:
            raise RatingError(f"{ask.where}: {error}") from error

    def _name(self, name: str, ask: Ask, given: Mapping[str, Fraction]) -> Fraction:
        if name in given:
            return given[name]
        if name in self.constants:
            constant = self.constants[name]
            if constant is None:
                raise MissingPriceError(ask.where, name)
            return Fraction(constant)
        if name in self.formulas:
            return self.work_out(self.formulas[name], ask, {})
        if name in TIME:
            return ask.span.units("day" if name == "days" else "month")
        return ask.facts.number(name, ask.where)


def definitions(keys: Keys) -> Definitions:
    """The constants and formulas a charge names for its own use."""
    constants = keys.take("with")
    formulas = keys.take("let")
    found = {key.text(): amount(item) for key, item in constants.pairs()} if constants else {}
    known = NUMBERS | TIME | frozenset(found)
    named = {key.text(): expression(item, known) for key, item in formulas.pairs()} if formulas else {}
    return Definitions(found, named)
