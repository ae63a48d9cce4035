"""The twenty-five things a published water tariff can say, each on a shipped tariff or on one made here."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from billing.rating import Case, Line, rate
from billing.tariff import Book, RatingError
from tests.billing.rating.samples import shipped, tariff

MONTH, BIMESTER, QUARTER = {"months": 1}, {"months": 2}, {"months": 3}
YEAR = {"from": "2025-01-01", "to": "2026-01-01"}


def lines(name: str, m3: int, period: dict[str, Any], book: Book | None = None, **more: Any) -> list[Line]:
    raw = {"tariffs": [name], "litres": m3 * 1000, "period": period, "supply": more.pop("supply", {}), **more}
    return list(rate(Case.parse(raw), book or shipped()).lines)


def amounts(found: list[Line], code: str = "") -> list[str]:
    return [str(line.amount) for line in found if not code or line.code == code]


def made_lines(components: str, m3: int, period: dict[str, Any], **more: Any) -> list[Line]:
    book = Book.of({"XX-MADE": tariff("XX-MADE", components)})
    return lines("XX-MADE", m3, period, book, **more)


@pytest.mark.parametrize(
    ("name", "period", "supply", "amount"),
    [
        ("ES-AGOST-2023", MONTH, {"use": "domestic", "calibre_mm": 40}, "44.66"),
        ("ES-GUADASSEQUIES-2021", MONTH, {"use": "domestic", "q3_m3h": "6.3"}, "12.10"),
        ("ES-GUADASSEQUIES-2021", MONTH, {"use": "domestic", "calibre_mm": 13}, "5.19"),
        ("ES-AB-2013", MONTH, {"use": "domestic", "dwelling_type": "E", "tariff_option": "2T"}, "9.97"),
        ("ES-AB-2013", MONTH, {"use": "domestic", "dwelling_type": "E", "tariff_option": "3T"}, "10.23"),
        ("ES-AB-2024", MONTH, {"use": "domestic", "dwelling_type": "I"}, "81.49"),
        ("ES-CEHEGIN", BIMESTER, {"use": "domestic", "zone": "Burete"}, "21.31"),
        ("ES-CEHEGIN", BIMESTER, {"use": "commercial", "calibre_mm": 30}, "48.03"),
        ("ES-CEHEGIN", BIMESTER, {"use": "industrial", "calibre_mm": 65}, "480.15"),
        ("ES-PATERNA", MONTH, {"use": "domestic", "zone": "EMSHI", "calibre_mm": 20}, "12.38"),
        ("ES-LLOCNOU-2023", MONTH, {"use": "domestic"}, "5.27"),
    ],
)
def test_01_fixed_fee_by_anything(name: str, period: dict[str, Any], supply: dict[str, Any], amount: str) -> None:
    assert amounts(lines(name, 0, period, supply=supply), "AGUA_SERV") == [amount]


@pytest.mark.parametrize(("population", "amount"), [(2_000, "32.43"), (499, "0.00"), (50_001, "44.83")])
def test_01_fixed_fee_by_population_band(population: int, amount: str) -> None:
    found = lines("ES-GVA-CANON", 0, YEAR, supply={"use": "domestic", "population": population})
    assert amounts(found, "CANON_GVA_SERV") == [amount]


def test_02_fees_over_different_times_on_one_bill() -> None:
    fees = "".join(
        f"  - {{code: C_{per.upper()}, name: Cuota, fee: {{per: {per}, amount: {amount}}}}}\n"
        for per, amount in [("day", "0.161"), ("month", "1"), ("bimester", "2"), ("quarter", "3"), ("year", "44.83")]
    )
    found = made_lines(fees, 0, {"from": "2026-01-01", "to": "2026-03-01"})
    assert amounts(found) == ["9.50", "2.00", "2.00", "2.00", "7.25"]


def test_03_limits_include_their_last_m3_and_scale_with_time() -> None:
    found = lines("ES-AGOST-2023", 26, BIMESTER, supply={"use": "domestic", "calibre_mm": 13})
    assert [str(line.quantity) for line in found[1:]] == ["10", "16"]
    assert [line.why["limits_litres"] for line in found[1:]] == [[0, 10_000], [10_000, 26_000]]
    by_days = lines("ES-AGOST-2023", 26, {"days": 40}, supply={"use": "domestic", "calibre_mm": 13})
    assert [str(line.quantity) for line in by_days[1:]] == ["6.667", "10.666", "8.667"]


def test_04_bulk_meter_punished_or_multiplied() -> None:
    punished = lines("ES-AGOST-2023", 100, BIMESTER, supply={"use": "bulk_meter", "calibre_mm": 40})
    assert amounts(punished) == ["89.32", "236.99"]
    multiplied = lines("ES-BOJA151-2002", 200, BIMESTER, supply={"use": "domestic", "calibre_mm": 13, "dwellings": 4})
    assert [str(line.quantity) for line in multiplied[1:]] == ["160", "40"]


@pytest.mark.parametrize(
    ("persons", "disabled", "first"),
    [(None, 0, "9"), (2, 0, "9"), (3, 0, "9"), (4, 0, "12"), (7, 0, "21"), (4, 1, "15")],
)
def test_05_limits_by_persons_and_disability(persons: int | None, disabled: int, first: str) -> None:
    supply = {"use": "domestic", "dwellings": 1, "persons": persons, "disabled": disabled}
    assert str(lines("ES-ACA-CANON", 99, MONTH, supply=supply)[0].quantity) == first


def test_05_more_m3_for_each_person_above_four() -> None:
    supply = {"use": "domestic", "dwellings": 1, "persons": 6}
    found = lines("ES-AND-CANON", 99, MONTH, supply=supply)
    assert [str(line.quantity) for line in found[1:]] == ["8", "8", "8", "75"]


@pytest.mark.parametrize(
    ("supply", "price"),
    [
        ({"use": "domestic"}, "0.32"),
        ({"use": "domestic", "groups": ["unemployed"]}, "0.27"),
        ({"use": "domestic_unemployed"}, "0.27"),
    ],
)
def test_06_whole_table_by_group(supply: dict[str, Any], price: str) -> None:
    assert str(lines("ES-LAIRUELA", 10, QUARTER, supply=supply)[1].unit_price) == price


@pytest.mark.parametrize(("m3", "rebates"), [(18, ["-1.63"]), (19, [])])
def test_07_rebate_within_a_limit(m3: int, rebates: list[str]) -> None:
    supply = {"use": "domestic", "calibre_mm": 13, "dwellings": 1}
    found = lines("ES-BOJA151-2002", m3, BIMESTER, supply=supply)
    assert [str(line.amount) for line in found if line.amount < 0] == rebates


def test_07_rebate_for_a_group() -> None:
    supply = {"use": "official", "calibre_mm": 15, "groups": ["municipal"]}
    found = lines("ES-TORREMOLINOS-2006", 100, QUARTER, supply=supply)
    assert amounts(found, "AGUA_CONS") == ["36.00", "-9.98"]


def test_08_percentage_bonus_on_chosen_components() -> None:
    components = """
  - {code: AGUA_SERV, name: Servicio, fee: {per: month, amount: 10}}
  - {code: AGUA_CONS, name: Consumo, consumption: {per: month, blocks: [{to: 5, price: 1}, {price: 2}]}}
  - code: BONO
    name: Bono social
    when: {groups: social}
    bonus: {of: [AGUA_SERV, AGUA_CONS], blocks: 1, percent: 25}
"""
    assert amounts(made_lines(components, 7, MONTH)) == ["10.00", "5.00", "4.00"]
    assert amounts(made_lines(components, 7, MONTH, supply={"groups": ["social"]})) == [
        "10.00",
        "5.00",
        "4.00",
        "-3.75",
    ]


def test_09_minimum_for_one_component_only() -> None:
    found = lines("ES-ELVENDRELL-2017Q", 5, QUARTER, supply={"use": "industrial"})
    assert [str(line.quantity) for line in found if line.unit == "m3"] == ["5", "21", "5", "5"]
    levy = lines("ES-ELVENDRELL-2017Q", 5, QUARTER, supply={"use": "domestic"})
    assert [str(line.quantity) for line in levy if line.code == "CANON_ACA"] == ["18"]


def test_10_percentage_of_other_components() -> None:
    supply = {"use": "industrial", "calibre_mm": 13}
    found = lines("ES-CIEZA", 10, BIMESTER, supply=supply, parameters={"sewer_pct": "12.5"})
    assert amounts(found) == ["15.64", "19.27", "4.36"]


def test_11_two_prices_on_the_same_m3() -> None:
    found = lines("ES-ELVENDRELL-2022B", 60, BIMESTER, supply={"use": "industrial"})
    assert amounts(found, "CANON_ACA_IND") == ["9.92", "38.92"]


def test_12_leak_price_for_the_excess() -> None:
    supply = {"use": "domestic", "calibre_mm": 15}
    more: dict[str, Any] = {"supply": supply, "leak": True, "reference_litres": 20_000}
    found = lines("ES-JABALQUINTO-2024", 100, QUARTER, **more)
    assert [(line.code, str(line.quantity)) for line in found if line.unit == "m3"] == [
        ("AGUA_CONS", "18"),
        ("AGUA_CONS", "2"),
        ("AGUA_FUGA", "80"),
        ("ALCANT_CONS", "100"),
        ("DEP_CONS", "18"),
        ("DEP_CONS", "12"),
        ("DEP_CONS", "18"),
        ("DEP_CONS", "52"),
    ]


def test_12_no_excess_no_leak_line() -> None:
    supply = {"use": "domestic", "calibre_mm": 15}
    found = lines("ES-MENGIBAR-AGUA", 20, QUARTER, supply=supply, leak=True, reference_litres=30_000)
    assert "AGUA_FUGA" not in {line.code for line in found}


@pytest.mark.parametrize(("premises", "price"), [(1, "1.298"), (8, "1.298"), (9, "1.449")])
def test_13_the_larger_of_two_fees(premises: int, price: str) -> None:
    supply = {"use": "non_domestic", "calibre_mm": 40, "premises": premises}
    found = lines("ES-EMASESA-NODOM-2024", 0, {"from": "2025-05-01", "to": "2025-06-01"}, supply=supply)
    assert str(found[0].unit_price) == price


def test_14_formula_fees() -> None:
    supply = {
        "use": "community",
        "zone": "Sierra Blanca",
        "calibre_mm": 25,
        "connection_mm": 32,
        "connection_l_s": "1.5",
    }
    found = lines("ES-MARBELLA-MANCHONES-2004", 0, MONTH, supply=supply, once=["ACOMETIDA"])
    assert amounts(found, "ACOMETIDA") == ["501.51"]
    components = """
  - code: SERVICIO
    name: Cuota de servicio
    fee: {per: bimester, amount: "c * (calibre_mm ** 2 + 225 * dwellings)", with: {c: 0.00955}}
"""
    assert amounts(made_lines(components, 0, BIMESTER, supply={"calibre_mm": 15, "dwellings": 3})) == ["8.60"]


def test_15_one_off_fees_and_deposits_only_on_request() -> None:
    supply = {"use": "domestic", "dwelling_type": "H"}
    assert amounts(lines("ES-AB-2024", 0, MONTH, supply=supply)) == ["53.83"]
    found = lines("ES-AB-2024", 0, MONTH, supply=supply, once=["ALTA", "FIANZA"])
    assert [(line.code, str(line.amount), line.vat) for line in found[1:]] == [
        ("ALTA", "59.74", "NS"),
        ("FIANZA", "73.20", "NS"),
    ]


def test_16_pumping_surcharge() -> None:
    found = lines("ES-EMASA-2022", 10, MONTH, supply={"use": "industrial", "services": ["pumping"]})
    assert amounts(found) == ["5.49", "1.19"]


def test_17_18_vat_nature_and_beneficiary_of_each_component() -> None:
    found = lines("ES-EMASA-2022", 0, MONTH | {"months": 1}, supply={"use": "industrial"}, once=[])
    assert found == []
    levy = lines("ES-ELVENDRELL-2017Q", 20, QUARTER, supply={"use": "domestic"})[-1]
    assert (levy.vat, levy.why["nature"]) == ("10", "levy")
    assert levy.why["beneficiary"] == "Agència Catalana de l'Aigua"
    tax = lines("ES-IMAR-ARAGON", 20, MONTH, supply={"use": "domestic"})[-1]
    assert (tax.vat, tax.why["nature"]) == ("NS", "levy")


def test_19_dates_for_each_component() -> None:
    supply = {"use": "domestic", "calibre_mm": 15}
    with pytest.raises(RatingError, match="ALCANT_CONS of ES-JABALQUINTO-2024 has no price in force on 2024-05-01"):
        lines("ES-JABALQUINTO-2024", 25, {"from": "2024-05-01", "to": "2024-08-01"}, supply=supply)
    water = {**supply, "sewer": False}
    assert len(lines("ES-JABALQUINTO-2024", 25, {"from": "2024-05-01", "to": "2024-08-01"}, supply=water)) == 3


def test_19_moratorium_inside_the_period() -> None:
    supply = {"use": "domestic", "population": 70_000}
    found = lines("ES-GVA-CANON", 62, {"from": "2022-07-01", "to": "2022-09-01"}, supply=supply)
    assert [(line.code, str(line.quantity), str(line.amount)) for line in found] == [
        ("CANON_GVA_CONS", "31", "13.67"),
        ("CANON_GVA_CONS", "1", "0.00"),
        ("CANON_GVA_SERV", "0.084932", "3.81"),
        ("CANON_GVA_SERV", "1", "0.00"),
    ]
    assert "Decreto-ley 6/2022" in found[1].description


def test_20_seasonal_prices() -> None:
    components = """
  - code: AGUA_CONS
    name: Consumo
    rates:
      - {season: {from: 06-01, to: 10-01}, consumption: {per: bimester, blocks: [{to: 20, price: 0.3}, {price: 2}]}}
      - {consumption: {per: bimester, blocks: [{to: 20, price: 0.3}, {price: 1}]}}
"""
    found = made_lines(components, 61, {"from": "2025-05-01", "to": "2025-07-01"})
    assert [(str(line.quantity), str(line.unit_price)) for line in found] == [
        ("10.164", "0.3"),
        ("20.836", "1"),
        ("9.836", "0.3"),
        ("20.164", "2"),
    ]
    with pytest.raises(RatingError, match=r"period\.from: missing; AGUA_CONS of XX-MADE has seasonal prices"):
        made_lines(components, 61, BIMESTER)


@pytest.mark.parametrize(
    ("supply", "price"),
    [
        ({"population": 1_500}, "0.4936"),
        ({"public_sanitation": False, "population": 1_500}, "0.3267632"),
        ({"public_sanitation": False, "population": 2_001}, "0.4042584"),
        ({"public_sanitation": False, "population": 50_000}, "0.4827408"),
        ({"public_sanitation": False, "population": 50_001}, "0.4936"),
    ],
)
def test_21_municipal_coefficient(supply: dict[str, Any], price: str) -> None:
    found = lines("ES-ACA-CANON", 9, MONTH, supply={"use": "domestic", "dwellings": 1, **supply})
    assert str(found[0].unit_price) == price


def test_22_six_decimals_in_prices_and_four_in_fees() -> None:
    components = """
  - {code: AGUA_SERV, name: Cuota, fee: {per: month, amount: 15.6417}}
  - {code: AGUA_CONS, name: Consumo, consumption: {price: 0.162097}}
"""
    assert amounts(made_lines(components, 100, MONTH)) == ["15.64", "16.21"]


def test_23_free_first_block() -> None:
    found = lines("ES-ZUCAINA-2016", 3, QUARTER)
    assert [(str(line.quantity), str(line.amount)) for line in found] == [("1", "10.00"), ("3", "0.00")]


def test_24_fire_hydrant_and_waste_fee() -> None:
    assert amounts(lines("ES-AGOST-2023", 0, MONTH, supply={"use": "fire"})) == ["17.86"]
    supply = {"use": "domestic", "calibre_mm": 13, "services": ["fire_hydrant"], "fire_hydrants": 2}
    assert amounts(lines("ES-AGOST-2023", 0, MONTH, supply=supply)) == ["4.46", "35.72"]
    waste = {"use": "industrial", "services": ["waste"], "dwellings": 3}
    assert amounts(lines("ES-EMASA-2022", 0, YEAR, supply=waste), "TASA_BASURA") == ["280.32"]


@pytest.mark.parametrize(("average", "every"), [(None, "quarter"), ("100", "quarter"), ("100.001", "month")])
def test_25_billing_frequency_by_average_use(average: str | None, every: str) -> None:
    frequency = shipped().get("ES-MARBELLA-MANCHONES-2004").frequency
    assert frequency is not None
    assert frequency.of(None if average is None else Decimal(average)) == every


@pytest.mark.parametrize(
    ("name", "supply", "message"),
    [
        (
            "ES-PATERNA",
            {"use": "domestic", "zone": "nucleo", "calibre_mm": 13, "groups": ["large_family"]},
            "familia num",
        ),
        ("ES-GVA-CANON", {"use": "domestic", "population": 20_000}, "population 10001"),
        ("ES-EMASESA-NODOM-2024", {"use": "industrial", "calibre_mm": 15, "premises": 1}, "precio del m³"),
        ("ES-EMASESA-NODOM-2024", {"use": "domestic", "calibre_mm": 15, "premises": 1}, "domésticos, oficiales"),
        ("ES-CYII-2024", {"calibre_mm": 15, "dwellings": 1}, "coefficient"),
        ("ES-AMAEM-2022", {"use": "domestic"}, "cuota de servicio"),
        ("ES-RUS-2024", {}, "bloques de consumo"),
        ("ES-LUCENA-2012", {"calibre_mm": 13}, "bloques de consumo"),
        ("ES-CEHEGIN", {"use": "domestic", "zone": "Burete"}, "precio del m³"),
        ("ES-EMACSA-2024", {"use": "domestic", "dwellings": 1, "groups": ["pensioner"]}, "pensionistas"),
        ("ES-SABIOTE-DEPURACION", {"use": "domestic", "groups": ["pensioner"]}, "pensionistas"),
        ("ES-CIEZA", {"use": "domestic", "calibre_mm": 13, "groups": ["large_family"]}, "familias"),
    ],
)
def test_a_price_the_source_lacks_is_named(name: str, supply: dict[str, Any], message: str) -> None:
    period = {"from": "2026-01-01", "to": "2026-03-01"}
    with pytest.raises(RatingError, match=f"{name}: the published source has no price for .*{message}"):
        lines(name, 10, period, supply=supply, parameters={"sewer_pct": "20"} if name == "ES-CIEZA" else {})


@pytest.mark.parametrize(
    ("name", "supply", "fact"),
    [
        ("ES-AGOST-2023", {"use": "domestic"}, "calibre_mm"),
        ("ES-LAIRUELA", {}, "use"),
        ("ES-PATERNA", {"use": "domestic", "calibre_mm": 13}, "zone"),
        ("ES-GVA-CANON", {"use": "domestic"}, "population"),
        ("ES-EMACSA-2024", {"use": "domestic"}, "dwellings"),
        ("ES-EMASESA-NODOM-2024", {"use": "industrial", "calibre_mm": 15}, "premises"),
        ("ES-AB-2013", {"use": "domestic", "dwelling_type": "A"}, "tariff_option"),
        ("ES-AB-2024", {"use": "domestic"}, "dwelling_type"),
        ("ES-ACA-CANON", {"use": "domestic", "dwellings": 1, "public_sanitation": False}, "population"),
    ],
)
def test_a_fact_the_case_lacks_is_named(name: str, supply: dict[str, Any], fact: str) -> None:
    with pytest.raises(RatingError, match=rf"supply\.{fact}: missing"):
        lines(name, 10, {"from": "2026-01-01", "to": "2026-03-01"}, supply=supply)


def test_a_use_without_price_is_named_with_those_that_have_one() -> None:
    with pytest.raises(
        RatingError, match=r"supply\.use: AGUA_CONS of ES-BAILEN has no price for use irrigation; it has"
    ):
        lines("ES-BAILEN", 10, QUARTER, supply={"use": "irrigation", "calibre_mm": 15})


def test_a_calibre_outside_the_table_is_named_with_those_inside() -> None:
    with pytest.raises(RatingError, match=r"supply\.calibre_mm: 45 is not in the table of AGUA_SERV of ES-BAILEN"):
        lines("ES-BAILEN", 10, QUARTER, supply={"use": "domestic", "calibre_mm": 45})


def test_a_parameter_the_case_lacks_is_named() -> None:
    with pytest.raises(RatingError, match=r"parameters\.sewer_pct: missing; ALCANT of ES-CIEZA needs it"):
        lines("ES-CIEZA", 10, BIMESTER, supply={"use": "domestic", "calibre_mm": 13})


def test_versions_of_one_tariff_by_date() -> None:
    assert shipped().on("ES-AGOST-2023", date(2024, 1, 1)).id == "ES-AGOST-2023"
    with pytest.raises(RatingError, match="no version of ES-AGOST-2023 is in force on 2023-11-29"):
        shipped().on("ES-AGOST-2023", date(2023, 11, 29))


def test_a_formula_may_ask_the_days_and_the_months_that_are_billed() -> None:
    fee = "  - {{code: CC, name: Cuota, fee: {{per: month, amount: {}}}}}\n"
    february = {"from": "2026-02-01", "to": "2026-03-01"}
    assert amounts(made_lines(fee.format("days * 0.10"), 0, february)) == ["2.80"]
    assert amounts(made_lines(fee.format("months * 0.10"), 0, february)) == ["0.10"]
    limits = (
        "  - {code: CC, name: Consumo, consumption: {per: day, let: {n: days / 28 + months}, "
        "blocks: [{to: n, price: 0}, {price: 1}]}}\n"
    )
    assert [str(line.quantity) for line in made_lines(limits, 100, february)] == ["56", "44"]


Q3 = (
    "  - {code: CC, name: Cuota, fee: {per: month, by: calibre_mm, amounts: {13: 1, 15: 2}, "
    "or_by: {q3_m3h: {1.6: 13, 2.5: 15}}}}\n"
)


def test_a_table_is_entered_by_its_own_fact_before_the_one_that_stands_in() -> None:
    for supply, amount in (
        ({"calibre_mm": 13}, "1.00"),
        ({"q3_m3h": "2.5"}, "2.00"),
        ({"calibre_mm": 13, "q3_m3h": "2.5"}, "1.00"),
    ):
        assert amounts(made_lines(Q3, 0, MONTH, supply=supply)) == [amount]


def test_a_stand_in_outside_its_table_is_named_with_those_inside() -> None:
    with pytest.raises(RatingError) as refused:
        made_lines(Q3, 0, MONTH, supply={"q3_m3h": "4"})
    assert str(refused.value) == "supply.q3_m3h: 4 is not in the table of CC of XX-MADE; it has 1.6, 2.5"


@pytest.mark.parametrize(
    "extra",
    [
        "coefficients: [{when: {zone: a}, factor: 2}, {factor: 1}]",
        "rebates: [{name: Bono, price: 0.10, when: {zone: a}}]",
    ],
)
def test_a_fact_that_a_condition_of_a_price_needs_is_named_with_its_concept(extra: str) -> None:
    component = f"  - {{code: CC, name: Consumo, consumption: {{price: 1, {extra}}}}}\n"
    with pytest.raises(RatingError) as refused:
        made_lines(component, 5, MONTH)
    assert str(refused.value) == "supply.zone: missing; CC of XX-MADE needs it (zona)"


def test_a_block_that_a_formula_leaves_without_water_has_no_line() -> None:
    component = (
        "  - {code: CC, name: Consumo, consumption: {per: month, "
        "blocks: [{to: 5, price: 1}, {to: 5 * dwellings, price: 2}, {price: 3}]}}\n"
    )
    for dwellings, quantities in ((1, ["5", "2"]), (2, ["5", "2"])):
        found = made_lines(component, 7, MONTH, supply={"dwellings": dwellings})
        assert [str(line.quantity) for line in found] == quantities
        assert str(found[1].unit_price) == ("3" if dwellings == 1 else "2")


def test_a_rebates_limit_without_time_is_of_the_whole_bill() -> None:
    component = (
        "  - {code: CC, name: Consumo, consumption: {price: 1, rebates: [{name: Bono, price: 0.10, up_to: 5}]}}\n"
    )
    assert amounts(made_lines(component, 5, QUARTER)) == ["5.00", "-0.50"]
    assert amounts(made_lines(component, 6, QUARTER)) == ["6.00"]
