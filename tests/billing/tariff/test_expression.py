"""Formulas: exact, and nothing but arithmetic."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.tariff.errors import TariffError
from billing.tariff.expression import Expression, FormulaError, expression
from billing.tariff.reader import read

NAMES = frozenset({"a", "b", "n"})


def formula(text: str) -> Expression:
    return expression(read(f"x: {text!r}", "x").pairs()[0][1], NAMES)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1 + 0.2", Fraction(3, 10)),
        ("1 / 3", Fraction(1, 3)),
        ("-a + 2", Fraction(-1)),
        ("a ** 2 + b ** 3", Fraction(134)),
        ("max(a, b, 4)", Fraction(5)),
        ("min(a, b, 4)", Fraction(3)),
        ("ceil(b / 2)", Fraction(3)),
        ("floor(b / 2)", Fraction(2)),
        ("1 if a < b else 2", Fraction(1)),
        ("1 if a >= b or a == b else 2", Fraction(2)),
        ("1 if not (a > b and a != b) else 2", Fraction(1)),
        ("1 if a <= 3 else 2", Fraction(1)),
        ("12345678901.123456789 * 1", Fraction(12345678901123456789, 10**9)),
    ],
)
def test_values(text: str, value: Fraction) -> None:
    assert formula(text).value({"a": Fraction(3), "b": Fraction(5)}, {}) == value


def test_names_and_calls_are_known_before_it_runs() -> None:
    found = formula("max(a, n) * a")
    assert (found.names, found.calls) == ({"a", "n"}, {"max"})


@pytest.mark.parametrize(
    ("text", "error"),
    [("1 / (a - a)", "1 / (a - a): Fraction(1, 0)"), ("max()", "max(): max() arg is an empty sequence")],
)
def test_formulas_without_value(text: str, error: str) -> None:
    with pytest.raises(FormulaError) as refused:
        formula(text).value({"a": Fraction(1)}, {})
    assert str(refused.value).startswith(error.rpartition(":")[0])


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a(1)", "a is not a known function here; known: ceil, floor, max, min"),
        ("c + a", "c is not a known name here; known: a, b, n"),
        ("a if b", "must be a number or a formula like A * connection_mm + B"),
        ("a.real", "Attribute is not allowed in a formula"),
        ("max(*a)", "Starred is not allowed in a formula"),
        ("max(key=a)", "a function is called by its name with plain values"),
        ("max(a)(b)", "a function is called by its name with plain values"),
        ("a ** 4", "only squares (** 2) and cubes (** 3) are allowed"),
        ("a ** b", "only squares (** 2) and cubes (** 3) are allowed"),
        ("1_000", "'1_000' is not a plain number"),
        ("1234567890123", "'1234567890123' is not a plain number"),
        ("1" + " + 1" * 75, "a formula has at most 300 characters"),
    ],
)
def test_what_is_wrong_with_a_formula_is_said(text: str, rule: str) -> None:
    with pytest.raises(TariffError) as refused:
        formula(text)
    assert rule in [problem.rule for problem in refused.value.problems]


def test_a_formula_may_be_as_long_as_three_hundred_characters() -> None:
    assert formula("12" + " + 1" * 74 + "+1").value({}, {}) == 12 + 75


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "a.__class__",
        "(lambda: 1)()",
        "[a for a in (1,)]",
        "{1: 2}",
        "'a' * 3",
        "a if b",
        "a := 1",
        "a @ b",
        "a % b",
        "a // b",
        "a << 2",
        "a[0]",
        "f'{a}'",
        "None",
        "1_000",
        "0x10",
        "1j",
        "...",
    ],
)
def test_what_a_formula_may_not_be(text: str) -> None:
    with pytest.raises(TariffError):
        formula(text)


@given(st.decimals(0, 10**6, places=6), st.decimals(0, 10**6, places=6))
def test_arithmetic_is_exact(left: object, right: object) -> None:
    assert formula(f"{left} + {right}").value({}, {}) == Fraction(str(left)) + Fraction(str(right))
    assert formula(f"{left} * {right}").value({}, {}) == Fraction(str(left)) * Fraction(str(right))
