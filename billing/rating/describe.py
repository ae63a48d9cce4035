"""From a step and a worked-out quantity and amount to the line a person reads, in Spanish, and its explanation."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from billing.money import shown
from billing.rating.lines import Line
from billing.rating.plan import Step
from billing.tariff.facts import FACTS, FactValue, plain
from billing.tariff.steps import Rebate, Tier, Water

LITRES: Final = 1000


@dataclass(frozen=True, slots=True)
class Story:
    """Everything about a possible line but its quantity and amount; a register's lines share their stories."""

    code: str
    description: str
    unit: str
    unit_price: Decimal
    vat: str
    why: Mapping[str, Any]

    def line(self, quantity: Fraction, amount: Decimal) -> Line:
        """The line of one bill."""
        why = {**self.why, "quantity": str(quantity)}
        return Line(self.code, self.description, shown(quantity), self.unit, self.unit_price, amount, self.vat, why)


@dataclass(frozen=True, slots=True)
class Slot:
    """One possible line of a step: which block or rebate, its price, and its unit."""

    step: Step
    price: Fraction
    unit: str
    tier: Tier | None = None
    label: str = ""
    rebate: Rebate | None = None

    @property
    def block(self) -> int | None:
        """The block's number, for percentages that only count some."""
        return self.tier.number if self.tier else None

    def story(self) -> Story:
        """What every line here has in common."""
        price = shown(self.price, 9)
        return Story(self.step.code, self._description(), self.unit, price, self.step.vat, self._why(price))

    def _description(self) -> str:
        words = self.step.name
        action = self.step.action
        if self.tier and isinstance(action, Water) and len(action.tiers) > 1:
            words += f", bloque {self.tier.number} ({_limits(self.tier)})"
        if self.label:
            words += f", {self.label}"
        if self.rebate:
            words += f", {self.rebate.name}"
        words += "".join(f", {FACTS[name].spanish}: {_told(value)}" for name, value in self._changed())
        span = self.step.span
        if span.start and span.end and span.last - span.first < span.whole:
            words += f", del {span.start:%d/%m/%Y} al {_last_day(span.end)}"
        return words

    def _changed(self) -> list[tuple[str, FactValue | None]]:
        """The facts that set this line apart from those of the same period's other days."""
        return [(name, self.step.facts.get(name)) for name in self.step.changed if name in self.step.facts]

    def _why(self, price: Decimal) -> dict[str, Any]:
        step = self.step
        why: dict[str, Any] = {**_origin(step), "kind": _kind(step), **_time(step), "price": str(price)}
        why["rounding"] = {"decimals": step.rounding.line_decimals, "mode": step.rounding.mode}
        if step.facts:
            why["facts"] = {name: plain(value) for name, value in sorted(step.facts.items())}
        if step.changed:
            why["changed"] = list(step.changed)
        if step.assumed:
            why["assumed"] = {name: plain(value) for name, value in sorted(step.assumed.items())}
        why |= getattr(step.action, "why", {})
        if self.tier:
            why |= _block(self.tier)
        if self.rebate:
            why |= {"rebate": self.rebate.name, "upto_litres": self.rebate.upto, **self.rebate.why}
        if isinstance(step.action, Water):
            why |= {"volume": step.action.volume, "minimum_litres": step.action.minimum}
        return why


def _origin(step: Step) -> dict[str, Any]:
    if step.tariff is None or step.component is None or step.rate is None:
        return {"tariff": None, "version": None, "source": None, "clause": step.name}
    tariff, component, rate = step.tariff, step.component, step.rate
    since = rate.start or component.start or tariff.start
    return {
        "tariff": tariff.id,
        "version": rate.version or tariff.id,
        "in_force_since": since.isoformat() if since else None,
        "digest": tariff.digest,
        "source": rate.source or tariff.source.title,
        "url": tariff.source.url,
        "clause": rate.clause or component.clause or component.name,
        "file_line": rate.line,
        "nature": component.nature,
        "beneficiary": component.beneficiary,
    }


def _kind(step: Step) -> str:
    return step.rate.charge.key if step.rate and step.rate.charge else "exempt" if step.rate else "bonus"


def _time(step: Step) -> dict[str, Any]:
    span = step.span
    return {
        "from": span.start.isoformat() if span.start else None,
        "to": span.end.isoformat() if span.end else None,
        "days": span.days,
        "months": str(span.months),
        "share_of_period": str(span.share),
    }


def _block(tier: Tier) -> dict[str, Any]:
    return {"block": tier.number, "limits_litres": [tier.lower, tier.upper], **tier.why}


def _limits(tier: Tier) -> str:
    low = shown(Fraction(tier.lower, LITRES))
    if tier.upper is None:
        return f"más de {low} m³"
    return f"de {low} a {shown(Fraction(tier.upper, LITRES))} m³"


def _told(value: FactValue | None) -> str:
    if isinstance(value, bool):
        return "sí" if value else "no"
    if isinstance(value, Fraction):
        return str(shown(value))
    return (", ".join(sorted(value)) or "ninguno") if isinstance(value, frozenset) else str(value)


def _last_day(end: date) -> str:
    return f"{end - timedelta(days=1):%d/%m/%Y}"
