"""A whole register at once: contracts in columns, rated by the kernel, itemised exactly as the explained path would.

Contracts that share every fact, period, parameter and bonus form a class; a class is compiled once and its contracts
differ only in their litres (and, with a leak, in their reference).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from billing.money import euros, scaled
from billing.rating import kernel
from billing.rating.case import MAX_LITRES, Case, CaseError
from billing.rating.describe import LITRES, Story
from billing.rating.lines import Line, Rated, Vat
from billing.rating.plan import Plan, plan
from billing.rating.rate import Tariffs, run
from billing.rating.tables import VATS, Arrays, Tables
from billing.tariff.errors import RatingError, TariffError
from billing.tariff.steps import Exempt, Fixed, Percent

NO_REFERENCE: Final = -1
OK, MISSING_PRICE, MISSING_REFERENCE, SLOW, NO_PLAN = range(5)
CHUNK: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Contracts:
    """Contracts in columns: the class of each, its litres, and its reference litres (-1: none)."""

    klass: NDArray[np.int32]
    litres: NDArray[np.int64]
    reference: NDArray[np.int64]

    @classmethod
    def of(
        cls, klass: Sequence[int], litres: Sequence[int], reference: Sequence[int | None] | None = None
    ) -> "Contracts":
        """Columns from plain sequences."""
        known = reference or [None] * len(litres)
        return cls(
            np.asarray(klass, np.int32),
            np.asarray(litres, np.int64),
            np.asarray([NO_REFERENCE if value is None else value for value in known], np.int64),
        )

    def __len__(self) -> int:
        return len(self.litres)

    def part(self, start: int, stop: int) -> "Contracts":
        """Some of the contracts, without copying."""
        return Contracts(self.klass[start:stop], self.litres[start:stop], self.reference[start:stop])


class Rater:
    """The compiled classes of a register.

    A class that cannot be rated at all (a fact or price is missing) does not stop the others: its error waits in
    ``errors`` and its contracts come out with that status.
    """

    def __init__(self, classes: Sequence[Case], book: Tariffs) -> None:
        self.classes = list(classes)
        self.errors: dict[int, RatingError | TariffError] = {}
        self._book = book
        self._tables = Tables()
        self._plans: list[Plan] = []
        self._stories: dict[int, Story] = {}
        for number, case in enumerate(self.classes):
            self._compile(number, case)
        self._arrays = self._tables.arrays()

    @property
    def arrays(self) -> Arrays:
        """The flat tables."""
        return self._arrays

    def rate(self, contracts: Contracts) -> "Batch":
        """Rate contracts; memory grows with their number, so pass a register in parts or use ``parts``."""
        self._check(contracts)
        count = len(contracts)
        room = int(self._arrays.plans[:, 3][contracts.klass].sum()) if count else 0
        batch = Batch(self, contracts, count, room)
        widest = int(self._arrays.plans[:, 3].max(initial=0))
        out = kernel.Writer(batch.slots, batch.quantities, batch.amounts, np.zeros(widest, np.int64))
        tables = self._arrays
        columns = contracts.klass, contracts.litres, contracts.reference
        kernel.run(
            tables.plans, tables.steps, tables.slots, tables.terms, *columns, out,
            batch.offsets, batch.base, batch.vat, batch.total, batch.status,
        )  # fmt: skip
        batch.settle()
        return batch

    def parts(self, contracts: Contracts, size: int = CHUNK) -> Iterator["Batch"]:
        """The register part by part, so that memory stays flat."""
        for start in range(0, len(contracts), size):
            yield self.rate(contracts.part(start, start + size))

    def explained(self, klass: int, litres: int, reference: int | None) -> Rated:
        """One contract on the explained path."""
        if klass in self.errors:
            raise self.errors[klass]
        case = replace(self.classes[klass], litres=litres, reference_litres=reference, readings=())
        return run(self._plans[klass], case)

    def story(self, number: int) -> Story:
        """What every line with a slot number has in common: made once, shared by all bills of the register."""
        if number not in self._stories:
            self._stories[number] = self._tables.line_slots[number].story()
        return self._stories[number]

    def quantity(self, number: int, written: int) -> Fraction:
        """The quantity of a line from its slot number and what the kernel wrote."""
        step = self._tables.line_slots[number].step
        if isinstance(step.action, Fixed):
            return step.action.quantity
        if isinstance(step.action, Exempt):
            return Fraction(1)
        if isinstance(step.action, Percent):
            return Fraction(written, self._tables.weights[number] * 10**step.rounding.line_decimals)
        return Fraction(written, LITRES)

    def decimals(self, number: int) -> int:
        """The decimals of the amounts of a slot's lines."""
        return self._tables.line_slots[number].step.rounding.line_decimals

    def _compile(self, number: int, case: Case) -> None:
        try:
            steps = plan(case, self._book.get)
        except (RatingError, TariffError) as error:
            self.errors[number] = error
            steps = Plan((), False, False)
        self._plans.append(steps)
        self._tables.add(steps, case.leak, case.share is not None)

    def _check(self, contracts: Contracts) -> None:
        klass, litres = contracts.klass, contracts.litres
        if len(klass) and (klass.min() < 0 or klass.max() >= len(self.classes)):
            raise CaseError("klass", f"{klass.min()} to {klass.max()}: must be from 0 to {len(self.classes) - 1}")
        if len(litres) and (litres.min() < 0 or litres.max() > MAX_LITRES):
            raise CaseError("litres", f"{litres.min()} to {litres.max()}: must be from 0 to {MAX_LITRES}")


@dataclass(slots=True)
class Batch:
    """The bills of a batch in columns.

    ``total`` in cents; ``base`` and ``vat`` in cents, a column for each of ``VATS``; the lines of contract i are
    ``offsets[i]`` to ``offsets[i + 1]`` of ``slots`` (what the line is), ``quantities`` (litres, or the weighted base
    of a percentage) and ``amounts`` (units of the tariff's line decimals). ``status`` is not OK where there is no bill.
    """

    rater: Rater
    contracts: Contracts
    count: int
    room: int
    offsets: NDArray[np.int64] = field(init=False)
    base: NDArray[np.int64] = field(init=False)
    vat: NDArray[np.int64] = field(init=False)
    total: NDArray[np.int64] = field(init=False)
    status: NDArray[np.int32] = field(init=False)
    slots: NDArray[np.int32] = field(init=False)
    quantities: NDArray[np.int64] = field(init=False)
    amounts: NDArray[np.int64] = field(init=False)
    slow: dict[int, Rated] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.offsets = np.empty(self.count + 1, np.int64)
        self.base = np.empty((self.count, len(VATS)), np.int64)
        self.vat = np.empty((self.count, len(VATS)), np.int64)
        self.total = np.empty(self.count, np.int64)
        self.status = np.empty(self.count, np.int32)
        self.slots = np.empty(self.room, np.int32)
        self.quantities = np.empty(self.room, np.int64)
        self.amounts = np.empty(self.room, np.int64)

    def settle(self) -> None:
        """Rate what the kernel left to the explained path and mark the classes that have no plan."""
        for klass in self.rater.errors:
            self.status[self.contracts.klass == klass] = NO_PLAN
        for index in np.flatnonzero(self.status != OK):
            self._settle(int(index))

    def rated(self, index: int) -> Rated:
        """One bill with its explained lines; the error of a contract that has none is raised."""
        if self.status[index] != OK or index in self.slow:
            return self.slow[index] if index in self.slow else self._explained(index)
        lines = tuple(self._line(at) for at in range(self.offsets[index], self.offsets[index + 1]))
        present = dict.fromkeys(line.vat for line in lines)
        by_rate = {code: self._vat(index, code) for code in present}
        return Rated(lines, by_rate, euros(int(self.total[index])))

    def _settle(self, index: int) -> None:
        self.total[index] = 0
        self.base[index] = self.vat[index] = 0
        if self.status[index] != SLOW:
            return
        try:
            rated = self._explained(index)
        except RatingError:
            self.status[index] = MISSING_PRICE
            return
        self.slow[index] = rated
        self.status[index] = OK
        self.total[index] = _cents(rated.total)
        for code, vat in rated.by_rate.items():
            self.base[index, VATS.index(code)] = _cents(vat.base)
            self.vat[index, VATS.index(code)] = _cents(vat.vat)

    def _explained(self, index: int) -> Rated:
        reference = int(self.contracts.reference[index])
        known = None if reference == NO_REFERENCE else reference
        return self.rater.explained(int(self.contracts.klass[index]), int(self.contracts.litres[index]), known)

    def _vat(self, index: int, code: str) -> Vat:
        at = VATS.index(code)
        return Vat(euros(int(self.base[index, at])), euros(int(self.vat[index, at])))

    def _line(self, at: int) -> Line:
        slot = int(self.slots[at])
        quantity = self.rater.quantity(slot, int(self.quantities[at]))
        return self.rater.story(slot).line(quantity, scaled(int(self.amounts[at]), self.rater.decimals(slot)))


def _cents(amount: Decimal) -> int:
    return int(amount.scaleb(2))
