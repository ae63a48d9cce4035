"""A plan made flat: integer tables that the kernel reads, and the slots that turn its numbers back into lines.

Every bound is proven here: a plan whose numbers could leave 64 bits, or that has a formula over the water, is marked
slow and rated by the explained path instead.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import gcd, lcm
from typing import Final

import numpy as np
from numpy.typing import NDArray

from billing.money import MODES, Mode, rounded
from billing.rating.case import MAX_LITRES
from billing.rating.describe import LITRES, Slot
from billing.rating.plan import Plan, Step
from billing.rating.rate import RATES, counts, overlap
from billing.tariff.steps import Exempt, Fixed, Formula, Percent, Water

VATS: Final = tuple(RATES)
VOLUMES: Final = {"all": 0, "without_leak": 1, "leak_excess": 2}
MODE_NUMBERS: Final[dict[Mode, int]] = {mode: number for number, mode in enumerate(MODES)}
FIXED, WATER, PERCENT = range(3)
ROOM: Final = 2**61
"""No numerator may pass this: the kernel doubles it before it rounds."""
HIGHEST_RATE: Final = max(RATES.values())


class SlowError(Exception):
    """A plan that the kernel cannot rate exactly in 64 bits."""


@dataclass(slots=True)
class Tables:
    """The plans of many classes of contracts, flat; ``line_slots`` describe each possible line by its slot number."""

    plans: list[list[int]] = field(default_factory=list)
    steps: list[list[int]] = field(default_factory=list)
    slots: list[list[int]] = field(default_factory=list)
    terms: list[list[int]] = field(default_factory=list)
    line_slots: list[Slot] = field(default_factory=list)
    weights: dict[int, int] = field(default_factory=dict)

    def add(self, plan: Plan, leak: bool, shared: bool = False) -> int:
        """Add one plan and return its number; without a leak its contracts' references do not count.

        A bill that is ``shared`` out among contracts is left to the explained path.
        """
        marks = [len(part) for part in (self.steps, self.slots, self.terms, self.line_slots)]
        try:
            if shared:
                raise SlowError
            row = self._plan(plan, leak)
        except SlowError:
            for part, mark in zip((self.steps, self.slots, self.terms, self.line_slots), marks, strict=True):
                del part[mark:]  # type: ignore[attr-defined]
            row = [marks[0], marks[0], marks[1], 0, 0, 1, 0, 0, 0, 1, 0]
        self.plans.append(row)
        return len(self.plans) - 1

    def arrays(self) -> "Arrays":
        """The tables as the kernel takes them."""
        return Arrays(_table(self.plans, 11), _table(self.steps, 14), _table(self.slots, 8), _table(self.terms, 2))

    def _plan(self, plan: Plan, leak: bool) -> list[int]:
        step, slot = len(self.steps), len(self.slots)
        policies = {item.rounding for item in plan.steps}
        if len(policies) > 1:
            raise SlowError
        policy = next(iter(policies), None)
        decimals, mode = (policy.line_decimals, policy.mode) if policy else (2, "half_up")
        flat = _Flat(self, slot, 10**decimals)
        for item in plan.steps:
            flat.step(item)
        fits(sum(flat.largest) * HIGHEST_RATE)
        return [
            step,
            len(self.steps),
            slot,
            len(self.slots) - slot,
            MODE_NUMBERS[mode],
            10 ** (decimals - 2),
            int(plan.vat_per_line),
            int(flat.percents),
            int(leak and plan.needs_reference),
            0,
            int(leak),
        ]


@dataclass(frozen=True, slots=True)
class Arrays:
    """The tables as contiguous arrays of int64."""

    plans: NDArray[np.int64]
    steps: NDArray[np.int64]
    slots: NDArray[np.int64]
    terms: NDArray[np.int64]


@dataclass(slots=True)
class _Flat:
    """One plan being made flat: amounts are whole units of 1/``unit`` euro."""

    tables: Tables
    first_slot: int
    unit: int
    percents: bool = False
    largest: list[int] = field(default_factory=list)

    def step(self, step: Step) -> None:
        """Append a step with its slots."""
        action = step.action
        start = len(self.tables.slots)
        rebate = end = term = term_end = 0
        kind, volume, minimum = FIXED, 0, 0
        if isinstance(action, Water):
            kind, volume, minimum = WATER, VOLUMES[action.volume], action.minimum
            self._tiers(step, action)
            rebate = len(self.tables.slots)
            self._rebates(step, action)
        elif isinstance(action, Percent):
            kind, term = PERCENT, len(self.tables.terms)
            self._percent(step, action)
            term_end = len(self.tables.terms)
        elif isinstance(action, Formula):
            raise SlowError
        else:
            self._fixed(step, action)
        end = len(self.tables.slots)
        span = step.span
        magic, limit = reciprocal(span.whole)
        fits(MAX_LITRES * span.whole)
        row = [kind, VATS.index(step.vat), span.first, span.last, span.whole, volume, minimum, start, rebate, end]
        self.tables.steps.append([*row, term, term_end, magic, limit])

    def _fixed(self, step: Step, action: Fixed | Exempt) -> None:
        if isinstance(action, Exempt):
            self._slot(Slot(step, Fraction(0), "EUR", label=f"exento: {action.reason}"), [0, -1, 0, 1, 0, 0])
            return
        policy = step.rounding
        amount = rounded(action.quantity * action.price, policy.line_decimals, policy.mode)
        units = int(amount * self.unit)
        self._slot(Slot(step, action.price, action.unit), [0, -1, 0, 1, fits(units), 0])

    def _tiers(self, step: Step, action: Water) -> None:
        policy = step.rounding
        for tier in action.tiers:
            upper = MAX_LITRES if tier.upper is None else tier.upper
            for label, price in tier.prices:
                slot = Slot(step, price or Fraction(0), "m3", tier, label)
                n, d = self._ratio(price or Fraction(0), LITRES)
                fits(n * max(MAX_LITRES, upper, action.minimum))
                exact = Fraction(upper - tier.lower, LITRES) * (price or 0)
                full = fits(int(rounded(exact, policy.line_decimals, policy.mode) * self.unit))
                limit = -1 if tier.upper is None else tier.upper
                self._slot(slot, [tier.lower, limit, n, d, full, int(price is None)])

    def _rebates(self, step: Step, action: Water) -> None:
        for rebate in action.rebates:
            n, d = self._ratio(-rebate.price, LITRES)
            fits(n * max(MAX_LITRES, action.minimum))
            upto = -1 if rebate.upto is None else rebate.upto
            self._slot(Slot(step, -rebate.price, "m3", rebate=rebate), [0, upto, n, d, 0, 0])

    def _percent(self, step: Step, action: Percent) -> None:
        self.percents = True
        chosen = list(self._base(step, action))
        scale = lcm(*(weight.denominator for _, weight in chosen)) if chosen else 1
        largest = 0
        for number, weight in chosen:
            whole = int(weight * scale)
            self.tables.terms.append([number - self.first_slot, whole])
            largest += whole * self.largest[number - self.first_slot]
        ratio = action.percent / 100 / scale
        fits(largest * max(abs(ratio.numerator), 1))
        number = self._slot(Slot(step, action.percent / 100, "EUR"), [0, -1, ratio.numerator, ratio.denominator, 0, 0])
        self.largest[-1] = int(abs(largest * ratio)) + 1
        self.tables.weights[number] = scale

    def _base(self, step: Step, action: Percent) -> Iterator[tuple[int, Fraction]]:
        for number in range(self.first_slot, len(self.tables.slots)):
            slot = self.tables.line_slots[number]
            weight = overlap(slot.step.span, step.span)
            if weight and counts(action, slot):
                yield number, weight

    def _ratio(self, price: Fraction, per: int) -> tuple[int, int]:
        n, d = price.numerator * self.unit, price.denominator * per
        shared = gcd(n, d)
        return n // shared, d // shared

    def _slot(self, slot: Slot, row: Sequence[int]) -> int:
        _, _, n, d, full, _ = row
        magic, limit = reciprocal(d)
        self.tables.slots.append([*row, magic, limit])
        self.tables.line_slots.append(slot)
        self.largest.append(max(abs(full), abs(n) * MAX_LITRES // d + 1))
        return len(self.tables.slots) - 1


def fits(number: int) -> int:
    """``number`` if the kernel has room for it."""
    if abs(number) > ROOM:
        raise SlowError
    return number


def reciprocal(divisor: int) -> tuple[int, int]:
    """What replaces a division by ``2 * divisor``: the multiplier, as a signed word, and the dividend below which it is
    exact.
    """
    fits(divisor)
    magic = 2**64 // (2 * divisor) + 1
    limit = min(2**64 // (2 * divisor), 2**62)
    return magic - 2**64 if magic >= 2**63 else magic, limit


def _table(rows: list[list[int]], columns: int) -> NDArray[np.int64]:
    return np.array(rows, dtype=np.int64).reshape(len(rows), columns)
