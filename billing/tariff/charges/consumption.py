"""Prices per m³: one price or increasing blocks, whose limits grow with the billed time and with facts.

    consumption: {per: quarter, blocks: [{to: 18, price: 0.35}, {to: 30, price: 0.70}, {price: 1.50}]}
    consumption: {per: month, let: {n: "max(3, persons)"}, blocks: [{to: 3 * n, price: 0.4936}, {price: 1}], minimum: 6}
    consumption: {price: 0.90, volume: leak_excess}

A limit includes its last m³ and is a number or a formula of m³ in one ``per``; ``limits_times`` multiplies every limit
(and the minimum) by facts such as dwellings.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final, get_args

from billing.money import MoneyError, decimal, divide, shown
from billing.tariff.charges.common import (
    MISSING,
    NUMBERS,
    Definitions,
    Scope,
    amount,
    definitions,
)
from billing.tariff.errors import MissingPriceError, RatingError
from billing.tariff.expression import Expression, expression
from billing.tariff.facts import FACTS
from billing.tariff.match import Condition, condition, fact_name
from billing.tariff.model import Ask
from billing.tariff.reader import Keys, Value
from billing.tariff.span import PERS, SPANISH
from billing.tariff.steps import Action, Rebate, Tier, Volume, Water

VOLUMES: Final[Mapping[str, Volume]] = {name: name for name in get_args(Volume)}
LITRES: Final = 1000
DEAR: Final = 20
"""€/m³ above which a price is taken for a misprint."""
Limit = Decimal | Expression


@dataclass(frozen=True, slots=True)
class Block:
    """One block as published: its inclusive upper limit (None: no limit) and its price or prices."""

    to: Limit | None
    prices: tuple[tuple[str, Decimal | None], ...]


@dataclass(frozen=True, slots=True)
class RebateRule:
    """A price taken off every m³ for those who meet a condition or stay within a limit."""

    name: str
    price: Decimal
    upto: Decimal | None
    when: Condition


@dataclass(frozen=True, slots=True)
class Coefficient:
    """A factor on every price, first match wins: a number, a parameter of the case, or missing."""

    when: Condition
    factor: Decimal | None
    parameter: str


@dataclass(frozen=True, slots=True)
class Consumption:
    """Prices per m³ in blocks."""

    per: str
    volume: Volume
    blocks: tuple[Block, ...]
    limits_times: tuple[str, ...]
    minimum: Decimal
    rebates: tuple[RebateRule, ...]
    coefficients: tuple[Coefficient, ...]
    own: Definitions
    missing: str
    key: str = "consumption"
    once: bool = False

    @property
    def facts(self) -> frozenset[str]:
        """The facts it may ask."""
        found = frozenset(self.limits_times) | self.own.facts
        for block in self.blocks:
            if isinstance(block.to, Expression):
                found |= block.to.names & NUMBERS
        conditions = [rule.when for rule in self.rebates] + [rule.when for rule in self.coefficients]
        return found.union(*(when.facts for when in conditions))

    def action(self, ask: Ask) -> Action:
        """The blocks for the stretch of time, in whole litres."""
        if self.missing:
            return Water(self.volume, 0, (Tier(1, 0, None, (("", None),), {"missing": self.missing}),))
        scale = self._scale(ask)
        factor = self._factor(ask)
        rebates = tuple(_rebate(rule, scale) for rule in self.rebates if rule.when.holds(ask.facts, ask.where))
        why = {"coefficient": str(shown(factor))} if self.coefficients else {}
        return Water(self.volume, litres(Fraction(self.minimum) * scale), self._tiers(ask, scale, factor), rebates, why)

    @property
    def parameters(self) -> frozenset[str]:
        """The parameters that hold a coefficient."""
        return frozenset(rule.parameter for rule in self.coefficients if rule.parameter)

    def warnings(self) -> Iterator[tuple[str, str]]:
        """Blocks that are missing, useless or cheaper than the one before, and prices that look like cents."""
        if self.missing:
            yield "incomplete", f"not in the source: {self.missing}"
        for number, block in enumerate(self.blocks, 1):
            for label, price in block.prices:
                yield from _price_warnings(f"block {number}{label and ' ' + label}", price)
        for number, (below, block) in enumerate(pairwise(self.blocks), 2):
            yield from _step_warnings(number, below, block)

    def table(self) -> list[tuple[str, str, str]]:
        """Its published rows: concept, price, unit."""
        if self.missing:
            return [(self.missing, "no consta", "€/m³")]
        rows, below = [], "0"
        for number, block in enumerate(self.blocks, 1):
            name = "todo el consumo" if len(self.blocks) == 1 else f"bloque {number}: {_range(below, block.to, self)}"
            rows += [(f"{name} {label}".strip(), _price(price), "€/m³") for label, price in block.prices]
            below = _limit_text(block.to)
        if self.minimum:
            rows.append(("mínimo facturable", f"{shown(self.minimum)}", f"m³/{SPANISH[self.per][0]}"))
        rows += [(rule.name, f"-{rule.price}", "€/m³") for rule in self.rebates]
        return rows

    def _scale(self, ask: Ask) -> Fraction:
        scale = ask.span.units(self.per) if self.per else Fraction(1)
        for fact in self.limits_times:
            scale *= ask.facts.number(fact, ask.where)
        return scale

    def _factor(self, ask: Ask) -> Fraction:
        for rule in self.coefficients:
            if rule.when.holds(ask.facts, ask.where):
                if rule.parameter:
                    return Fraction(ask.parameters[rule.parameter])
                if rule.factor is None:
                    raise MissingPriceError(ask.where, f"coefficient for {rule.when.text}")
                return Fraction(rule.factor)
        return Fraction(1)

    def _tiers(self, ask: Ask, scale: Fraction, factor: Fraction) -> tuple[Tier, ...]:
        tiers: list[Tier] = []
        lower = 0
        for number, block in enumerate(self.blocks, 1):
            published = None if block.to is None else self._published(block.to, ask)
            upper = None if published is None else litres(published * scale)
            if upper is not None and upper < lower:
                raise RatingError(
                    f"{ask.where}: block {number} ends at {upper} litres, below where it starts ({lower})"
                )
            prices = tuple(
                (label, None if price is None else Fraction(price) * factor) for label, price in block.prices
            )
            tiers.append(Tier(number, lower, upper, prices, self._why(published, block, scale)))
            lower = upper or lower
        return tuple(tiers)

    def _published(self, limit: Limit, ask: Ask) -> Fraction:
        return self.own.work_out(limit, ask, {}) if isinstance(limit, Expression) else Fraction(limit)

    def _why(self, published: Fraction | None, block: Block, scale: Fraction) -> dict[str, Any]:
        why: dict[str, Any] = {"published_upto_m3": None if published is None else str(shown(published))}
        if isinstance(block.to, Expression):
            why["formula"] = block.to.text
        if self.per:
            why |= {"per": self.per, "limits_scaled_by": str(scale)}
        if self.limits_times:
            why["limits_times"] = list(self.limits_times)
        return why


def litres(m3: Fraction) -> int:
    """m³ as whole litres, half up (a limit that falls inside a litre)."""
    return divide(m3.numerator * LITRES, m3.denominator)


def _rebate(rule: RebateRule, scale: Fraction) -> Rebate:
    upto = None if rule.upto is None else litres(Fraction(rule.upto) * scale)
    why = {} if rule.upto is None else {"published_upto_m3": str(shown(rule.upto)), "limits_scaled_by": str(scale)}
    return Rebate(rule.name, Fraction(rule.price), upto, why)


def parse(value: Value, scope: Scope) -> Consumption:
    """The prices written under ``consumption:``."""
    with value.keys() as keys:
        volume = keys.take("volume")
        chosen = volume.choice(VOLUMES) if volume else "all"
        missing = keys.text(MISSING)
        if missing:
            return Consumption("", chosen, (), (), Decimal(0), (), (), Definitions({}, {}), missing)
        own = definitions(keys)
        blocks = _blocks(keys, own)
        minimum, times, per = keys.take("minimum"), keys.take("limits_times"), keys.take("per")
        if per is None and (len(blocks) > 1 or minimum):
            keys.lacks("per", ": limits and minimums are m³ in a day, month, bimester, quarter or year")
        return Consumption(
            per.choice({name: name for name in PERS if name != "once"}) if per else "",
            chosen,
            blocks,
            tuple(fact_name(item) for item in times.one_or_many()) if times else (),
            minimum.decimal() if minimum else Decimal(0),
            tuple(_rebate_rule(item) for item in _list(keys, "rebates")),
            tuple(_coefficient(item, scope) for item in _list(keys, "coefficients")),
            own,
            "",
        )


def _list(keys: Keys, key: str) -> list[Value]:
    value = keys.take(key)
    return value.items() if value else []


def _blocks(keys: Keys, own: Definitions) -> tuple[Block, ...]:
    listed = keys.take("blocks")
    if listed is None:
        return (Block(None, _prices(keys)),)
    blocks = [_block(item, own) for item in listed.items()]
    for item, block in zip(listed.items()[:-1], blocks, strict=False):
        if block.to is None:
            item.fail("lacks to: only the last block has no limit")
    if blocks[-1].to is not None:
        listed.items()[-1].fail("must have no limit (to): the last block takes the rest of the water")
    _check_increasing(listed.items(), blocks)
    return tuple(blocks)


def _check_increasing(items: list[Value], blocks: list[Block]) -> None:
    below = Decimal(0)
    for item, block in zip(items, blocks, strict=True):
        if isinstance(block.to, Decimal):
            if block.to <= below:
                item.fail(f"to {block.to} must be above the block before it ({below})")
            below = block.to


def _block(value: Value, own: Definitions) -> Block:
    with value.keys() as keys:
        to = keys.take("to")
        return Block(_limit(to, own) if to else None, _prices(keys))


def _limit(value: Value, own: Definitions) -> Limit:
    try:
        decimal(value.text())
    except MoneyError:
        return expression(value, NUMBERS | own.names)
    return value.decimal(places=3)


def _prices(keys: Keys) -> tuple[tuple[str, Decimal | None], ...]:
    several = keys.take("prices")
    if several:
        return tuple((key.text(), amount(item)) for key, item in several.pairs())
    return (("", amount(keys.need("price"))),)


def _rebate_rule(value: Value) -> RebateRule:
    with value.keys() as keys:
        upto = keys.take("up_to")
        name, price = keys.need("name").text(), keys.need("price").decimal()
        return RebateRule(name, price, upto.decimal() if upto else None, condition(keys.take("when")))


def _coefficient(value: Value, scope: Scope) -> Coefficient:
    with value.keys() as keys:
        when, factor = condition(keys.take("when")), keys.need("factor")
        if factor.text() in scope.parameters:
            return Coefficient(when, None, factor.text())
        return Coefficient(when, amount(factor), "")


def _price(value: Decimal | None) -> str:
    return "no consta" if value is None else str(value)


def _limit_text(limit: Limit | None) -> str:
    if limit is None:
        return ""
    return limit.text if isinstance(limit, Expression) else str(shown(limit))


def _price_warnings(block: str, price: Decimal | None) -> Iterator[tuple[str, str]]:
    if price is None:
        yield "incomplete", f"not in the source: the price of {block}"
    elif price > DEAR:
        yield "misprint", f"{block} at {price} €/m³: cents or pesetas?"


def _step_warnings(number: int, below: Block, block: Block) -> Iterator[tuple[str, str]]:
    for (_, before), (_, price) in zip(below.prices, block.prices, strict=False):
        if before is None or price is None:
            continue
        if price < before:
            yield "falling", f"block {number} costs {price}, less than the block before it ({before})"
        elif price == before:
            yield "unreachable", f"block {number} costs the same as the block before it: its limit says nothing"


def _range(below: str, limit: Limit | None, charge: Consumption) -> str:
    unit = f"m³/{SPANISH[charge.per][0]}" + "".join(f" y {FACTS[fact].spanish}" for fact in charge.limits_times)
    return f"más de {below} {unit}" if limit is None else f"de {below} a {_limit_text(limit)} {unit}"
