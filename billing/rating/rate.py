"""The explained path: one case, every line with its story, exact fractions until the line is rounded.

Rules (the tariff may choose others): a line is quantity times price, rounded half up to the cent; VAT is worked out
once per rate on the sum of the rounded lines; the total is bases plus VAT.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import Final, Protocol

from billing.money import apportion, divide, rounded, scaled, shown
from billing.rating.case import Case, CaseError, Share
from billing.rating.describe import LITRES, Slot
from billing.rating.lines import Line, Rated, Vat
from billing.rating.plan import Plan, Step, plan
from billing.tariff.errors import MissingPriceError
from billing.tariff.model import TariffVersion
from billing.tariff.span import Span
from billing.tariff.steps import Exempt, Fixed, Formula, Percent, Volume, Water

CENT_DECIMALS: Final = 2
RATES: Final = {"21": 21, "10": 10, "4": 4, "0": 0, "NS": 0, "EX": 0}


class Tariffs(Protocol):
    """Where tariffs come from: any book with ``get``."""

    def get(self, tariff: str) -> TariffVersion:
        """The tariff or series of an id."""


def rate(case: Case, book: Tariffs) -> Rated:
    """The bill of one case. Raises RatingError naming the fact, price, date or parameter that is missing or wrong."""
    return run(plan(case, book.get), case)


def run(steps: Plan, case: Case) -> Rated:
    """The bill of a plan with the case's litres."""
    if case.leak and steps.needs_reference and case.reference_litres is None:
        raise CaseError("reference_litres", "missing; a leak price applies to the litres above it")
    done: list[_Done] = []
    for step in steps.steps:
        done.extend(_step(step, case, done))
    lines = tuple(item.line for item in done)
    by_rate = vat_by_rate(lines, steps.vat_per_line)
    if case.share is not None:
        lines, by_rate = shared(lines, by_rate, case.share)
    return Rated(lines, by_rate, sum((v.base + v.vat for v in by_rate.values()), Decimal("0.00")))


def vat_by_rate(lines: Sequence[Line], per_line: bool = False) -> dict[str, Vat]:
    """Base and VAT of each rate, in the order in which rates appear."""
    found: dict[str, Vat] = {}
    for code in dict.fromkeys(line.vat for line in lines):
        amounts = [line.amount for line in lines if line.vat == code]
        base = sum(amounts, Decimal(0))
        parts = amounts if per_line else [base]
        vat = sum((rounded(Fraction(part) * RATES[code] / 100) for part in parts), Decimal(0))
        found[code] = Vat(rounded(base), rounded(vat))
    return found


def shared(lines: Sequence[Line], by_rate: Mapping[str, Vat], share: Share) -> tuple[tuple[Line, ...], dict[str, Vat]]:
    """One part of a bill that several contracts pay: every line and every VAT sum of the parts adds up to the whole."""
    part = Fraction(share.weights[share.number - 1], sum(share.weights))
    mine = tuple(_shared_line(line, share, part) for line in lines)
    vat = {}
    for code, whole in by_rate.items():
        base = sum((line.amount for line in mine if line.vat == code), Decimal(0))
        if any(_decimals(line.amount) > CENT_DECIMALS for line in lines if line.vat == code):
            base = _part_of(whole.base, share)  # lines finer than a cent: it is their rounded sum that is divided
        vat[code] = Vat(rounded(base), _part_of(whole.vat, share))
    return mine, vat


def _shared_line(line: Line, share: Share, part: Fraction) -> Line:
    why = {**line.why, "share": share.text, "whole_quantity": str(line.quantity), "whole_amount": str(line.amount)}
    amount, quantity = _part_of(line.amount, share), shown(Fraction(line.quantity) * part)
    return replace(
        line, description=f"{line.description}, parte {share.text}", quantity=quantity, amount=amount, why=why
    )


def _part_of(amount: Decimal, share: Share) -> Decimal:
    decimals = _decimals(amount)
    units = int(amount.scaleb(decimals))
    return scaled(apportion(units, share.weights)[share.number - 1], decimals)


def _decimals(amount: Decimal) -> int:
    exponent = amount.as_tuple().exponent
    return -exponent if isinstance(exponent, int) and exponent < 0 else 0


def chosen_litres(volume: Volume, litres: int, reference: int | None) -> int:
    """The litres a component bills: all, those up to the reference, or those above it (no reference: no leak)."""
    if volume == "all":
        return litres
    usual = litres if reference is None else min(litres, reference)
    return usual if volume == "without_leak" else litres - usual


def part_of(litres: int, span: Span) -> int:
    """The litres of a stretch of time, by days; running sums are rounded half up so that stretches add up."""
    return divide(litres * span.last, span.whole) - divide(litres * span.first, span.whole)


def overlap(line: Span, percent: Span) -> Fraction:
    """Which part of a line falls in the time of a percentage on it."""
    common = min(line.last, percent.last) - max(line.first, percent.first)
    return Fraction(max(0, common), line.last - line.first)


@dataclass(frozen=True, slots=True)
class _Done:
    slot: Slot
    line: Line


def _step(step: Step, case: Case, done: Sequence[_Done]) -> Iterator[_Done]:
    action = step.action
    if isinstance(action, Fixed):
        yield _line(Slot(step, action.price, action.unit), action.quantity)
    elif isinstance(action, Water):
        yield from _water(step, action, case)
    elif isinstance(action, Formula):
        m3 = Fraction(part_of(case.litres, step.span), LITRES)
        yield _line(Slot(step, action.amount(m3), action.unit), Fraction(1))
    elif isinstance(action, Percent):
        yield from _percent(step, action, done)
    else:
        yield _exempt(step, action)


def _line(slot: Slot, quantity: Fraction) -> _Done:
    policy = slot.step.rounding
    amount = rounded(quantity * slot.price, policy.line_decimals, policy.mode)
    return _Done(slot, slot.story().line(quantity, amount))


def _water(step: Step, action: Water, case: Case) -> Iterator[_Done]:
    reference = case.reference_litres if case.leak else None
    billed = max(part_of(chosen_litres(action.volume, case.litres, reference), step.span), action.minimum)
    for tier in action.tiers:
        upper = billed if tier.upper is None else min(billed, tier.upper)
        litres = upper - tier.lower
        if litres <= 0:
            continue
        for label, price in tier.prices:
            if price is None:
                raise MissingPriceError(step.where, str(tier.why.get("missing") or f"block {tier.number}"))
            yield _line(Slot(step, price, "m3", tier, label), Fraction(litres, LITRES))
    for rebate in action.rebates:
        if billed > 0 and (rebate.upto is None or billed <= rebate.upto):
            yield _line(Slot(step, -rebate.price, "m3", rebate=rebate), Fraction(billed, LITRES))


def _percent(step: Step, action: Percent, done: Sequence[_Done]) -> Iterator[_Done]:
    base = sum(
        (
            Fraction(item.line.amount) * overlap(item.slot.step.span, step.span)
            for item in done
            if counts(action, item.slot)
        ),
        Fraction(0),
    )
    if base:
        yield _line(Slot(step, action.percent / 100, "EUR"), base)


def counts(action: Percent, slot: Slot) -> bool:
    """Whether a line belongs to the base of a percentage; fixed fees always do, blocks only if they are named."""
    if action.vat is not None and slot.step.vat != action.vat:
        return False
    if action.blocks is not None and isinstance(slot.step.action, Water) and slot.block not in action.blocks:
        return False
    return any(fnmatchcase(slot.step.code, pattern) for pattern in action.of)


def _exempt(step: Step, action: Exempt) -> _Done:
    slot = Slot(step, Fraction(0), "EUR", label=f"exento: {action.reason}")
    return _Done(slot, slot.story().line(Fraction(1), rounded(Fraction(0), step.rounding.line_decimals)))
