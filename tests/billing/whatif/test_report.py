"""A whole report on a few bills worked by hand, the groups they fall into, and the changes that can be studied."""

from datetime import date
from typing import Any

import numpy as np
import pytest

from billing.rating.batch import NO_REFERENCE
from billing.tariff import Book
from billing.whatif import Change, ChangeError, RegisterBuilder, compare, report
from billing.whatif.change import _later
from billing.whatif.report import histogram, money, most_affected, percent, percentiles
from tests.billing.rating.samples import tariff

BOOK = Book.of(
    {
        "XX-OLD": tariff("XX-OLD", "  - {code: FEE, name: Cuota, fee: {per: month, amount: 10}}\n"),
        "XX-NEW": tariff(
            "XX-NEW",
            "  - {code: FEE, name: Cuota, fee: {per: month, amount: 5}}\n"
            "  - {code: WATER, name: Consumo, consumption: {price: 1}}\n",
        ),
    }
)


def bill(litres: int, days: int = 30, **supply: Any) -> dict[str, Any]:
    return {"tariffs": ["XX-OLD"], "supply": supply, "period": {"days": days}, "litres": litres}


def study() -> dict[str, Any]:
    """Three contracts: one pays 5.50 less, one the same, one 6.05 more over its two bills."""
    builder = RegisterBuilder()
    builder.add("A", bill(0, use="domestic", calibre_mm=13), 1_100)
    builder.add("B", bill(5_000, use="domestic", calibre_mm=13, groups=["b", "a"]), 1_101)
    builder.add("C", bill(10_000, use="industrial", calibre_mm=20), 1_100)
    builder.add("C", bill(5_500, use="industrial", calibre_mm=20), 1_100)
    return report(compare(builder.register(), BOOK, Change("XX-NEW", BOOK)))


def figures(before: str, after: str, difference: str, pct: str | None) -> dict[str, str | None]:
    return {"before_eur": before, "after_eur": after, "difference_eur": difference, "difference_pct": pct}


LESS, SAME, MORE = (
    figures("11.00", "5.50", "-5.50", "-50.0"),
    figures("11.00", "11.00", "0.00", "0.0"),
    figures("22.00", "28.05", "6.05", "27.5"),
)
HOMES = figures("22.00", "16.50", "-5.50", "-25.0")


def group(name: str, winners: int, losers: int, same: int, sums: dict[str, Any], mean: str) -> dict[str, Any]:
    counts = {"contracts": winners + losers + same, "winners": winners, "losers": losers, "same": same}
    return {"group": name, **counts, **sums, "mean_difference_eur": mean}


def test_a_whole_report() -> None:
    told = study()
    shares = ("p1", "p5", "p10", "p25", "p50", "p75", "p90", "p95", "p99")
    bins = told["distribution"].pop("histogram")
    assert [item["contracts"] for item in bins if item["contracts"]] == [1, 1, 1]
    assert told == {
        "contracts": 3,
        "bills": 4,
        "left_out": {},
        "billed_otherwise": 1,
        "litres": 20_500,
        "total": figures("44.00", "44.55", "0.55", "1.3"),
        "winners": 1,
        "losers": 1,
        "same": 1,
        "distribution": {
            "before_eur": dict(zip(shares, ["11.00"] * 5 + ["22.00"] * 4, strict=True)),
            "after_eur": dict(zip(shares, ["5.50"] * 4 + ["11.00"] + ["28.05"] * 4, strict=True)),
            "difference_eur": dict(zip(shares, ["-5.50"] * 4 + ["0.00"] + ["6.05"] * 4, strict=True)),
        },
        "groups": {
            "use": [
                group("domestic", 1, 0, 1, HOMES, "-2.75"),
                group("industrial", 0, 1, 0, MORE, "6.05"),
            ],
            "calibre_mm": [group("13", 1, 0, 1, HOMES, "-2.75"), group("20", 0, 1, 0, MORE, "6.05")],
            "groups": [
                group("-", 1, 1, 0, figures("33.00", "33.55", "0.55", "1.7"), "0.28"),
                group("a, b", 0, 0, 1, SAME, "0.00"),
            ],
            "m3_month": [
                group("0", 1, 0, 0, LESS, "-5.50"),
                group("0-5", 0, 0, 1, SAME, "0.00"),
                group("5-10", 0, 1, 0, MORE, "6.05"),
            ],
        },
        "components": [
            {"code": "FEE", **money_of("40.00", "20.00", "-20.00")},
            {"code": "WATER", **money_of("0", "20.50", "20.50")},
        ],
        "most_affected": [
            {"contract": "C", "litres": 15_500, "use": "industrial", **MORE},
            {"contract": "A", "litres": 0, "use": "domestic", **LESS},
        ],
    }


def money_of(before: str, after: str, difference: str) -> dict[str, str]:
    return {"before_eur": before, "after_eur": after, "difference_eur": difference}


def test_percentages_of_nothing_and_halves() -> None:
    assert (percent(1, 0), percent(0, 5), percent(1, 2000), percent(-1, 2000)) == (None, "0.0", "0.1", "-0.1")
    assert money(0, 5) == figures("0.00", "0.05", "0.05", None)


def test_percentiles_are_of_the_nearest_rank() -> None:
    hundred = percentiles(np.arange(1, 101)[::-1])
    assert hundred == {f"p{share}": f"{share / 100:.2f}" for share in (1, 5, 10, 25, 50, 75, 90, 95, 99)}
    assert percentiles(np.array([], np.int64)) == {}
    assert set(percentiles(np.array([7])).values()) == {"0.07"}


@pytest.mark.parametrize(
    ("cents", "edges"),
    [
        ([0, 20], [(None, "0.01"), ("0.20", None)]),
        ([0, 21], [(None, "0.02"), ("0.20", None)]),
        ([0, 41], [(None, "0.05"), ("0.40", None)]),
        ([-50, 51], [(None, "-0.40"), ("0.50", None)]),
        ([7, 7], [(None, None)]),
    ],
)
def test_bins_are_one_two_or_five_times_a_power_of_ten_wide(cents: list[int], edges: list[tuple[Any, Any]]) -> None:
    bins = histogram(np.array(cents))
    ends = [bins[0]] if len(bins) == 1 else [bins[0], bins[-1]]
    assert [(item["from_eur"], item["to_eur"]) for item in ends] == edges
    assert histogram(np.array([], np.int64)) == []


def test_one_in_a_hundred_at_each_end_does_not_stretch_the_bins() -> None:
    bins = histogram(np.array([-(10**6), *[1] * 99, *[10] * 99, 10**6]))
    assert (len(bins), bins[0]["contracts"], bins[-1]["contracts"]) == (10, 100, 100)


def test_of_equal_changes_the_first_contracts_are_told_and_no_more_than_ten() -> None:
    assert most_affected(np.array([5, -5, 5, 9])) == [3, 0, 1, 2]
    assert most_affected(np.array([0, 0])) == []
    assert len(most_affected(np.arange(1, 20))) == 10


@pytest.mark.parametrize(
    ("period", "litres", "band"),
    [
        ({"days": 30}, 0, "0"),
        ({"days": 90}, 1, "0-5"),
        ({"days": 10}, 1_669, "0-5"),
        ({"days": 10}, 1_670, "5-10"),
        ({"months": 1}, 30 * 334, "10-15"),
        ({"from": "2026-01-01", "to": "2026-01-11"}, 5_010, "15-25"),
        ({"days": 1}, 1_666, "25-50"),
        ({"days": 1}, 1_667, "> 50"),
    ],
)
def test_the_band_is_by_day(period: dict[str, Any], litres: int, band: str) -> None:
    builder = RegisterBuilder()
    builder.add("A", {**bill(litres), "period": period}, 0)
    assert [
        item["group"]
        for item in report(compare(builder.register(), BOOK, Change("XX-NEW", BOOK)))["groups"]["m3_month"]
    ] == [band]


def test_groups_are_in_the_order_of_their_numbers_then_of_their_words() -> None:
    builder = RegisterBuilder()
    for number, persons in enumerate((10, 9, None, 2)):
        facts = {} if persons is None else {"persons": persons}
        builder.add(f"C{number}", bill(1_000, **facts), 0)
    told = report(compare(builder.register(), BOOK, Change("XX-NEW", BOOK)))
    assert [item["group"] for item in told["groups"]["persons"]] == ["2", "9", "10", "-"]


# ---- the register ----------------------------------------------------------------------------------------------------


def test_bills_that_differ_only_in_what_is_their_own_are_of_one_class() -> None:
    builder = RegisterBuilder()
    builder.add("A", {**bill(1), "ref": 1, "reference_litres": 7, "expected": {}, "derived": {}}, 100)
    builder.add("B", bill(2), 200)
    builder.add("A", bill(3, use="domestic"), 300)
    register = builder.register()
    own = {name: value for name, value in bill(0).items() if name != "litres"}
    assert register.classes == [own, {**own, "supply": {"use": "domestic"}}]
    assert register.contracts == ["A", "B"]
    assert register.count == 3
    columns = (
        register.bills.klass,
        register.bills.litres,
        register.bills.reference,
        register.contract,
        register.billed,
    )
    assert [column.tolist() for column in columns] == [
        [0, 0, 1],
        [1, 2, 3],
        [7, NO_REFERENCE, NO_REFERENCE],
        [0, 1, 0],
        [100, 200, 300],
    ]


# ---- the change ------------------------------------------------------------------------------------------------------


def dated(start: str, end: str = "") -> Change:
    text = tariff("XX-NEW", "  - {code: FEE, name: Cuota, fee: {per: month, amount: 1}}\n", start)
    if end:
        text = text.replace(f"from: {start}", f"from: {start}, to: {end}")
    return Change("XX-NEW", Book.of({"XX-NEW": text}), assume={"persons": 3, "zone": "a"})


QUARTER = {"from": "2024-01-01", "to": "2024-04-01"}


@pytest.mark.parametrize(
    ("start", "end", "moved"),
    [
        ("2024-01-01", "2024-04-01", 2024),
        ("2024-01-02", "", 2025),
        ("2020-01-01", "2024-03-31", 2023),
        ("2044-01-01", "", 2044),
        ("2000-01-01", "2004-04-01", 2004),
    ],
)
def test_days_move_by_whole_years_to_where_the_tariff_rules(start: str, end: str, moved: int) -> None:
    period = dated(start, end).applied(bill(0) | {"period": QUARTER})["period"]
    assert period == {"from": f"{moved}-01-01", "to": f"{moved}-04-01"}


def test_a_tariff_that_never_rules_such_days_is_refused() -> None:
    words = r"^tariff XX-NEW: is never in force for a whole period like \[2024-01-01, 2024-04-01\)$"
    for start, end in (("2044-01-02", ""), ("2024-01-01", "2024-03-01")):
        with pytest.raises(ChangeError, match=words):
            dated(start, end).applied(bill(0) | {"period": QUARTER})


def test_assumed_facts_fill_only_what_a_bill_lacks() -> None:
    case = dated("2020-01-01").applied(bill(7, persons=5))
    assert case == {"tariffs": ["XX-NEW"], "supply": {"persons": 5, "zone": "a"}, "period": {"days": 30}, "litres": 7}


def test_leap_days_become_the_day_before_where_there_is_none() -> None:
    assert [_later(date(2024, 2, 29), years) for years in (1, 4, -4)] == [
        date(2025, 2, 28),
        date(2028, 2, 29),
        date(2020, 2, 29),
    ]
    assert _later(date(2024, 2, 28), 1) == date(2025, 2, 28)
