"""Conditions on facts: words, numbers, ranges, bounds, negation, sets, and asking no more than needed."""

from fractions import Fraction

import pytest

from billing.tariff.errors import TariffError
from billing.tariff.facts import FactError, Facts, FactValue
from billing.tariff.match import condition, match
from billing.tariff.reader import read


def matcher(text: str, fact: str) -> object:
    return match(read(f"x: {text}", "x").pairs()[0][1], fact)


@pytest.mark.parametrize(
    ("text", "fact", "value", "holds"),
    [
        ("domestic", "use", "domestic", True),
        ("domestic", "use", "Domestic", True),
        ("domestic", "use", "domestico", False),
        ("[a, b]", "use", "b", True),
        ("{not: [a, b]}", "use", "b", False),
        ("{not: [a, b]}", "use", "c", True),
        ("13", "calibre_mm", Fraction(13), True),
        ("13", "calibre_mm", Fraction(15), False),
        ("'<=15'", "calibre_mm", Fraction(15), True),
        ("'<15'", "calibre_mm", Fraction(15), False),
        ("'>15'", "calibre_mm", Fraction(15), False),
        ("'>=15'", "calibre_mm", Fraction(15), True),
        ("'>=30 <40'", "calibre_mm", Fraction(30), True),
        ("'>=30 <40'", "calibre_mm", Fraction(40), False),
        ("'>=30 <40'", "calibre_mm", Fraction(29), False),
        ("500..3000", "population", Fraction(500), True),
        ("500..3000", "population", Fraction(3000), True),
        ("500..3000", "population", Fraction(3001), False),
        ("[13, '>=50']", "calibre_mm", Fraction(60), True),
        ("yes", "sewer", True, True),
        ("yes", "sewer", False, False),
        ("no", "sewer", False, True),
        ("social", "groups", frozenset({"social", "pensioner"}), True),
        ("social", "groups", frozenset(), False),
        ("{not: social}", "groups", frozenset(), True),
    ],
)
def test_matches(text: str, fact: str, value: FactValue, holds: bool) -> None:
    found = matcher(text, fact)
    assert found.holds(value) is holds  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", ["x", "'>x'", "'>=3 and <5'", "5..", "'3 .. 5'", "'< 5 6'"])
def test_numbers_that_are_none(text: str) -> None:
    with pytest.raises(TariffError, match=r"must be a number, a range like 500\.\.3000 or bounds like >=30 <40"):
        matcher(text, "persons")


def test_a_later_fact_is_not_asked_once_an_earlier_one_fails() -> None:
    when = condition(read("{use: domestic, zone: casco}", "x"))
    facts = Facts({"use": "industrial"})
    assert not when.holds(facts, "AGUA")
    assert facts.used == {"use": "industrial"}
    with pytest.raises(FactError, match=r"supply\.zone: missing; AGUA needs it \(zona\)"):
        when.holds(Facts({"use": "domestic"}), "AGUA")


def test_no_condition_always_holds() -> None:
    assert condition(None).holds(Facts({}), "AGUA")


def test_the_text_of_a_condition() -> None:
    assert condition(read("{use: [a, b], zone: {not: c}}", "x")).text == "use: a | b, zone: not c"


@pytest.mark.parametrize(
    ("wide", "narrow", "hides"),
    [
        ("'<=15'", "13", True),
        ("'<15'", "15", False),
        ("'<=15'", "'<15'", True),
        ("'<15'", "'<=15'", False),
        ("'>=15'", "'>15'", True),
        ("'>15'", "'>=15'", False),
        ("'>15'", "'<20'", False),
        ("'>=10 <20'", "10..19", True),
        ("'>=10 <20'", "10..20", False),
        ("'>=10'", "10..20", True),
        ("'<=20'", "'>3'", False),
        ("[1, 2]", "2", True),
        ("[1, 2]", "[2, 3]", False),
        ("{not: 1}", "2", False),
        ("{not: 1}", "1", False),
        ("1", "{not: 2}", False),
    ],
)
def test_rows_that_hide_others(wide: str, narrow: str, hides: bool) -> None:
    assert matcher(wide, "calibre_mm").hides(matcher(narrow, "calibre_mm")) is hides  # type: ignore[attr-defined]


def test_words_and_flags_hide_too() -> None:
    assert matcher("[a, b]", "use").hides(matcher("b", "use"))  # type: ignore[attr-defined]
    assert not matcher("a", "use").hides(matcher("[a, b]", "use"))  # type: ignore[attr-defined]
    assert matcher("yes", "sewer").hides(matcher("yes", "sewer"))  # type: ignore[attr-defined]
    assert not matcher("yes", "sewer").hides(matcher("no", "sewer"))  # type: ignore[attr-defined]


def test_a_negated_number_or_flag() -> None:
    assert matcher("{not: '>=50'}", "calibre_mm").holds(Fraction(40))  # type: ignore[attr-defined]
    assert not matcher("{not: yes}", "sewer").holds(True)  # type: ignore[attr-defined]
    assert matcher("{not: '>=50'}", "calibre_mm").text == "not >=50"  # type: ignore[attr-defined]
