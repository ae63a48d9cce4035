"""Facts: what is stated, what the tariff assumes, what is simply none, and what must be asked for."""

from fractions import Fraction

import pytest

from billing.tariff.facts import FactError, Facts, plain


def test_stated_facts_win_over_assumed_ones() -> None:
    facts = Facts({"persons": Fraction(5)}, {"persons": Fraction(3)})
    assert facts.need("persons", "x") == 5
    assert (facts.used, facts.assumed) == ({"persons": 5}, {})


def test_assumed_facts_are_remembered() -> None:
    facts = Facts({}, {"persons": Fraction(3)})
    assert facts.number("persons", "x") == 3
    assert facts.assumed == {"persons": 3}


def test_absent_sets_are_empty_and_absent_leaks_are_none() -> None:
    facts = Facts({})
    assert facts.need("groups", "x") == frozenset()
    assert facts.need("leak", "x") is False


def test_anything_else_must_be_stated() -> None:
    with pytest.raises(FactError, match=r"supply\.calibre_mm: missing; AGUA_SERV needs it \(calibre del contador"):
        Facts({}).need("calibre_mm", "AGUA_SERV")
    with pytest.raises(FactError) as missing:
        Facts({}).number("persons", "AGUA")
    assert (missing.value.name, str(missing.value)) == (
        "persons",
        "supply.persons: missing; AGUA needs it (personas)",
    )


def test_a_word_is_no_number() -> None:
    with pytest.raises(FactError, match=r"supply\.zone: 'casco' is not a number, which AGUA needs"):
        Facts({"zone": "casco"}).number("zone", "AGUA")


def test_replacing_a_fact_starts_a_new_record() -> None:
    facts = Facts({"calibre_mm": Fraction(13)})
    facts.need("calibre_mm", "x")
    other = facts.with_fact("calibre_mm", Fraction(20))
    assert (other.need("calibre_mm", "x"), facts.need("calibre_mm", "x")) == (20, 13)
    assuming = Facts({}, {"persons": Fraction(3)}).with_fact("calibre_mm", Fraction(20))
    assert (assuming.need("persons", "x"), assuming.assumed) == (3, {"persons": 3})


def test_facts_as_json() -> None:
    assert [plain(value) for value in (Fraction(3), Fraction(1, 2), True, "a", frozenset("ba"))] == [
        3,
        "1/2",
        True,
        "a",
        ["a", "b"],
    ]
