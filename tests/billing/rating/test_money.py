"""Exact money: one way to round, decimals that keep their zeros, shares that add up."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.money import MODES, Mode, MoneyError, apportion, decimal, divide, euros, rounded, scaled, shown, to_cents

ROUNDINGS = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN, "down": ROUND_DOWN, "up": ROUND_UP}


@pytest.mark.parametrize(
    ("text", "value"), [("5.005", "5.01"), ("5.00499", "5.00"), ("-5.005", "-5.01"), ("0.025", "0.03"), ("0", "0.00")]
)
def test_half_up_is_away_from_zero(text: str, value: str) -> None:
    assert str(rounded(Decimal(text))) == value


@given(st.decimals(-(10**9), 10**9, places=9), st.integers(0, 6), st.sampled_from(MODES))
def test_rounding_is_that_of_decimal(value: Decimal, decimals: int, mode: Mode) -> None:
    assert rounded(value, decimals, mode) == value.quantize(Decimal(1).scaleb(-decimals), ROUNDINGS[mode])


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6), st.sampled_from(MODES))
def test_division_is_within_one_and_odd(numerator: int, denominator: int, mode: Mode) -> None:
    quotient = divide(numerator, denominator, mode)
    assert abs(Fraction(numerator, denominator) - quotient) < 1
    assert divide(-numerator, denominator, mode) == -quotient


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(59, 365), "0.161644"),
        (Fraction(1, 8), "0.125"),
        (Fraction(20), "20"),
        (Fraction(-3, 2), "-1.5"),
        (Fraction(123456789, 10**9), "0.123456789"),
        (Fraction(1234567891, 10**10), "0.123457"),
    ],
)
def test_shown_for_people(value: Fraction, text: str) -> None:
    assert str(shown(value)) == text


def test_decimals_are_kept() -> None:
    assert (str(scaled(450, 2)), str(euros(-5)), str(euros(0))) == ("4.50", "-0.05", "0.00")


@given(st.integers(-(10**15), 10**15))
def test_cents_go_both_ways(cents: int) -> None:
    assert to_cents(euros(cents)) == cents


def test_no_fraction_of_a_cent() -> None:
    with pytest.raises(MoneyError, match=r"^amount 1\.005: must be whole cents$"):
        to_cents(Decimal("1.005"))


@pytest.mark.parametrize("text", ["1", "-1", "0.4375", "123456789012.123456789"])
def test_numbers(text: str) -> None:
    assert decimal(text) == Decimal(text)


@pytest.mark.parametrize(
    "text", ["", "1.", ".5", "+1", "1e3", "NaN", "1 000", "0x1", "1.0000000001", "1234567890123", "١"]
)
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(MoneyError, match=r"^must be a number like 12 or 0\.4375$"):
        decimal(text)


def test_a_comma_is_explained() -> None:
    with pytest.raises(MoneyError, match=r"^decimals are written with a point$"):
        decimal("1,5")


@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, 400), min_size=1).filter(any))
def test_shares_add_up_and_stay_within_one(total: int, weights: list[int]) -> None:
    shares = apportion(total, weights)
    assert sum(shares) == total
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share - Fraction(total * weight, sum(weights))) <= 1


@pytest.mark.parametrize("weights", [[], [0], [1, -1], [3, -1]])
def test_weights_that_share_nothing(weights: list[int]) -> None:
    with pytest.raises(MoneyError) as refused:
        apportion(1, weights)
    assert str(refused.value) == f"weights {weights}: must be non-negative with a positive sum"


def test_each_running_sum_is_rounded_half_up() -> None:
    assert apportion(10, [1, 1, 1]) == [3, 4, 3]
    assert apportion(1, [1, 1]) == [1, 0]
    assert apportion(-1, [1, 1]) == [-1, 0]
    assert apportion(7, [0, 2, 5]) == [0, 2, 5]


@pytest.mark.parametrize(
    ("mode", "quotients"),
    [
        ("half_up", [0, 1, 1, 2, 2, 3, 3]),
        ("half_even", [0, 0, 1, 2, 2, 2, 3]),
        ("down", [0, 0, 1, 1, 2, 2, 3]),
        ("up", [0, 1, 1, 2, 2, 3, 3]),
    ],
)
def test_ties_by_mode(mode: Mode, quotients: list[int]) -> None:
    assert [divide(halves, 2, mode) for halves in range(7)] == quotients
    assert [divide(-halves, 2, mode) for halves in range(7)] == [-quotient for quotient in quotients]
    assert [divide(thirds, 3, "half_even") for thirds in range(4)] == [0, 0, 1, 1]
    assert [divide(thirds, 3, "up") for thirds in range(4)] == [0, 1, 1, 1]
