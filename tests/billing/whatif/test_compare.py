"""A register under two tariffs: every figure is what rating the bills one by one gives."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.money import to_cents
from billing.rating import Case, rate
from billing.tariff import Book, RatingError
from billing.whatif import Change, ChangeError, Comparison, RegisterBuilder, compare, report
from billing.whatif.report import histogram, most_affected, percentiles
from tests.billing.rating import strategies as random
from tests.billing.rating.samples import shipped, tariff

OLD, NEW = "XX-RANDOM", "XX-NEW"
YEAR = {"from": "2024-01-01", "to": "2024-04-01"}


def flat(name: str, start: str = "2020-01-01") -> str:
    """One fee, so that only the dates matter."""
    return tariff(name, "  - {code: FEE, name: Cuota, fee: {per: month, amount: 1}}", start)


def cents(cases: Sequence[dict[str, Any]], book: Book) -> list[int | None]:
    found: list[int | None] = []
    for case in cases:
        try:
            found.append(to_cents(rate(Case.parse(case), book).total))
        except RatingError:
            found.append(None)
    return found


def register_of(cases: Sequence[dict[str, Any]], contracts: Sequence[str], billed: int = 0) -> RegisterBuilder:
    builder = RegisterBuilder()
    for case, contract in zip(cases, contracts, strict=True):
        builder.add(contract, case, billed)
    return builder


@given(
    random.tariffs(),
    random.tariffs(),
    st.lists(st.tuples(random.supplies(), random.periods(), random.litres, st.integers(0, 3)), min_size=1, max_size=8),
)
def test_totals_are_those_of_the_single_bills(old: str, new: str, bills: list[tuple[Any, Any, int, int]]) -> None:
    before = Book.of({OLD: old})
    after = Book.of({OLD: old, NEW: new.replace(f"tariff: {OLD}", f"tariff: {NEW}")})
    cases = [
        {"ref": number, "tariffs": [OLD], "supply": supply, "period": period, "litres": litres}
        for number, (supply, period, litres, _) in enumerate(bills)
    ]
    names = [f"C{contract}" for *_, contract in bills]
    old_cents = cents(cases, before)
    new_cents = cents([{**case, "tariffs": [NEW]} for case in cases], after)
    spoilt = {name for name, *pair in zip(names, old_cents, new_cents, strict=True) if None in pair}
    found = compare(register_of(cases, names).register(), before, Change(NEW, after))
    kept = [index for index, name in enumerate(names) if name not in spoilt]
    expected = {name: [0, 0] for name in dict.fromkeys(names) if name not in spoilt}
    for index in kept:
        expected[names[index]][0] += old_cents[index] or 0
        expected[names[index]][1] += new_cents[index] or 0
    assert by_contract(found) == expected
    told = report(found)
    assert told["contracts"] == told["winners"] + told["losers"] + told["same"] == len(expected)
    for groups in told["groups"].values():
        assert sum(Decimal(item["difference_eur"]) for item in groups) == Decimal(told["total"]["difference_eur"])
        assert sum(item["contracts"] for item in groups) == told["contracts"]
    assert sum(item["contracts"] for item in told["distribution"]["histogram"]) == told["contracts"]


def by_contract(found: Comparison) -> dict[str, list[int]]:
    rows = zip(found.contract, found.before, found.after, strict=True)
    return {found.register.contracts[place]: [int(before), int(after)] for place, before, after in rows}


def test_components_add_up_to_the_bases_of_the_bills() -> None:
    book = shipped()
    cases = [agost(litres) for litres in (0, 5_000, 61_000)]
    found = compare(register_of(cases, "abc").register(), book, Change("ES-PATERNA", book, assume={"zone": "nucleo"}))
    bases = sum((vat.base for case in cases for vat in rate(Case.parse(case), book).by_rate.values()), Decimal(0))
    assert sum(found.components[0].values()) == bases
    assert set(found.components[1]) >= {"AGUA_SERV", "AGUA_CONS"}


RUNS = [
    {"meter": "old", "calibre_mm": 13, "from_litres": 0, "to_litres": 4_000, "to": "2026-02-01"},
    {"meter": "new", "calibre_mm": 20, "from_litres": 0, "to_litres": 6_000, "from": "2026-02-01"},
]


def test_a_bill_over_two_calibres_takes_the_explained_path() -> None:
    book = shipped()
    cases = [{**agost(10_000), "readings": RUNS}, agost(70_000), {**agost(10_000), "readings": RUNS}]
    found = compare(register_of(cases, "abc").register(), book, Change("ES-AGOST-2023", book))
    assert found.before.tolist() == found.after.tolist() == cents(cases, book)
    amounts: dict[str, Decimal] = {}
    for case in cases:
        for line in rate(Case.parse(case), book).lines:
            amounts[line.code] = amounts.get(line.code, Decimal(0)) + line.amount
    assert found.components == (amounts, amounts)
    assert found.faults == {}


def test_such_a_bill_that_cannot_be_rated_is_counted_by_its_reason() -> None:
    book = shipped()
    whole = {"zone": "nucleo"}
    cases = [{**agost(10_000), "readings": RUNS}] * 3 + [{**agost(10_000, **whole), "readings": RUNS}]
    found = compare(register_of(cases, "abcd").register(), book, Change("ES-PATERNA", book))
    assert found.faults == {"supply.zone: missing; AGUA_SERV of ES-PATERNA needs it (zona)": 3}
    assert by_contract(found).keys() == {"d"}


def test_what_cannot_be_rated_is_left_out_of_both_sides_and_said() -> None:
    book = shipped()
    found = compare(
        register_of([agost(1_000), agost(2_000, zone="nucleo")], "ab", 7).register(), book, Change("ES-PATERNA", book)
    )
    assert report(found)["left_out"] == {"supply.zone: missing; AGUA_SERV of ES-PATERNA needs it (zona)": 1}
    assert by_contract(found).keys() == {"b"}
    assert (found.register.billed.tolist(), found.register.bills.litres.tolist()) == ([7], [2_000])


def test_bills_that_their_own_tariff_does_not_give_are_counted() -> None:
    book = shipped()
    right = cents([agost(1_000)], book)[0] or 0
    builder = register_of([agost(1_000)], ["a"], right)
    builder.add("b", agost(1_000), right + 1)
    assert compare(builder.register(), book, Change("ES-AGOST-2023", book)).differs == 1


def test_the_days_move_to_the_nearest_year_the_new_tariff_rules() -> None:
    change = Change(NEW, Book.of({NEW: flat(NEW, "2030-01-01")}))
    assert change.applied({"tariffs": [OLD], "period": YEAR})["period"] == {"from": "2030-01-01", "to": "2030-04-01"}


def test_which_of_several_tariffs_is_replaced_must_be_said() -> None:
    change = Change(NEW, Book.of({NEW: flat(NEW)}))
    with pytest.raises(ChangeError, match="replaces: must say which of the bills' tariffs is replaced: A, B"):
        change.applied({"tariffs": ["A", "B"], "period": YEAR})
    named = Change(NEW, change.book, replaces="B")
    assert named.applied({"tariffs": ["A", "B"], "period": YEAR})["tariffs"] == ["A", NEW]
    assert named.applied({"tariffs": ["A"], "period": YEAR}) == {"tariffs": ["A"], "period": YEAR}


def test_percentiles_are_amounts_that_somebody_pays() -> None:
    assert percentiles(np.array([300, 100, 200, 400]))["p50"] == "2.00"
    assert percentiles(np.array([300, 100, 200, 400]))["p99"] == "4.00"


@given(st.lists(st.integers(-(10**7), 10**7), min_size=1, max_size=200))
def test_histograms_count_everybody_once_in_few_round_bins(cents: list[int]) -> None:
    bins = histogram(np.array(cents))
    assert sum(item["contracts"] for item in bins) == len(cents)
    assert len(bins) <= 22
    for item in bins[1:-1]:
        low, high = to_cents(Decimal(item["from_eur"])), to_cents(Decimal(item["to_eur"]))
        assert item["contracts"] == sum(low <= value < high for value in cents)


@given(st.lists(st.integers(-50, 50), max_size=40))
def test_the_most_affected_are_the_largest_changes(changes: list[int]) -> None:
    found = [abs(changes[index]) for index in most_affected(np.array(changes, np.int64))]
    assert found == sorted((abs(value) for value in changes if value), reverse=True)[:10]


def agost(litres: int, **facts: Any) -> dict[str, Any]:
    supply = {"use": "domestic", "calibre_mm": 13, "dwellings": 1, **facts}
    period = {"from": "2026-01-01", "to": "2026-04-01"}
    return {"tariffs": ["ES-AGOST-2023"], "supply": supply, "period": period, "litres": litres}
