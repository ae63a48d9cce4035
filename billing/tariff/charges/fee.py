"""Fixed fees: an amount per day, month, bimester, quarter or year, or once, flat, from a table or by a formula.

fee: {per: month, by: calibre_mm, amounts: {13: 4.46, 15: 8.94}}
fee: {per: day, amount: "max(amount(), premises * amount(15))", by: calibre_mm, amounts: {...}}
fee: {per: once, amount: A * connection_mm + B * connection_l_s, with: {A: 14.91, B: 16.26}}
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from billing.money import MoneyError, decimal
from billing.tariff.charges.common import (
    MISSING,
    NUMBERS,
    TIME,
    Definitions,
    Scope,
    Table,
    amount,
    definitions,
    table,
    table_warnings,
)
from billing.tariff.errors import MissingPriceError
from billing.tariff.expression import Expression, expression
from billing.tariff.facts import FACTS
from billing.tariff.match import fact_name
from billing.tariff.model import Ask
from billing.tariff.reader import Keys, Value
from billing.tariff.span import PERS, SPANISH
from billing.tariff.steps import Action, Fixed, Formula

WATER: Final = frozenset({"m3"})


@dataclass(frozen=True, slots=True)
class Fee:
    """A fixed fee; ``flat`` None with neither table nor formula is a price the source lacks (``missing``)."""

    per: str
    flat: Decimal | None
    rows: Table | None
    formula: Expression | None
    times: tuple[str, ...]
    own: Definitions
    missing: str
    key: str = "fee"

    @property
    def facts(self) -> frozenset[str]:
        """The facts it may ask."""
        names = self.formula.names & NUMBERS if self.formula else frozenset()
        return names | frozenset(self.times) | self.own.facts | (self.rows.facts if self.rows else frozenset())

    @property
    def once(self) -> bool:
        """Whether it is charged on request, not with every bill."""
        return self.per == "once"

    def action(self, ask: Ask) -> Action:
        """The fee for the stretch of time; by a formula over m³ it stays open until the water is known."""
        if self.missing:
            raise MissingPriceError(ask.where, self.missing)
        quantity = ask.span.units(self.per)
        for fact in self.times:
            quantity *= ask.facts.number(fact, ask.where)
        if self.formula and self.formula.names & WATER:
            return Formula(self.per, self.formula.text, self._of_water(ask, self.formula, quantity), self._why())
        return Fixed(quantity, self.per, self._price(ask), self._why())

    @property
    def parameters(self) -> frozenset[str]:
        """A fee uses no parameter."""
        return frozenset()

    def warnings(self) -> Iterator[tuple[str, str]]:
        """Amounts that are missing, fall as the fact grows, or can never be looked up."""
        if self.missing:
            yield "incomplete", f"not in the source: {self.missing}"
        for name, value in self.own.constants.items():
            if value is None:
                yield "incomplete", f"not in the source: {name}"
        if self.rows:
            yield from table_warnings(self.rows)

    def table(self) -> list[tuple[str, str, str]]:
        """Its published rows: concept, price, unit."""
        unit = f"€/{SPANISH[self.per][0]}" if self.per and not self.once else "€"
        unit += "".join(f" y {FACTS[fact].spanish}" for fact in self.times)
        rows = [] if self.rows is None else self.rows.rows
        listed = (
            [(f"{FACTS[self.rows.by].spanish} {row.text}", _price(price), unit) for row, price in rows]
            if self.rows
            else []
        )
        if self.formula:
            constants = ", ".join(f"{name} = {_price(value)}" for name, value in self.own.constants.items())
            listed.append((constants, self.formula.text, unit))
        elif self.rows is None:
            listed.append((self.missing, _price(self.flat), unit))
        return listed

    def _price(self, ask: Ask) -> Fraction:
        if self.formula:
            return self.own.work_out(self.formula, ask, self._functions(ask))
        return Fraction(self.rows.amount(ask) if self.rows else self.flat or 0)

    def _of_water(self, ask: Ask, formula: Expression, quantity: Fraction) -> Callable[[Fraction], Fraction]:
        def euros(m3: Fraction) -> Fraction:
            return quantity * self.own.work_out(formula, ask, self._functions(ask), {"m3": m3})

        return euros

    def _functions(self, ask: Ask) -> Mapping[str, Callable[..., Fraction]]:
        rows = self.rows
        return {"amount": lambda *key: Fraction(rows.amount(ask, *key))} if rows else {}

    def _why(self) -> dict[str, Any]:
        why: dict[str, Any] = {"per": self.per}
        if self.formula:
            why["formula"] = self.formula.text
            why["constants"] = {name: str(value) for name, value in self.own.constants.items()}
        return why


def parse(value: Value, scope: Scope) -> Fee:
    """The fee written under ``fee:``."""
    with value.keys() as keys:
        missing = keys.text(MISSING)
        if missing:
            return Fee("", None, None, None, (), Definitions({}, {}), missing)
        per = keys.need("per").choice({name: name for name in PERS})
        rows, own = table(keys), definitions(keys)
        times = keys.take("times")
        flat, formula = _amount(keys, rows, own)
        return Fee(per, flat, rows, formula, tuple(fact_name(v) for v in times.one_or_many()) if times else (), own, "")


def _amount(keys: Keys, rows: Table | None, own: Definitions) -> tuple[Decimal | None, Expression | None]:
    value = keys.take("amount")
    if value is None:
        if rows is None:
            keys.lacks("amount", ": flat or a formula, or by with amounts")
        return None, None
    try:
        decimal(value.text())
    except MoneyError:
        functions = frozenset({"amount"}) if rows else frozenset()
        return None, expression(value, NUMBERS | TIME | WATER | own.names, functions)
    if rows is not None:
        value.fail("must be a formula when there is a table of amounts")
    return amount(value), None


def _price(value: Decimal | None) -> str:
    return "no consta" if value is None else str(value)
