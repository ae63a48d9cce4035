"""What a tariff file may say, and how it is told what is wrong: file, line, field, value, rule."""

import hashlib
from contextlib import suppress
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.tariff import TariffError, parse
from billing.tariff.model import RoundingPolicy
from tests.billing.tariff.samples import GOOD, broken


def problems(text: str) -> list[str]:
    with pytest.raises(TariffError) as caught:
        parse(text, "x.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_a_good_tariff() -> None:
    version = parse(GOOD, "good.yaml")
    assert (version.id, version.series, version.start, version.end) == ("XX-GOOD", "XX-GOOD", date(2024, 1, 1), None)
    assert [part.code for part in version.components] == ["AGUA_SERV", "AGUA_CONS"]
    assert [part.line for part in version.components] == [8, 15]
    assert version.components[0].rates[0].charge is not None
    assert version.rounding == RoundingPolicy(2, "half_up", "rate")
    assert len(version.digest) == 64


def test_the_digest_is_that_of_the_text() -> None:
    assert parse(GOOD, "a").digest == parse(GOOD, "b").digest
    assert parse(GOOD, "a").digest != parse(GOOD + "\n", "a").digest


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("0.4375", "'0,4375'", "x.yaml:21: components[1].consumption.blocks[0].price '0,4375': decimals are written"),
        ("0.4375", "0,4375", "blocks[0] '4375': is not a known key here; decimals are written with a point"),
        ("0.4375", "mucho", "blocks[0].price 'mucho': must be a number like 12 or 0.4375"),
        ("0.4375", "0.43751234", "blocks[0].price '0.43751234': must have at most 6 decimals"),
        ("0.4375", "1e-3", "blocks[0].price '1e-3': must be a number"),
        ("0.4375", "[1]", "blocks[0].price list: must be a single value"),
        (
            "per: month\n      blocks",
            "por: mes\n      blocks",
            "components[1].consumption keys: lacks per (is por meant?): limits and",
        ),
        ("per: month\n      blocks", "blocks", "components[1].consumption keys: lacks per: limits and minimums"),
        ("per: month\n      by", "per: mes\n      by", "components[0].fee.per 'mes': must be one of day, month"),
        ("calibre_mm", "calibre", "x.yaml:13: components[0].fee.by 'calibre': is not a supply fact; known: use,"),
        ("{to: 5, price: 0.4375}", "{price: 0.4375}", "blocks[0] keys: lacks to: only the last block has no limit"),
        ("{price: 1.3673}", "{to: 9, price: 1.3673}", "blocks[1] keys: must have no limit (to)"),
        ("{to: 5, price", "{to: 0, price", "blocks[0] keys: to 0 must be above the block before it (0)"),
        ("{to: 5, price", "{to: 5.1234, price", "blocks[0].to '5.1234': must have at most 3 decimals"),
        ("tariff: XX-GOOD", "tariff: xx good", "x.yaml:1: tariff 'xx good': must be 3 to 40 of A-Z, 0-9 and '-'"),
        ("place: Ejemplo\n", "", "x.yaml:1: file keys: lacks place"),
        ("from: 2024-01-01", "from: 01/01/2024", "valid.from '01/01/2024': must be a date like 2024-01-31"),
        (
            "from: 2024-01-01",
            "from: 2024-01-01, to: 2024-01-01",
            "valid.to '2024-01-01': must be after from (2024-01-01)",
        ),
        (
            "nature: price",
            "nature: regalo",
            "defaults.nature 'regalo': must be one of price, ppnt, tasa, levy, deposit",
        ),
        ("vat: 10", "vat: 11", "defaults.vat '11': must be one of 21, 10, 4, 0, NS, EX"),
        (
            "certainty: read",
            "certainty: sure",
            "source.certainty 'sure': must be one of read, partial, news, unverified",
        ),
        ("code: AGUA_CONS", "code: AGUA_SERV", "components[1].code 'AGUA_SERV': is already the code of another"),
        ("code: AGUA_CONS", "code: agua", "components[1].code 'agua': must be 2 to 40 of A-Z"),
        ("{13: 4.46, 15: 8.94}", "{13: 4.46, 13: 8.94}", "components[0].fee.amounts '13': is given twice"),
        ("{13: 4.46, 15: 8.94}", "{trece: 4.46}", "components[0].fee.amounts 'trece': must be a number, a range like"),
        ("{13: 4.46, 15: 8.94}", "{}", "components[0].fee.amounts keys: must be a list of keys with their values"),
        ("clause: artículo 1", "clause: ''", "components[0].clause '': must not be empty"),
        ("clause: artículo 1", "when: {leek: yes}", "components[0].when 'leek': is not a supply fact"),
        ("clause: artículo 1", "when: {sewer: maybe}", "components[0].when.sewer 'maybe': must be one of yes, no"),
        (
            "place: Ejemplo\n",
            "place: Ejemplo\nprice: 1\n",
            "x.yaml:3: file 'price': is not a known key here; known: parameters",
        ),
        ("place: Ejemplo\n", "place: &a Ejemplo\n", "x.yaml:2: file 'a': anchors, aliases and tags are not allowed"),
        ("place: Ejemplo\n", "place: !!str Ejemplo\n", "anchors, aliases and tags are not allowed"),
        ("place: Ejemplo\n", "place: [\n", "file YAML: "),
        ("vat: 10", "vat: 10, who: me", "defaults 'who': is not a known key here; known: nature, vat, beneficiary"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(old: str, new: str, expected: str) -> None:
    assert expected in "\n".join(problems(broken(old, new)))


def test_every_problem_is_reported_at_once() -> None:
    text = broken("0.4375", "'0,4375'").replace("4.46", "caro")
    assert [problem.split(":")[1] for problem in problems(text)] == ["14", "21"]
    with pytest.raises(TariffError, match=r"x\.yaml:14: .*: must be a number like 12 or 0\.4375 \(and 1 more\)"):
        parse(text, "x.yaml")


@pytest.mark.parametrize("text", ["", "# nothing\n", "- a\n", "a\n", "a: 1\n---\nb: 2\n", "a: \x00"])
def test_what_is_no_tariff_at_all(text: str) -> None:
    assert problems(text)


def test_yaml_that_is_none_is_told_with_its_line() -> None:
    assert problems("tariff: XX\nplace: [a\nutility: b\n") == [
        "x.yaml:3: file YAML: did not find expected ',' or ']'",
    ]
    assert problems("a: \x07") == ["x.yaml:1: file YAML: control characters are not allowed"]


def test_a_file_of_unreasonable_depth() -> None:
    assert problems("a: " + "[" * 300_000 + "]" * 300_000) == ["x.yaml:1: file nesting: at most 20 levels"]


def test_a_file_of_unreasonable_size() -> None:
    assert problems("#" * 1_000_001) == ["x.yaml:1: file 1000001 characters: at most 1000000"]


@given(st.text(max_size=200))
def test_any_text_is_a_tariff_or_a_tariff_error(text: str) -> None:
    with pytest.raises(TariffError):
        parse(text, "x.yaml")


@given(st.integers(0, len(GOOD) - 1), st.characters(codec="utf-8"))
def test_any_changed_character_is_a_tariff_or_a_tariff_error(at: int, character: str) -> None:
    text = GOOD[:at] + character + GOOD[at + 1 :]
    with suppress(TariffError):
        assert parse(text, "x.yaml").digest == hashlib.sha256(text.encode()).hexdigest()


def charge(text: str) -> str:
    return broken("      per: month\n      by: calibre_mm\n      amounts: {13: 4.46, 15: 8.94}", text)


@pytest.mark.parametrize(
    ("fee", "expected"),
    [
        ("      {per: month}", "lacks amount: flat or a formula, or by with amounts"),
        ("      {per: month, amount: 1, by: calibre_mm, amounts: {13: 1}}", "must be a formula when there is a table"),
        ("      {per: month, by: calibre_mm}", "lacks amounts"),
        ("      {per: month, amount: persons + pools}", "pools is not a known name here"),
        ("      {per: month, amount: amount(13)}", "amount is not a known function here; known: ceil, floor, max, min"),
        ("      {per: month, amount: 'eval(1)'}", "eval is not a known function here"),
        ("      {per: month, amount: 'persons.real'}", "Attribute is not allowed in a formula"),
        ("      {per: month, amount: '[1]'}", "List is not allowed in a formula"),
        ("      {per: month, amount: persons ** persons}", "only squares (** 2) and cubes (** 3) are allowed"),
        ("      {per: month, amount: persons ** 4}", "only squares"),
        ("      {per: month, amount: 1 * True}", "'True' is not a plain number"),
        ("      {per: month, amount: 1 * 1e3}", "'1e3' is not a plain number"),
        ("      {per: month, amount: 'max(x=1)'}", "a function is called by its name with plain values"),
        ("      {per: month, amount: '1 +'}", "must be a number or a formula like"),
        ("      {per: month, amount: '" + "1 + " * 90 + "1'}", "a formula has at most 300 characters"),
        ("      {per: month, amount: 1, times: pools}", "is not a supply fact"),
        ("      {missing: el precio, per: month}", "'per': is not a known key here; known: missing"),
    ],
)
def test_fees_that_cannot_be(fee: str, expected: str) -> None:
    assert expected in "\n".join(problems(charge(fee)))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("percent: {of: SANE, percent: 5}", "components[2].percent.of 'SANE': matches no component before this one"),
        ("percent: {of: X, percent: 5}", "matches no component before this one; there are AGUA_SERV, AGUA_CONS"),
        (
            "bonus: {of: AGUA_*, blocks: 0, percent: 5}",
            "components[2].bonus.blocks '0': must be a block number, from 1",
        ),
        ("bonus: {of: AGUA_*, percent: 5, if: x}", "'if': is not a known key here"),
        (
            "fee: {per: month, amount: 1}, percent: {of: AGUA_*, percent: 5}",
            "must have exactly one of fee, consumption",
        ),
        ("clause: nada", "must have exactly one of fee, consumption, percent, bonus; it has 0"),
        ("rates: []", "rates list: must be a list with at least one entry"),
        (
            "rates: [{season: {from: 02-30, to: 03-01}, fee: {per: day, amount: 1}}]",
            "must be a month and day like 06-01",
        ),
        (
            "rates: [{season: {from: 02-29, to: 03-01}, fee: {per: day, amount: 1}}]",
            "must be a month and day like 06-01",
        ),
        ("rates: [{exempt: sí, fee: {per: day, amount: 1}}]", "'fee': is not a known key here"),
        ("vat: moon, fee: {per: month, amount: 1}", "vat 'moon': must be one of 21, 10, 4, 0, NS, EX"),
        ("nature: '', fee: {per: month, amount: 1}", "nature '': must not be empty"),
    ],
)
def test_components_that_cannot_be(body: str, expected: str) -> None:
    text = GOOD + f"  - {{code: OTHER, name: Otro, {body}}}\n"
    assert expected in "\n".join(problems(text))


def test_a_component_must_say_what_it_is() -> None:
    text = broken("defaults: {nature: price, beneficiary: Ejemplo, vat: 10}\n", "")
    assert {problem.split(": ", 2)[2] for problem in problems(text)} == {"lacks nature"}
    text = broken("beneficiary: Ejemplo, vat: 10", "vat: 10")
    assert "lacks beneficiary" in problems(text)[0]
    text = broken("beneficiary: Ejemplo, vat: 10", "beneficiary: Ejemplo")
    assert "lacks vat" in problems(text)[0]


def test_vat_by_parameter_must_list_vat_codes() -> None:
    head = "parameters: {v: {text: IVA, values: [NS, 10]}}\n"
    assert parse(head + broken("clause: artículo 1", "vat: v"), "x").components[0].vat == "v"
    head = "parameters: {v: {text: IVA, values: [NS, 12]}}\n"
    assert "the parameter must list its values among" in problems(head + broken("clause: artículo 1", "vat: v"))[0]


def test_parameters_with_bounds_and_defaults() -> None:
    version = parse("parameters: {p: {text: Porcentaje, min: 0, max: 8.5, default: 1}}\n" + GOOD, "x")
    parameter = version.parameters["p"]
    assert (parameter.low, parameter.high, parameter.default) == (Decimal(0), Decimal("8.5"), "1")
    assert "parameters.p keys: lacks text" in problems("parameters: {p: {min: 0}}\n" + GOOD)[0]


def test_rounding_choices() -> None:
    version = parse("rounding: {line_decimals: 4, mode: down, vat: line}\n" + GOOD, "x")
    assert version.rounding == RoundingPolicy(4, "down", "line")
    assert "must be one of 2, 3, 4" in problems("rounding: {line_decimals: 1}\n" + GOOD)[0]


def test_assumed_facts_are_facts() -> None:
    version = parse("assume: {persons: 3, sewer: yes, zone: casco, groups: [a, b]}\n" + GOOD, "x")
    assert version.assume == {"persons": 3, "sewer": True, "zone": "casco", "groups": frozenset({"a", "b"})}
    assert "assume 'pools': is not a supply fact" in problems("assume: {pools: 3}\n" + GOOD)[0]


def test_billing_frequency_needs_both_sides() -> None:
    assert "billing keys: lacks then" in problems("billing: {every: quarter, above_m3_month: 100}\n" + GOOD)[0]
    assert "billing.every 'week': must be one of month" in problems("billing: {every: week}\n" + GOOD)[0]


@pytest.mark.parametrize(
    ("length", "shown"), [(59, "c" * 59), (60, "c" * 60), (61, "c" * 57 + "..."), (200, "c" * 57 + "...")]
)
def test_a_long_value_is_shown_by_its_beginning(length: int, shown: str) -> None:
    (found,) = problems(broken("0.4375", "c" * length))
    assert found.startswith(f"x.yaml:21: components[1].consumption.blocks[0].price '{shown}': must be a number like")
