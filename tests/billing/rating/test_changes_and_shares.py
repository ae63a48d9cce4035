"""Terms that change on a day, and one bill among several contracts: by days, to the litre and to the cent."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rating import Case, rate
from billing.rating.batch import Contracts, Rater
from billing.rating.case import CaseError
from billing.tariff import Book, RatingError
from tests.billing.rating import strategies as random
from tests.billing.rating.samples import tariff

QUARTER = {"from": "2026-01-01", "to": "2026-04-01"}
DWELLINGS = """
  - {code: SERV, name: Cuota de servicio, vat: 10, fee: {per: month, amount: 6, times: dwellings}}
  - code: CONS
    name: Consumo
    vat: 10
    consumption: {per: month, limits_times: dwellings, blocks: [{to: 10, price: 1}, {price: 2}]}
  - {code: CONTADOR, name: Contador, vat: 21, fee: {per: month, amount: 1}}
"""


def book(components: str = DWELLINGS) -> Book:
    return Book.of({"XX-A": tariff("XX-A", components)})


def case(**extra: Any) -> dict[str, Any]:
    supply = {"use": "domestic", "dwellings": 1}
    return {"tariffs": ["XX-A"], "supply": supply, "period": QUARTER, "litres": 45_000, "bonuses": [], **extra}


def test_each_stage_pays_its_days_and_its_share_of_the_water() -> None:
    changed = [{"from": "2026-02-10", "supply": {"dwellings": 2}}]
    rated = rate(Case.parse(case(changes=changed)), book())
    told = [(line.code, line.description, str(line.quantity), str(line.amount)) for line in rated.lines]
    # 40 of 90 days with one dwelling (4/9 of three months, 20 m³), 50 with two.
    assert told == [
        ("SERV", "Cuota de servicio, viviendas: 1, del 01/01/2026 al 09/02/2026", "1.333333", "8.00"),
        ("SERV", "Cuota de servicio, viviendas: 2, del 10/02/2026 al 31/03/2026", "3.333333", "20.00"),
        ("CONS", "Consumo, bloque 1 (de 0 a 13.333 m³), viviendas: 1, del 01/01/2026 al 09/02/2026", "13.333", "13.33"),
        ("CONS", "Consumo, bloque 2 (más de 13.333 m³), viviendas: 1, del 01/01/2026 al 09/02/2026", "6.667", "13.33"),
        ("CONS", "Consumo, bloque 1 (de 0 a 33.333 m³), viviendas: 2, del 10/02/2026 al 31/03/2026", "25", "25.00"),
        ("CONTADOR", "Contador", "3", "3.00"),
    ]
    assert rated.lines[0].why["changed"] == ["dwellings"]
    assert (rated.lines[0].why["days"], rated.lines[0].why["share_of_period"]) == (40, "4/9")


def test_a_component_that_does_not_ask_for_what_changed_stays_one_line() -> None:
    changed = [{"from": "2026-02-10", "supply": {"persons": 5}}]
    assert rate(Case.parse(case(changes=changed)), book()) == rate(Case.parse(case()), book())


def test_a_table_for_a_group_holds_for_the_days_in_the_group() -> None:
    components = """
  - code: CONS
    name: Consumo
    vat: 10
    rates:
      - {when: {groups: pensioner}, consumption: {price: 0.50}}
      - {consumption: {price: 1}}
"""
    changed = [
        {"from": "2026-01-31", "supply": {"groups": ["pensioner"]}},
        {"from": "2026-03-02", "supply": {"groups": None}},
    ]
    rated = rate(Case.parse(case(changes=changed, litres=9_000)), book(components))
    assert [(str(line.quantity), str(line.unit_price), str(line.amount)) for line in rated.lines] == [
        ("3", "1", "3.00"),
        ("3", "0.5", "1.50"),
        ("3", "1", "3.00"),
    ]


def test_a_bonus_counts_for_the_days_it_is_granted() -> None:
    granted = [{"code": "BONO", "pct": "50", "components": ["SERV"]}]
    changed = [{"from": "2026-03-02", "bonuses": granted}]
    rated = rate(Case.parse(case(changes=changed, litres=0)), book())
    last = rated.lines[-1]
    assert (last.code, str(last.amount)) == ("BONO", "-3.00")  # half of 30 of 90 days of 18 euros
    assert last.description.endswith("del 02/03/2026 al 31/03/2026")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ([{"from": "2026-01-01"}], "changes[0].from: 2026-01-01 must be after 2026-01-01"),
        ([{"from": "2026-04-01"}], "changes[0].from: 2026-04-01 must be after 2026-01-01 and before the period's end"),
        ([{"from": "2026-02-01"}, {"from": "2026-02-01"}], "changes[1].from: 2026-02-01 must be after 2026-02-01"),
        ([{"from": "2026-02-01", "supply": {"rooms": 2}}], "changes[0].supply.rooms: not known"),
    ],
)
def test_a_change_outside_the_period_is_refused(changed: list[dict[str, Any]], told: str) -> None:
    with pytest.raises(CaseError) as refused:
        Case.parse(case(changes=changed))
    assert told in str(refused.value)


def test_an_undated_period_has_no_days_to_change_on() -> None:
    with pytest.raises(CaseError, match=r"period\.from: missing"):
        Case.parse(case(period={"months": 3}, changes=[{"from": "2026-02-01", "supply": {"dwellings": 2}}]))


@st.composite
def changes(draw: st.DrawFn) -> list[dict[str, Any]]:
    days = sorted(draw(st.sets(st.integers(2, 90), min_size=1, max_size=3)))
    return [
        {
            "from": date.fromordinal(date(2026, 1, 1).toordinal() + day - 1).isoformat(),
            "supply": draw(random.supplies()),
        }
        for day in days
    ]


def _rated_or_refused(rated: Callable[[], Any]) -> object:
    """The bill, or why there is none."""
    try:
        return rated()
    except RatingError as error:
        return str(error)


@given(random.tariffs(), random.supplies(), changes(), random.bonuses(), random.litres)
def test_batch_equals_single_where_terms_change(
    text: str, supply: dict[str, Any], changed: list[dict[str, Any]], bonuses: list[dict[str, Any]], litres: int
) -> None:
    known = Book.of({"XX-RANDOM": text})
    raw = {"tariffs": ["XX-RANDOM"], "supply": supply, "period": QUARTER, "bonuses": bonuses, "changes": changed}
    single = _rated_or_refused(lambda: rate(Case.parse({**raw, "litres": litres}), known))
    batch = Rater([Case.parse({**raw, "litres": 0})], known)
    assert _rated_or_refused(lambda: batch.rate(Contracts.of([0], [litres])).rated(0)) == single


@given(st.integers(0, 200_000), st.lists(st.integers(2, 90), min_size=1, max_size=4, unique=True))
def test_the_water_of_all_stages_is_the_water_of_the_period(litres: int, days: list[int]) -> None:
    start = date(2026, 1, 1).toordinal()
    changed = [
        {"from": date.fromordinal(start + day - 1).isoformat(), "supply": {"dwellings": number % 3 + 1}}
        for number, day in enumerate(sorted(days))
    ]
    rated = rate(Case.parse(case(changes=changed, litres=litres)), book())
    assert sum(line.quantity for line in rated.lines if line.code == "CONS") * 1000 == litres


# ---- one bill, several contracts -------------------------------------------------------------------------------------


def test_a_third_each() -> None:
    parts = [rate(Case.parse(case(share={"number": n, "weights": [1, 1, 1]})), book()) for n in (1, 2, 3)]
    assert [str(part.total) for part in parts] == ["29.81", "29.81", "29.81"]
    first = parts[0].lines[0]
    assert first.description == "Cuota de servicio, parte 1/3"
    assert (str(first.quantity), str(first.amount)) == ("1", "6.00")
    assert (first.why["share"], first.why["whole_amount"]) == ("1/3", "18.00")


@given(
    random.tariffs(),
    random.supplies(),
    random.periods(),
    random.bonuses(),
    random.litres,
    st.lists(st.integers(1, 10_000), min_size=1, max_size=6),
)
def test_the_parts_of_a_bill_are_the_bill(
    text: str,
    supply: dict[str, Any],
    period: dict[str, Any],
    bonuses: list[dict[str, Any]],
    litres: int,
    weights: list[int],
) -> None:
    known = Book.of({"XX-RANDOM": text})
    raw = {"tariffs": ["XX-RANDOM"], "supply": supply, "period": period, "bonuses": bonuses, "litres": litres}
    try:
        whole = rate(Case.parse(raw), known)
    except RatingError:
        return
    shares = [{"number": number + 1, "weights": weights} for number in range(len(weights))]
    parts = [rate(Case.parse({**raw, "share": share}), known) for share in shares]
    assert sum((part.total for part in parts), Decimal(0)) == whole.total
    for at, line in enumerate(whole.lines):
        assert sum((part.lines[at].amount for part in parts), Decimal(0)) == line.amount
    for code, vat in whole.by_rate.items():
        assert sum((part.by_rate[code].vat for part in parts), Decimal(0)) == vat.vat
        assert sum((part.by_rate[code].base for part in parts), Decimal(0)) == vat.base
    for part, share in zip(parts, shares, strict=True):
        rater = Rater([Case.parse({**raw, "litres": 0, "share": share})], known)
        assert rater.rate(Contracts.of([0], [litres])).rated(0) == part


@pytest.mark.parametrize(
    ("share", "told"),
    [
        ({"number": 1, "weights": []}, "share.weights: [] must be whole numbers above 0"),
        ({"number": 1, "weights": [1, 0]}, "share.weights: [1, 0] must be whole numbers above 0"),
        ({"number": 3, "weights": [1, 1]}, "share.number: 3 must be from 1 to 2"),
        ({"number": "1/2", "weights": [1]}, "share.number"),
    ],
)
def test_a_share_that_cannot_be_is_refused(share: dict[str, Any], told: str) -> None:
    with pytest.raises(CaseError) as refused:
        Case.parse(case(share=share))
    assert told in str(refused.value)
