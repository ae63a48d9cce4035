"""What each kind of line tells about itself, word by word, and what each refusal says."""

from typing import Any

import pytest

from billing.rating import Case, CaseError, Line, rate
from billing.rating.plan import plan
from billing.tariff import Book, RatingError
from tests.billing.rating.samples import shipped, tariff

Q1 = {"from": "2026-01-01", "to": "2026-04-01"}


def made(components: str, litres: int = 0, period: dict[str, Any] | None = None, **more: Any) -> list[Line]:
    raw = {"tariffs": ["XX-MADE"], "litres": litres, "period": period or {"months": 1}, **more}
    return list(rate(Case.parse(raw), Book.of({"XX-MADE": tariff("XX-MADE", components)})).lines)


def of(name: str, litres: int, period: dict[str, Any], **more: Any) -> list[Line]:
    return list(rate(Case.parse({"tariffs": [name], "litres": litres, "period": period, **more}), shipped()).lines)


def part(line: Line, *names: str) -> dict[str, Any]:
    return {name: line.why[name] for name in names}


def test_a_fee_by_formula_tells_formula_and_constants() -> None:
    supply = {"use": "community", "zone": "sierrablanca", "calibre_mm": 15, "connection_mm": 20, "connection_l_s": 1}
    line = of("ES-MARBELLA-MANCHONES-2004", 0, {"months": 1}, supply=supply, once=["ACOMETIDA"])[-1]
    assert part(line, "kind", "per", "formula", "constants") == {
        "kind": "fee",
        "per": "once",
        "formula": "A * connection_mm + B * connection_l_s",
        "constants": {"A": "14.91", "B": "16.26"},
    }
    assert line.unit == "once"
    assert line.why["facts"] == {"connection_l_s": 1, "connection_mm": 20}


def test_a_fee_over_the_water_tells_its_formula() -> None:
    fee = 'fee: {per: month, amount: "b * m3 + days / 100 + months", with: {b: 0.5}, times: dwellings}'
    line = made(f"  - {{code: BASURA, name: Basura, {fee}}}\n", 10_000, Q1, supply={"dwellings": 2})[0]
    assert (line.unit, str(line.quantity), str(line.amount)) == ("month", "1", "53.40")
    assert part(line, "per", "formula") == {"per": "month", "formula": "b * m3 + days / 100 + months"}


def test_a_percentage_and_a_bonus_tell_their_percent() -> None:
    components = """
  - {code: AGUA, name: Agua, fee: {per: month, amount: 10}}
  - {code: ALCANT, name: Alcantarillado, percent: {of: AGUA, percent: 20}}
  - {code: BONO, name: Bono, bonus: {of: AGUA, percent: 12.5}}
"""
    _, sewer, bonus = made(components)
    assert (sewer.unit, part(sewer, "kind", "percent")) == ("EUR", {"kind": "percent", "percent": "20"})
    assert (str(bonus.amount), part(bonus, "kind", "percent")) == ("-1.25", {"kind": "bonus", "percent": "12.5"})


def test_a_granted_bonus_tells_its_percent_and_has_a_name() -> None:
    components = "  - {code: AGUA, name: Agua, fee: {per: month, amount: 10}}\n"
    line = made(components, bonuses=[{"code": "BONO", "pct": "25", "components": ["AGUA"]}])[1]
    assert (line.description, line.why["percent"], line.why["kind"]) == ("Bonificación", "25", "bonus")
    assert (line.why["tariff"], line.why["clause"]) == (None, "Bonificación")


def test_a_rebate_tells_its_limit() -> None:
    supply = {"use": "domestic", "calibre_mm": 13, "dwellings": 2}
    line = of("ES-BOJA151-2002", 30_000, {"months": 4}, supply=supply)[-1]
    assert line.description == "Cuota variable o de consumo, bonificación por bajo consumo"
    assert part(line, "rebate", "upto_litres", "published_upto_m3", "limits_scaled_by") == {
        "rebate": "bonificación por bajo consumo",
        "upto_litres": 72_000,
        "published_upto_m3": "18",
        "limits_scaled_by": "4",
    }


def test_the_rebates_limit_grows_with_time_and_dwellings() -> None:
    supply = {"use": "domestic", "calibre_mm": 13, "dwellings": 2}
    assert of("ES-BOJA151-2002", 72_000, {"months": 4}, supply=supply)[-1].amount < 0
    assert of("ES-BOJA151-2002", 72_001, {"months": 4}, supply=supply)[-1].amount > 0


def test_blocks_tell_what_multiplies_their_limits() -> None:
    line = of("ES-EMACSA-2024", 1_000, {"months": 2}, supply={"use": "domestic", "dwellings": 3})[0]
    assert part(line, "limits_times", "limits_scaled_by", "limits_litres") == {
        "limits_times": ["dwellings"],
        "limits_scaled_by": "3",
        "limits_litres": [0, 42_000],
    }


def test_an_exemption_tells_its_reason() -> None:
    supply = {"use": "domestic", "population": 70_000}
    line = of("ES-GVA-CANON", 1_000, {"from": "2022-09-01", "to": "2022-10-01"}, supply=supply)[0]
    assert (line.why["kind"], line.unit, str(line.unit_price)) == ("exempt", "EUR", "0")
    assert line.why["clause"].startswith("Decreto-ley 6/2022")


def test_neighbouring_stretches_at_one_price_are_one_line() -> None:
    """The dates of other customers' prices do not cut this supply's line."""
    components = """
  - code: AGUA
    name: Agua
    rates:
      - {when: {use: a}, to: 2026-02-01, consumption: {price: 1}}
      - {when: {use: a}, from: 2026-02-01, to: 2026-03-01, consumption: {price: 2}}
      - {when: {use: a}, from: 2026-03-01, consumption: {price: 3}}
      - {consumption: {per: month, blocks: [{to: 10, price: 5}, {price: 6}]}}
"""
    lines = made(components, 40_000, Q1, supply={"use": "b"})
    assert [(str(line.quantity), line.description) for line in lines] == [
        ("30", "Agua, bloque 1 (de 0 a 30 m³)"),
        ("10", "Agua, bloque 2 (más de 30 m³)"),
    ]
    assert part(lines[0], "from", "to", "days", "months", "share_of_period") == {
        "from": "2026-01-01",
        "to": "2026-04-01",
        "days": 90,
        "months": "3",
        "share_of_period": "1",
    }
    cut = made(components, 90_000, Q1, supply={"use": "a"})
    assert [(str(line.quantity), str(line.unit_price)) for line in cut] == [("31", "1"), ("28", "2"), ("31", "3")]
    assert cut[1].description == "Agua, del 01/02/2026 al 28/02/2026"


def test_a_component_lives_between_its_dates() -> None:
    component = "  - {code: TASA, name: Tasa, from: 2026-02-01, to: 2026-03-01, fee: {per: day, amount: 1}}\n"
    assert [(str(line.quantity), line.why["from"], line.why["to"]) for line in made(component, 0, Q1)] == [
        ("28", "2026-02-01", "2026-03-01")
    ]
    assert made(component, 0, {"from": "2026-03-01", "to": "2026-04-01"}) == []
    assert made(component, 0, {"from": "2026-01-01", "to": "2026-02-01"}) == []
    assert made(component, 0, {"days": 30}) == []


def test_a_table_with_a_hole_is_named_with_what_it_has() -> None:
    with pytest.raises(RatingError) as caught:
        of("ES-GUADASSEQUIES-2021", 0, {"months": 1}, supply={"use": "domestic", "q3_m3h": 200})
    assert str(caught.value) == (
        "supply.q3_m3h: 200 is not in the table of AGUA_SERV of ES-GUADASSEQUIES-2021; "
        "it has <=2.5, <=4, <=6.3, <=10, <=16, <=25, <=40, <=63, <=100, <=160"
    )
    with pytest.raises(RatingError) as caught:
        of("ES-AGOST-2023", 0, {"months": 1}, supply={"use": "domestic", "calibre_mm": 14})
    assert str(caught.value) == (
        "supply.calibre_mm: 14 is not in the table of AGUA_SERV of ES-AGOST-2023; "
        "it has 13, 15, 20, 25, 30, 40, 50, 65, 80, 100"
    )


def test_a_use_without_price_is_named_with_what_there_is() -> None:
    with pytest.raises(RatingError) as caught:
        of("ES-MONTIZON", 0, {"months": 3}, supply={"use": "irrigation"})
    assert str(caught.value) == (
        "supply.use: AGUA_CONS of ES-MONTIZON has no price for use irrigation; "
        "it has use: domestic; use: industrial | commercial | official | other"
    )


def test_a_missing_fact_is_named_with_who_needs_it() -> None:
    cases = {
        "ES-EMACSA-2024": ("dwellings", "AGUA_CONS of ES-EMACSA-2024", "viviendas", {"use": "domestic"}),
        "ES-AND-CANON": ("dwellings", "CANON_AND_FIJO of ES-AND-CANON", "viviendas", {"use": "domestic"}),
        "ES-AGOST-2023": ("calibre_mm", "AGUA_SERV of ES-AGOST-2023", "calibre del contador (mm)", {"use": "x"}),
        "ES-PATERNA": ("use", "AGUA_SERV of ES-PATERNA", "uso", {}),
        "ES-CYII-2024": ("calibre_mm", "SERVICIO of ES-CYII-2024", "calibre del contador (mm)", {"dwellings": 1}),
    }
    for name, (fact, where, spanish, supply) in cases.items():
        with pytest.raises(RatingError) as caught:
            of(name, 1_000, Q1, supply=supply)
        assert str(caught.value) in (
            f"supply.{fact}: missing; {where} needs it ({spanish})",
            f"{where}: the published source has no price for coefficient",
        )


def test_a_missing_coefficient_is_named() -> None:
    factor = "coefficients: [{when: {sewer: no}, factor: missing}]"
    component = f"  - {{code: CANON, name: Canon, consumption: {{price: 1, {factor}}}}}\n"
    with pytest.raises(RatingError) as caught:
        made(component, 1, supply={"sewer": False})
    assert str(caught.value) == "CANON of XX-MADE: the published source has no price for coefficient for sewer: no"


def test_a_price_per_day_needs_days() -> None:
    with pytest.raises(CaseError) as caught:
        made("  - {code: CUOTA, name: Cuota, fee: {per: day, amount: 1}}\n")
    assert caught.value.field == "period.days"
    assert str(caught.value) == (
        "period.days: missing; a price per day needs period.from and period.to, or period.days (CUOTA of XX-MADE)"
    )


@pytest.mark.parametrize(
    ("case", "field", "words"),
    [
        ({"period": {"from": "2020-01-01", "to": "2024-02-01"}}, "period", "is not covered: ES-AGOST-2023 is in force"),
        (
            {"bonuses": [{"pct": 1, "components": ["X"]}]},
            "bonuses[].components",
            "known: AGUA_SERV, INCENDIO",
        ),
        ({"parameters": {"p": 1}, "tariffs": ["ES-CIEZA"]}, "parameters.p", "not known; known: sewer_pct"),
        (
            {"tariffs": ["ES-ELVENDRELL-2017Q", "ES-ACA-CANON"]},
            "tariffs",
            "ES-ACA-CANON both bill CANON_ACA",
        ),
        ({"once": ["X"], "tariffs": ["ES-EMASA-2022"]}, "once", "known: ACOMETIDA, CONTRATACION"),
    ],
)
def test_refusals_name_their_field(case: dict[str, Any], field: str, words: str) -> None:
    raw = {
        "tariffs": ["ES-AGOST-2023"],
        "supply": {"use": "a", "calibre_mm": 15},
        "litres": 0,
        "period": {"months": 1},
        **case,
    }
    with pytest.raises(CaseError) as caught:
        plan(Case.parse(raw), shipped().get)
    assert caught.value.field == field
    assert words in str(caught.value)


@pytest.mark.parametrize(("value", "accepted"), [("0.1", True), ("8", True), ("0.09", False), ("8.01", False)])
def test_parameters_include_their_bounds(value: str, accepted: bool) -> None:
    raw = {
        "tariffs": ["ES-GVA-CANON"],
        "supply": {"use": "industrial", "calibre_mm": 13},
        "litres": 1_000,
        "period": {"months": 1},
        "parameters": {"industrial_coefficient": value},
    }
    if accepted:
        assert rate(Case.parse(raw), shipped()).lines[0].why["coefficient"] == value
    else:
        with pytest.raises(CaseError, match="must be from"):
            rate(Case.parse(raw), shipped())


def test_the_same_tariff_may_not_bill_before_it_exists() -> None:
    raw = {"tariffs": ["XX-MADE"], "litres": 0, "period": Q1}
    text = tariff(
        "XX-MADE", "  - {code: CUOTA, name: Cuota, fee: {per: month, amount: 1}}\n", "2020-01-01, to: 2026-03-31"
    )
    with pytest.raises(CaseError, match="XX-MADE is in force from 2020-01-01 until 2026-03-31"):
        rate(Case.parse(raw), Book.of({"XX-MADE": text}))
