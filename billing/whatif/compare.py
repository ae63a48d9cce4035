"""A register rated under its own tariffs and under a change, in integer cents throughout."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from billing.money import scaled
from billing.rating import Case, rate
from billing.rating.batch import MISSING_PRICE, MISSING_REFERENCE, OK, Batch, Contracts, Rater
from billing.tariff import Book, RatingError, TariffError
from billing.whatif.change import Change
from billing.whatif.register import Register

WHY = {MISSING_PRICE: "a price is missing in the tariff", MISSING_REFERENCE: "reference_litres: missing"}


@dataclass(frozen=True, slots=True)
class Rates:
    """What bills come to under some tariffs: cents of each, which have a bill, euros by component, faults by text."""

    cents: NDArray[np.int64]
    good: NDArray[np.bool_]
    components: dict[str, Decimal]
    faults: dict[str, int]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Before and after for every contract whose bills can all be rated both ways; ``contract`` is its position.

    ``klass`` is the class of the contract's last bill, ``litres`` the water of all its bills. ``differs`` counts bills
    whose own tariffs give another total than was billed (corrected by hand, or rated by another program).
    """

    register: Register
    contract: NDArray[np.int64]
    klass: NDArray[np.int32]
    litres: NDArray[np.int64]
    before: NDArray[np.int64]
    after: NDArray[np.int64]
    components: tuple[dict[str, Decimal], dict[str, Decimal]]
    faults: dict[str, int]
    differs: int

    @property
    def difference(self) -> NDArray[np.int64]:
        """Cents more (or less) for each contract."""
        return self.after - self.before


def compare(register: Register, before: Book, change: Change) -> Comparison:
    """Rate ``register`` with the tariffs its bills name in ``before``, and with ``change``.

    A contract with a bill that either side cannot rate is left out of both, and ``faults`` counts why.
    """
    changed = [change.applied(case) for case in register.classes]
    old, new = rates(register, register.classes, before), rates(register, changed, change.book)
    faults = {**old.faults, **new.faults}
    differs = int((old.cents[old.good] != register.billed[old.good]).sum())
    if faults:
        register = _whole(register, old.good & new.good)
        old, new = rates(register, register.classes, before), rates(register, changed, change.book)
    return _compared(register, old, new, faults, differs)


def _whole(register: Register, good: NDArray[np.bool_]) -> Register:
    """The bills of contracts all of whose bills are good."""
    bad = np.zeros(len(register.contracts), bool)
    bad[register.contract[~good]] = True
    kept = ~bad[register.contract]
    bills = register.bills
    columns = Contracts(bills.klass[kept], bills.litres[kept], bills.reference[kept])
    return replace(register, bills=columns, contract=register.contract[kept], billed=register.billed[kept])


def _compared(register: Register, old: Rates, new: Rates, faults: dict[str, int], differs: int) -> Comparison:
    """Bills brought together by contract."""
    present, where = np.unique(register.contract, return_inverse=True)
    klass = np.zeros(len(present), np.int32)
    klass[where] = register.bills.klass
    size = len(present)
    return Comparison(
        register=register,
        contract=present,
        klass=klass,
        litres=summed(where, register.bills.litres, size),
        before=summed(where, old.cents, size),
        after=summed(where, new.cents, size),
        components=(old.components, new.components),
        faults=faults,
        differs=differs,
    )


def rates(register: Register, classes: Sequence[Mapping[str, Any]], book: Book) -> Rates:
    """Every bill of the register as ``classes`` say it is rated."""
    own = np.array(["readings" in case for case in classes], bool)
    cents = np.zeros(register.count, np.int64)
    good = np.zeros(register.count, bool)
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    faults: Counter[str] = Counter()
    parsed = [Case.parse({**case, "litres": 0, "readings": []}) for case in classes]
    rater = Rater(parsed, book)
    together = np.flatnonzero(~own[register.bills.klass])
    bills = register.bills
    columns = Contracts(bills.klass[together], bills.litres[together], bills.reference[together])
    start = 0
    for batch in rater.parts(columns):
        where = together[start : start + batch.count]
        start += batch.count
        cents[where] = batch.total
        good[where] = batch.status == OK
        _add_components(amounts, batch)
        _add_faults(faults, batch)
    for index in np.flatnonzero(own[register.bills.klass]):
        _rate_alone(register, classes, book, int(index), cents, good, amounts, faults)
    return Rates(cents, good, dict(amounts), dict(faults))


def _rate_alone(
    register: Register,
    classes: Sequence[Mapping[str, Any]],
    book: Book,
    index: int,
    cents: NDArray[np.int64],
    good: NDArray[np.bool_],
    amounts: dict[str, Decimal],
    faults: Counter[str],
) -> None:
    """A bill over several calibres, on the explained path."""
    case = {**classes[register.bills.klass[index]], "litres": int(register.bills.litres[index])}
    try:
        rated = rate(Case.parse(case), book)
    except (RatingError, TariffError) as error:
        faults[str(error)] += 1
        return
    cents[index], good[index] = int(rated.total.scaleb(2)), True
    for line in rated.lines:
        amounts[line.code] += line.amount


def _add_components(amounts: dict[str, Decimal], batch: Batch) -> None:
    """The lines of a batch summed by component."""
    used = int(batch.offsets[-1])
    slots = batch.slots[:used]
    totals = summed(slots, batch.amounts[:used], int(slots.max(initial=-1)) + 1)
    for slot in np.flatnonzero(np.bincount(slots)) if used else ():
        number = int(slot)
        amounts[batch.rater.story(number).code] += scaled(int(totals[number]), batch.rater.decimals(number))
    for rated in batch.slow.values():
        for line in rated.lines:
            amounts[line.code] += line.amount


def _add_faults(faults: Counter[str], batch: Batch) -> None:
    failed = batch.status != OK
    pairs, counts = np.unique(
        np.stack([batch.status[failed], batch.contracts.klass[failed]]), axis=1, return_counts=True
    )
    for (status, klass), count in zip(pairs.T.tolist(), counts.tolist(), strict=True):
        faults[str(batch.rater.errors.get(klass) or WHY.get(status, f"status {status}"))] += count


def summed(where: NDArray[Any], values: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """``values`` added up by ``where`` (0 to ``size`` - 1), exactly."""
    totals = np.zeros(size, np.int64)
    np.add.at(totals, where, values)
    return totals
