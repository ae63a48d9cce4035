"""Bills worked by hand in exact decimals, through the command's own door: a case in, lines and totals out.

The figures are those of the published tariffs in examples/tariffs; B09, B16 and B18 use tariffs made here.
"""

from decimal import Decimal
from typing import Any

import pytest

from billing.rating import Case, Rated, rate
from billing.tariff import Book
from tests.billing.rating.samples import AGOST_NEXT, EXAMPLES, MIXED, TRAP, shipped

HOME = {"use": "domestic", "dwellings": 1, "premises": 1}


def bill(tariffs: list[str], litres: int, period: dict[str, Any], book: Book | None = None, **more: Any) -> Rated:
    supply = {**HOME, **more.pop("supply", {})}
    case = {"tariffs": tariffs, "supply": supply, "litres": litres, "period": period, **more}
    return rate(Case.parse(case), book or shipped())


def amounts(rated: Rated) -> list[tuple[str, str]]:
    return [(line.code, str(line.amount)) for line in rated.lines]


def totals(rated: Rated) -> dict[str, tuple[str, str]]:
    return {code: (str(vat.base), str(vat.vat)) for code, vat in rated.by_rate.items()}


def test_b01_blocks_scaled_to_two_months() -> None:
    rated = bill(["ES-AGOST-2023"], 18_000, {"months": 2}, supply={"calibre_mm": 13})
    assert amounts(rated) == [("AGUA_SERV", "8.92"), ("AGUA_CONS", "4.38"), ("AGUA_CONS", "10.94")]
    assert totals(rated) == {"10": ("24.24", "2.42")}
    assert rated.total == Decimal("26.66")


def test_b02_levy_not_subject_and_prorated_by_days() -> None:
    supply = {"calibre_mm": 13, "zone": "nucleo", "population": 70_000}
    period = {"from": "2026-01-01", "to": "2026-03-01"}
    rated = bill(["ES-PATERNA", "ES-GVA-CANON"], 24_000, period, supply=supply)
    assert totals(rated) == {"10": ("15.94", "1.59"), "NS": ("17.83", "0.00")}
    assert rated.total == Decimal("35.36")
    service = next(line for line in rated.lines if line.code == "CANON_GVA_SERV")
    assert service.amount == Decimal("7.25")
    assert service.why["quantity"] == "59/365"


def test_b03_levy_inside_the_vat_base() -> None:
    rated = bill(["ES-ELVENDRELL-2022B", "ES-ACA-CANON"], 25_000, {"months": 2}, supply={"persons": 3})
    assert totals(rated) == {"10": ("42.87", "4.29")}
    assert rated.total == Decimal("47.16")


def test_b04_minimum_of_six_m3_a_month() -> None:
    rated = bill(["ES-ACA-CANON"], 5_000, {"months": 2}, supply={"persons": 3})
    assert [(str(line.quantity), str(line.amount)) for line in rated.lines] == [("12", "5.92")]
    assert rated.total == Decimal("6.51")


@pytest.mark.parametrize(("persons", "total"), [(3, "24.77"), (5, "16.29")])
def test_b05_limits_by_persons(persons: int, total: str) -> None:
    rated = bill(["ES-ACA-CANON"], 30_000, {"months": 2}, supply={"persons": persons})
    assert rated.total == Decimal(total)


def test_b05_disability_counts_twice() -> None:
    four_and_one = bill(["ES-ACA-CANON"], 30_000, {"months": 2}, supply={"persons": 4, "disabled": 1})
    assert four_and_one.total == Decimal("16.29")


def test_b06_tax_without_vat() -> None:
    rated = bill(["ES-IMAR-ARAGON"], 25_000, {"months": 1})
    assert totals(rated) == {"NS": ("25.05", "0.00")}


def test_b07_water_sewer_treatment_and_levy() -> None:
    rated = bill(["ES-JABALQUINTO-2024", "ES-AND-CANON"], 25_000, {"months": 3}, supply={"calibre_mm": 15})
    assert amounts(rated) == [
        ("AGUA_SERV", "8.46"),
        ("AGUA_CONS", "7.56"),
        ("AGUA_CONS", "5.88"),
        ("ALCANT_CONS", "6.25"),
        ("DEP_SERV", "6.00"),
        ("DEP_CONS", "7.20"),
        ("DEP_CONS", "5.60"),
        ("CANON_AND_FIJO", "3.00"),
        ("CANON_AND_DOM", "0.00"),
        ("CANON_AND_DOM", "1.90"),
    ]
    assert totals(rated) == {"10": ("46.95", "4.70"), "NS": ("4.90", "0.00")}


def test_b08_price_change_by_days() -> None:
    supply = {"use": "non_domestic", "calibre_mm": 20}
    period = {"from": "2024-12-01", "to": "2025-02-01"}
    rated = bill(["ES-EMASESA-NODOM-2024"], 0, period, supply=supply)
    assert [(str(line.quantity), str(line.unit_price), str(line.amount)) for line in rated.lines] == [
        ("31", "0.337", "10.45"),
        ("31", "0.362", "11.22"),
    ]
    assert rated.total == Decimal("23.84")


def test_b09_blocks_with_a_price_change() -> None:
    texts = {"ES-AGOST-2023": (EXAMPLES / "ES-AGOST-2023.yaml").read_text(), "ES-AGOST-2026": AGOST_NEXT}
    period = {"from": "2026-01-08", "to": "2026-03-09"}
    rated = bill(["ES-AGOST"], 30_000, period, Book.of(texts), supply={"calibre_mm": 13})
    assert [(line.code, str(line.quantity), str(line.amount)) for line in rated.lines] == [
        ("AGUA_SERV", "0.8", "3.57"),
        ("AGUA_SERV", "1.2", "5.62"),
        ("AGUA_CONS", "4", "1.75"),
        ("AGUA_CONS", "6.4", "8.75"),
        ("AGUA_CONS", "1.6", "3.79"),
        ("AGUA_CONS", "6", "2.76"),
        ("AGUA_CONS", "9.6", "13.78"),
        ("AGUA_CONS", "2.4", "5.97"),
    ]
    assert totals(rated) == {"10": ("45.99", "4.60")}
    assert [line.why["version"] for line in rated.lines[:2]] == ["ES-AGOST-2023", "ES-AGOST-2026"]


def test_b10_leak_excess_at_its_own_price() -> None:
    rated = bill(
        ["ES-MENGIBAR-AGUA"], 120_000, {"months": 3}, supply={"calibre_mm": 15}, leak=True, reference_litres=30_000
    )
    assert amounts(rated)[-1] == ("AGUA_FUGA", "81.00")
    assert rated.total == Decimal("115.51")


def test_b10_without_the_allowance() -> None:
    rated = bill(["ES-MENGIBAR-AGUA"], 120_000, {"months": 3}, supply={"calibre_mm": 15})
    assert rated.total == Decimal("166.99")


def test_b11_limits_times_dwellings() -> None:
    rated = bill(["ES-EMACSA-2024"], 400_000, {"months": 2}, supply={"dwellings": 12})
    assert [str(line.quantity) for line in rated.lines] == ["168", "192", "40"]
    assert rated.total == Decimal("439.30")


@pytest.mark.parametrize("period", [{"from": "2025-04-01", "to": "2025-07-01"}, {"days": 91}])
def test_b12_shared_meter_pays_at_least_fifteen_mm_for_each_premises(period: dict[str, Any]) -> None:
    supply = {"use": "non_domestic", "calibre_mm": 40, "premises": 12}
    rated = bill(["ES-EMASESA-NODOM-2024"], 0, period, supply=supply)
    assert str(rated.lines[0].unit_price) == "1.932"
    assert rated.total == Decimal("193.39")


def test_b13_sewer_as_a_percentage_of_the_water() -> None:
    rated = bill(["ES-CIEZA"], 30_000, {"months": 2}, supply={"calibre_mm": 13}, parameters={"sewer_pct": "20"})
    sewer = rated.lines[-1]
    assert (str(sewer.quantity), str(sewer.unit_price), str(sewer.amount)) == ("56.93", "0.2", "11.39")
    assert rated.total == Decimal("75.15")


def test_b14_a_second_bill_after_an_estimate() -> None:
    rated = bill(["ES-JABALQUINTO-2024"], 10_000, {"months": 3}, supply={"calibre_mm": 15, "sewer": False})
    assert rated.total == Decimal("13.93")


def test_b14_b_redistribution_rectifies_by_difference() -> None:
    def quarter(litres: int) -> Decimal:
        supply = {"calibre_mm": 15, "sewer": False}
        return bill(["ES-JABALQUINTO-2024"], litres, {"months": 3}, supply=supply).total

    assert quarter(20_000) + quarter(20_000) - quarter(30_000) == Decimal("10.23")


def test_b15_exchange_and_bonus() -> None:
    readings = [
        {"meter": "old", "calibre_mm": 13, "from_litres": 1_235_000, "to_litres": 1_243_000},
        {"meter": "new", "calibre_mm": 13, "from_litres": 0, "to_litres": 10_000},
    ]
    bonus = {"code": "BONUS", "pct": "50", "components": ["AGUA_SERV", "AGUA_CONS"], "blocks": [1]}
    rated = bill(
        ["ES-AGOST-2023"], 18_000, {"months": 2}, supply={"calibre_mm": 13}, readings=readings, bonuses=[bonus]
    )
    line = rated.lines[-1]
    assert (line.code, str(line.quantity), str(line.unit_price), str(line.amount)) == ("BONUS", "13.3", "-0.5", "-6.65")
    assert rated.total == Decimal("19.35")


def test_b16_a_vat_rate_for_each_component() -> None:
    supply = {"calibre_mm": 13, "services": ["fire_hydrant", "meter_rental", "waste"], "fire_hydrants": 1}
    rated = bill(["XX-MIXED"], 0, {"months": 2}, Book.of({"XX-MIXED": MIXED}), supply=supply)
    assert totals(rated) == {"10": ("44.64", "4.46"), "21": ("1.70", "0.36"), "NS": ("14.70", "0.00")}
    assert rated.total == Decimal("65.86")


def test_b17_free_first_block_and_a_tasa_without_vat() -> None:
    rated = bill(["ES-ZUCAINA-2016"], 7_000, {"months": 3})
    assert amounts(rated) == [("AGUA_SERV", "10.00"), ("AGUA_CONS", "0.00"), ("AGUA_CONS", "0.72")]
    assert totals(rated) == {"NS": ("10.72", "0.00")}


def test_b17_with_vat_where_the_town_hall_charges_it() -> None:
    rated = bill(["ES-ZUCAINA-2016"], 7_000, {"months": 3}, parameters={"water_vat": "10"})
    assert rated.total == Decimal("11.79")


def test_b18_half_up_not_half_even() -> None:
    rated = bill(["XX-TRAP"], 25_000, {"months": 1}, Book.of({"XX-TRAP": TRAP}))
    assert amounts(rated) == [("AGUA_CONS", "5.01")]
    assert rated.total == Decimal("5.51")


@pytest.mark.parametrize(
    ("rounding", "total"),
    [("{}", "47.16"), ("{vat: line}", "47.18"), ("{line_decimals: 9}", "47.17")],
)
def test_rounding_is_the_tariffs_choice(rounding: str, total: str) -> None:
    """B03 under the three ways of rounding seen in practice."""
    names = ("ES-ELVENDRELL-2022B", "ES-ACA-CANON")
    policy = "" if rounding == "{}" else f"rounding: {rounding}\n"
    texts = {name: policy + (EXAMPLES / f"{name}.yaml").read_text() for name in names}
    rated = bill(list(names), 25_000, {"months": 2}, Book.of(texts), supply={"persons": 3})
    assert rated.total == Decimal(total)
