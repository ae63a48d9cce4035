"""Warnings about tariffs that can be read but look wrong."""

import pytest

from billing.tariff import parse
from billing.tariff.lint import lint, lint_series
from tests.billing.rating.samples import shipped
from tests.billing.tariff.samples import GOOD, broken

FEE = "      per: month\n      by: calibre_mm\n      amounts: {13: 4.46, 15: 8.94}"
BLOCKS = "      per: month\n      blocks:\n        - {to: 5, price: 0.4375}\n        - {price: 1.3673}\n"


PRICE = "fee: {per: month, amount: 1}"


def kinds(text: str) -> list[tuple[str, str]]:
    return [(finding.field, finding.kind) for finding in lint(parse(text, "x.yaml"))]


def test_a_good_tariff_has_none() -> None:
    assert kinds(GOOD) == []


def test_the_words_name_file_line_and_component() -> None:
    found = lint(parse(broken("price: 1.3673", "price: 0.3673"), "x.yaml"))
    assert [str(finding) for finding in found] == [
        "x.yaml:15: AGUA_CONS: falling: block 2 costs 0.3673, less than the block before it (0.4375)"
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("clause: artículo 2\n    ", "", [("AGUA_CONS", "undocumented")]),
        ('url: "https://example.org/o", ', "", [("source", "undocumented")]),
        ("price: 1.3673", "price: 0.4375", [("AGUA_CONS", "unreachable")]),
        ("price: 1.3673", "price: 43.75", [("AGUA_CONS", "misprint")]),
        ("price: 1.3673", "price: missing", [("AGUA_CONS", "incomplete")]),
        ("15: 8.94", "15: 4.45", [("AGUA_SERV", "falling")]),
        ("15: 8.94", "15: missing", [("AGUA_SERV", "incomplete")]),
        ("{13: 4.46, 15: 8.94}", "{'<=15': 4.46, 13: 8.94}", [("AGUA_SERV", "unreachable")]),
        ("{13: 4.46, 15: 8.94}", "{'<=15': 4.46, '>15': 8.94}", []),
        ("{13: 4.46, 15: 8.94}", "{13: 4.46, 15: 4.46}", []),
        (BLOCKS, BLOCKS.replace("per: month", "per: quarter"), [("AGUA_SERV", "units")]),
        (FEE, "      missing: la cuota", [("AGUA_SERV", "incomplete")]),
        (FEE, "      {per: month, amount: c * calibre_mm, with: {c: missing}}", [("AGUA_SERV", "incomplete")]),
    ],
)
def test_what_looks_wrong(old: str, new: str, expected: list[tuple[str, str]]) -> None:
    assert kinds(broken(old, new)) == expected


def words(text: str) -> list[str]:
    return [str(finding) for finding in lint(parse(text, "x.yaml"))]


def test_every_warning_in_words() -> None:
    assert words(broken("clause: artículo 2\n    ", "")) == [
        "x.yaml:15: AGUA_CONS: undocumented: the clause of the ordinance is not named"
    ]
    assert words(broken('url: "https://example.org/o", ', "")) == ["x.yaml:1: source: undocumented: has no url"]
    assert words("assume: {persons: 3}\n" + GOOD) == ["x.yaml:1: assume.persons: unused: no component asks for it"]
    assert words("parameters: {p: {text: A}}\n" + GOOD) == ["x.yaml:1: parameters.p: unused: no component uses it"]
    assert words(broken("per: month\n      blocks", "per: quarter\n      blocks")) == [
        "x.yaml:1: AGUA_SERV: units: one service over different times: AGUA_SERV per month, AGUA_CONS per quarter"
    ]
    twice = f"      - {{{PRICE}}}\n      - {{{PRICE}}}\n      - {{fee: {{per: day, amount: 1}}}}\n"
    assert words(rates(twice)) == [
        "x.yaml:1: AGUA_SERV: units: one service over different times: AGUA_SERV per month, AGUA_SERV per day",
        "x.yaml:13: AGUA_SERV: overlap: two prices are in force on the same days; only the first in the file counts",
        "x.yaml:14: AGUA_SERV: overlap: two prices are in force on the same days; only the first in the file counts",
        "x.yaml:14: AGUA_SERV: units: its prices are per day and per month",
    ]
    wide = f"      - {{when: {{use: a}}, {PRICE}}}\n      - {{when: {{use: a, zone: b}}, {PRICE}}}\n"
    assert words(rates(wide)) == [
        "x.yaml:13: AGUA_SERV: unreachable: the price at line 12 always comes first",
    ]


def test_prices_in_words() -> None:
    blocks = BLOCKS.replace("{price: 1.3673}", "{prices: {uno: missing, dos: 30}}")
    assert words(broken(BLOCKS, blocks)) == [
        "x.yaml:15: AGUA_CONS: incomplete: not in the source: the price of block 2 uno",
        "x.yaml:15: AGUA_CONS: misprint: block 2 dos at 30 €/m³: cents or pesetas?",
    ]
    same = BLOCKS.replace("1.3673", "0.4375")
    assert words(broken(BLOCKS, same)) == [
        "x.yaml:15: AGUA_CONS: unreachable: block 2 costs the same as the block before it: its limit says nothing"
    ]
    assert words(broken("{13: 4.46, 15: 8.94}", "{13: 4.46, 15: missing, 20: 3}")) == [
        "x.yaml:8: AGUA_SERV: falling: calibre_mm 20 costs 3, less than the row before it (4.46)",
        "x.yaml:8: AGUA_SERV: incomplete: not in the source: calibre_mm 15",
    ]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("from: 2024-01-01, to: 2025-01-01, ", "from: 2024-01-01, to: 2025-01-01, ", ["unreachable"]),
        ("from: 2024-01-01, to: 2025-01-01, ", "from: 2023-01-01, to: 2025-01-01, ", []),
        ("from: 2024-01-01, to: 2025-01-01, ", "from: 2024-01-01, to: 2026-01-01, ", []),
        ("from: 2024-01-01, to: 2025-01-01, ", "from: 2024-06-01, to: 2024-07-01, ", ["unreachable"]),
        ("from: 2024-01-01, ", "to: 2025-01-01, ", []),
        ("to: 2025-01-01, ", "from: 2024-01-01, ", []),
    ],
)
def test_one_price_over_another_in_time(first: str, second: str, expected: list[str]) -> None:
    entries = f"      - {{{first}{PRICE}}}\n      - {{{second}when: {{use: a}}, {PRICE}}}\n"
    assert [kind for _, kind in kinds(rates(entries))] == expected


def rates(entries: str) -> str:
    body = f"    rates:\n{entries}"
    return broken(f"    fee:\n{FEE}\n", body)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (f"      - {{to: 2025-01-01, {PRICE}}}\n      - {{from: 2025-01-01, {PRICE}}}\n", []),
        (f"      - {{to: 2025-01-01, {PRICE}}}\n      - {{from: 2025-02-01, {PRICE}}}\n", ["gap"]),
        (f"      - {{to: 2025-02-01, {PRICE}}}\n      - {{from: 2025-01-01, {PRICE}}}\n", ["overlap"]),
        (f"      - {{{PRICE}}}\n      - {{from: 2025-01-01, {PRICE}}}\n", ["overlap"]),
        (f"      - {{{PRICE}}}\n      - {{when: {{use: a}}, {PRICE}}}\n", ["unreachable"]),
        (f"      - {{when: {{use: a}}, {PRICE}}}\n      - {{{PRICE}}}\n", []),
        (f"      - {{when: {{use: a}}, {PRICE}}}\n      - {{when: {{use: b}}, {PRICE}}}\n", []),
        (f"      - {{from: 2025-01-01, to: 2025-02-01, exempt: sí}}\n      - {{{PRICE}}}\n", []),
        (f"      - {{exempt: sí}}\n      - {{{PRICE}}}\n", ["unreachable"]),
        (f"      - {{season: {{from: 06-01, to: 10-01}}, {PRICE}}}\n      - {{{PRICE}}}\n", []),
        (f"      - {{when: {{use: a}}, {PRICE}}}\n      - {{fee: {{per: day, amount: 1}}}}\n", ["units", "units"]),
    ],
)
def test_prices_over_time_and_condition(entries: str, expected: list[str]) -> None:
    assert [kind for _, kind in kinds(rates(entries))] == expected


def test_declarations_nobody_uses() -> None:
    text = "assume: {persons: 3}\nparameters: {p: {text: Nada}}\n" + GOOD
    assert kinds(text) == [("assume.persons", "unused"), ("parameters.p", "unused")]


def test_a_parameter_that_is_a_percentage_a_coefficient_or_a_vat_is_used() -> None:
    head = "parameters: {p: {text: A}, v: {text: B, values: [NS]}, c: {text: C}}\n"
    text = head + broken("clause: artículo 1", "clause: artículo 1\n    vat: v")
    text += "  - {code: ALCANT, name: A, clause: c, percent: {of: AGUA_*, percent: p}}\n"
    text += "  - {code: CANON, name: A, clause: c, consumption: {price: 1, coefficients: [{factor: c}]}}\n"
    assert kinds(text) == []


def test_percentages_that_look_wrong() -> None:
    tail = "  - {code: ALCANT, name: A, clause: c, percent: {of: AGUA_*, percent: "
    assert kinds(GOOD + tail + "120}}\n") == [("ALCANT", "misprint")]
    assert kinds(GOOD + tail + "missing}}\n") == [("ALCANT", "incomplete")]
    assert kinds(GOOD + tail + "100}}\n") == []
    assert [text.partition("ALCANT: ")[2] for text in words(GOOD + tail + "100.50}}\n")] == [
        "misprint: 100.50 % is more than the whole"
    ]
    assert [text.partition("ALCANT: ")[2] for text in words(GOOD + tail + "missing}}\n")] == [
        "incomplete: not in the source: the percentage"
    ]


def test_a_price_of_twenty_euros_is_no_misprint_yet() -> None:
    assert kinds(broken("price: 1.3673", "price: 20")) == []
    assert kinds(broken("price: 1.3673", "price: 20.0001")) == [("AGUA_CONS", "misprint")]


def test_blocks_of_several_prices_are_compared_price_by_price() -> None:
    blocks = BLOCKS.replace("price: 0.4375", "prices: {uno: missing, dos: 0.4375}")
    blocks = blocks.replace("{price: 1.3673}", "{prices: {uno: 1, dos: 0.4}}")
    assert [text.partition("AGUA_CONS: ")[2] for text in words(broken(BLOCKS, blocks))] == [
        "falling: block 2 costs 0.4, less than the block before it (0.4375)",
        "incomplete: not in the source: the price of block 1 uno",
    ]


def test_versions_of_a_series() -> None:
    first = parse(broken("{from: 2024-01-01}", "{from: 2024-01-01, to: 2024-12-31}"), "a.yaml")
    second = parse(broken("2024-01-01", "2025-01-01"), "b.yaml")
    assert [finding.kind for finding in lint_series([second, first])] == ["gap"]
    assert [finding.kind for finding in lint_series([parse(GOOD, "a"), second])] == ["overlap"]


@pytest.mark.parametrize("name", shipped().ids())
def test_shipped_tariffs_are_only_ever_incomplete(name: str) -> None:
    assert {finding.kind for finding in lint(shipped().get(name))} <= {"incomplete"}
