"""The explained path: every line says why, a meter exchanged, bonuses, percentages over time, clashes, properties."""

import json
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from billing.rating import Case, Rated, rate
from billing.tariff import Book, RatingError
from billing.tariff.span import Span
from tests.billing.rating import strategies as random
from tests.billing.rating.samples import shipped, tariff

HOME = {"use": "domestic", "calibre_mm": 13, "dwellings": 1}


def rated(tariffs: list[str], litres: int, period: dict[str, Any], book: Any = None, **more: Any) -> Rated:
    raw = {"tariffs": tariffs, "litres": litres, "period": period, "supply": HOME, **more}
    return rate(Case.parse(raw), book or shipped())


def made(components: str, litres: int, period: dict[str, Any], **more: Any) -> Rated:
    return rated(["XX-MADE"], litres, period, Book.of({"XX-MADE": tariff("XX-MADE", components)}), **more)


def test_a_line_tells_its_whole_story() -> None:
    line = rated(["ES-AGOST-2023"], 18_000, {"from": "2026-01-01", "to": "2026-03-01"}).lines[2]
    why = dict(line.why)
    assert len(why.pop("digest")) == 64
    assert why.pop("url").startswith("https://")
    assert why.pop("source").startswith("DOGV, anuncio 2023/11559")
    assert why == {
        "tariff": "ES-AGOST-2023",
        "version": "ES-AGOST-2023",
        "in_force_since": "2023-11-30",
        "clause": "Anuncio 2023/11559, «Cuota de consumo», bloques",
        "file_line": 61,
        "nature": "ppnt",
        "beneficiary": "Entidad suministradora",
        "kind": "consumption",
        "from": "2026-01-01",
        "to": "2026-03-01",
        "days": 59,
        "months": "2",
        "share_of_period": "1",
        "quantity": "8",
        "price": "1.3673",
        "rounding": {"decimals": 2, "mode": "half_up"},
        "facts": {"use": "domestic"},
        "block": 2,
        "limits_litres": [10_000, 26_000],
        "published_upto_m3": "13",
        "per": "month",
        "limits_scaled_by": "2",
        "volume": "all",
        "minimum_litres": 0,
    }
    assert line.description == "Cuota de consumo, bloque 2 (de 10 a 26 m³)"


def test_what_the_tariff_assumed_is_told() -> None:
    line = rated(["ES-ACA-CANON"], 9_000, {"months": 1}).lines[0]
    assert line.why["assumed"] == {"disabled": 0, "persons": 3, "public_sanitation": True}
    assert line.why["coefficient"] == "1"
    assert line.why["formula"] == "3 * n"


def test_a_bill_is_json() -> None:
    found = rated(["ES-AGOST-2023"], 18_000, {"months": 2}).to_json("B01")
    assert json.loads(json.dumps(found)) == found
    assert (found["ref"], found["total"], found["by_rate"]["10"]) == ("B01", "26.66", {"base": "24.24", "vat": "2.42"})


def test_a_meter_of_another_calibre_pays_its_own_days() -> None:
    readings = [
        {"calibre_mm": 13, "from_litres": 0, "to_litres": 8_000, "to": "2026-01-21"},
        {"calibre_mm": 20, "from_litres": 0, "to_litres": 10_000, "from": "2026-01-21"},
    ]
    found = rated(["ES-AGOST-2023"], 18_000, {"from": "2026-01-01", "to": "2026-03-02"}, readings=readings)
    fees = [(str(line.quantity), str(line.unit_price), str(line.amount)) for line in found.lines[:2]]
    assert fees == [("0.666667", "4.46", "2.97"), ("1.333333", "17.86", "23.81")]
    assert found.lines[0].description == "Cuota de servicio, del 01/01/2026 al 20/01/2026"
    assert [str(line.quantity) for line in found.lines[2:]] == ["10", "8"]


def test_meters_of_different_calibre_need_their_dates() -> None:
    readings = [
        {"calibre_mm": 13, "from_litres": 0, "to_litres": 8_000},
        {"calibre_mm": 20, "from_litres": 0, "to_litres": 10_000},
    ]
    with pytest.raises(RatingError, match=r"readings\[\]\.from: missing; meters of different calibre"):
        rated(["ES-AGOST-2023"], 18_000, {"from": "2026-01-01", "to": "2026-03-02"}, readings=readings)


def test_the_calibre_of_the_only_meter_is_the_supplys() -> None:
    readings = [{"calibre_mm": 20, "from_litres": 0, "to_litres": 0}]
    assert rated(["ES-AGOST-2023"], 0, {"months": 1}, readings=readings).total == Decimal("19.65")


def test_a_percentage_follows_its_base_through_a_change() -> None:
    components = """
  - {code: AGUA, name: Agua, rates: [{to: 2026-01-11, fee: {per: day, amount: 1}}, {fee: {per: day, amount: 2}}]}
  - code: ALCANT
    name: Alcantarillado
    rates:
      - {to: 2026-01-06, percent: {of: AGUA, percent: 10}}
      - {percent: {of: AGUA, percent: 50}}
"""
    found = made(components, 0, {"from": "2026-01-01", "to": "2026-01-31"})
    assert [(line.code, str(line.quantity), str(line.amount)) for line in found.lines] == [
        ("AGUA", "10", "10.00"),
        ("AGUA", "20", "40.00"),
        ("ALCANT", "5", "0.50"),
        ("ALCANT", "45", "22.50"),
    ]


def test_a_bonus_over_two_vat_rates_is_two_lines() -> None:
    components = """
  - {code: AGUA, name: Agua, fee: {per: month, amount: 10}}
  - {code: ALQ, name: Alquiler, vat: 21, fee: {per: month, amount: 1}}
"""
    bonus = {"code": "BONO", "pct": 50, "components": ["*"], "description": "Bono social"}
    found = made(components, 0, {"months": 1}, bonuses=[bonus])
    assert [(line.code, line.vat, str(line.amount)) for line in found.lines[2:]] == [
        ("BONO", "10", "-5.00"),
        ("BONO", "21", "-0.50"),
    ]
    assert {code: str(vat.vat) for code, vat in found.by_rate.items()} == {"10": "0.50", "21": "0.11"}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"tariffs": ["ES-ELVENDRELL-2017Q", "ES-ACA-CANON"]}, "both bill CANON_ACA"),
        ({"bonuses": [{"pct": 5, "components": ["AGUA_X"]}]}, r"bonuses\[\]\.components: AGUA_X matches no component"),
        ({"parameters": {"sewer_pct": "20"}}, r"parameters\.sewer_pct: not known; known: none"),
        ({"once": ["ALTA"]}, "once: ALTA is not a one-off charge of these tariffs; known: none"),
        ({"tariffs": ["ES-NOWHERE"]}, "tariffs: ES-NOWHERE is not in the book"),
        (
            {"period": {"from": "2023-11-01", "to": "2024-01-01"}},
            "ES-AGOST-2023 is in force from 2023-11-30 until further",
        ),
    ],
)
def test_what_cannot_be_rated(more: dict[str, Any], message: str) -> None:
    arguments = {"tariffs": ["ES-AGOST-2023"], "period": {"months": 3}, **more}
    with pytest.raises(RatingError, match=message):
        rated(litres=1_000, **arguments)


@pytest.mark.parametrize(("value", "message"), [("0.05", "0.05 must be from 0.1 to 8"), ("x", "'x' must be a number")])
def test_parameters_within_their_bounds(value: str, message: str) -> None:
    with pytest.raises(RatingError, match=rf"parameters\.industrial_coefficient: {message}"):
        rated(["ES-GVA-CANON"], 1_000, {"months": 1}, parameters={"industrial_coefficient": value})
    with pytest.raises(RatingError, match=r"parameters\.water_vat: 21 must be one of NS, 10"):
        rated(["ES-ZUCAINA-2016"], 1_000, {"months": 1}, parameters={"water_vat": "21"})


def test_a_parameter_as_a_coefficient() -> None:
    supply = {"use": "industrial", "calibre_mm": 13}
    found = rated(["ES-GVA-CANON"], 10_000, {"months": 12}, supply=supply, parameters={"industrial_coefficient": "1.5"})
    assert [str(line.amount) for line in found.lines] == ["8.55", "116.39"]


def test_tariffs_that_round_vat_differently_cannot_share_a_bill() -> None:
    fee = "  - {{code: {}, name: Cuota, fee: {{per: month, amount: 1}}}}\n"
    texts = {
        "XX-A": tariff("XX-A", fee.format("AA")),
        "XX-B": "rounding: {vat: line}\n" + tariff("XX-B", fee.format("BB")).lstrip(),
    }
    with pytest.raises(RatingError, match="round VAT in different ways"):
        rated(["XX-A", "XX-B"], 0, {"months": 1}, Book.of(texts))


def test_limits_that_fall_are_refused() -> None:
    blocks = "[{to: 10, price: 1}, {to: 20 - 5 * dwellings, price: 2}, {price: 3}]"
    with pytest.raises(RatingError, match="AGUA of XX-MADE: block 2 ends at 5000 litres, below where it starts"):
        made(
            f"  - {{code: AGUA, name: Agua, consumption: {{per: month, blocks: {blocks}}}}}\n",
            1,
            {"months": 1},
            supply={"dwellings": 3},
        )


def test_a_formula_without_value_is_refused() -> None:
    fee = "fee: {per: month, amount: 10 / persons}"
    with pytest.raises(RatingError, match="CUOTA of XX-MADE: 10 / persons"):
        made(f"  - {{code: CUOTA, name: Cuota, {fee}}}\n", 0, {"months": 1}, supply={"persons": 0})


@given(random.tariffs(), random.supplies(), random.periods(), random.bonuses(), random.litres)
def test_lines_add_up(
    text: str, supply: dict[str, Any], period: dict[str, Any], bonuses: list[dict[str, Any]], litres: int
) -> None:
    book = Book.of({"XX-RANDOM": text})
    found = rated(["XX-RANDOM"], litres, period, book, supply=supply, bonuses=bonuses)
    for code, vat in found.by_rate.items():
        base = sum(line.amount for line in found.lines if line.vat == code)
        assert abs(base - vat.base) <= Decimal("0.005")
    assert found.total == sum(vat.base + vat.vat for vat in found.by_rate.values())
    assert found.total.as_tuple().exponent == -2


@given(st.integers(1, 800), st.lists(st.integers(1, 799), max_size=5), st.integers(0, 10**7))
def test_a_version_that_changes_no_price_changes_no_quantity(days: int, edges: list[int], litres: int) -> None:
    start = date(2024, 1, 1)
    end = start + timedelta(days)
    cuts = [None, *(start + timedelta(edge) for edge in sorted(set(edges)) if edge < days), None]
    components = ""
    for code, charge in (("CUOTA", "fee: {per: month, amount: 3}"), ("AGUA", "consumption: {price: 0.5}")):
        entries = ", ".join(_entry(low, high, charge) for low, high in pairwise(cuts))
        components += f"  - {{code: {code}, name: Cuota, rates: [{entries}]}}\n"
    found = made(components, litres, {"from": str(start), "to": str(end)})
    assert _quantity(found, "CUOTA") == Span.between(start, end).months
    assert _quantity(found, "AGUA") == Fraction(litres, 1000)


def _entry(low: date | None, high: date | None, charge: str) -> str:
    return "{" + (f"from: {low}, " if low else "") + (f"to: {high}, " if high else "") + charge + "}"


def _quantity(found: Rated, code: str) -> Fraction:
    return sum((Fraction(line.why["quantity"]) for line in found.lines if line.code == code), Fraction(0))


@given(random.consumption(), random.supplies(), random.periods(), st.integers(0, 10**6), st.integers(0, 10**5))
def test_more_water_never_costs_less(
    charge: str, supply: dict[str, Any], period: dict[str, Any], litres: int, more: int
) -> None:
    assume("rebates" not in charge)
    book = Book.of({"XX-MADE": tariff("XX-MADE", f"  - {{code: AGUA, name: Agua, {charge}}}\n")})
    little = rated(["XX-MADE"], litres, period, book, supply=supply).total
    assert rated(["XX-MADE"], litres + more, period, book, supply=supply).total >= little
