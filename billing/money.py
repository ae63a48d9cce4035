"""Exact money: ``Decimal`` euros at the borders, integers and fractions inside, one way to round.

Rounding is half up, away from zero on a tie, unless a tariff says otherwise: 5.005 is 5.01 and -5.005 is -5.01.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final, Literal

Mode = Literal["half_up", "half_even", "down", "up"]

MODES: Final[tuple[Mode, ...]] = ("half_up", "half_even", "down", "up")
SHOWN_DECIMALS: Final = 6
"""Decimals of a quantity or price that has no end, such as 59/365 of a year, where it is printed."""

_DECIMAL = re.compile(r"-?\d{1,12}(\.\d{1,9})?", re.ASCII)


class MoneyError(ValueError):
    """A text or number that is not an exact amount."""


def decimal(text: str) -> Decimal:
    """The exact value of ``12``, ``-3.5`` or ``0.4375``; anything else is a MoneyError."""
    if not _DECIMAL.fullmatch(text):
        hint = "decimals are written with a point" if "," in text else "must be a number like 12 or 0.4375"
        raise MoneyError(hint)
    return Decimal(text)


def divide(numerator: int, denominator: int, mode: Mode = "half_up") -> int:
    """``numerator / denominator`` (positive) as a whole number, rounded by ``mode``."""
    quotient, rest = divmod(abs(numerator), denominator)
    if mode == "half_up":
        quotient += 2 * rest >= denominator
    elif mode == "half_even":
        quotient += 2 * rest > denominator or (2 * rest == denominator and quotient % 2 == 1)
    elif mode == "up":
        quotient += rest > 0
    return quotient if numerator >= 0 else -quotient


def rounded(value: Fraction | Decimal, decimals: int = 2, mode: Mode = "half_up") -> Decimal:
    """``value`` with exactly ``decimals`` decimals."""
    exact = _exact(value)
    return scaled(divide(exact.numerator * 10**decimals, exact.denominator, mode), decimals)


def scaled(units: int, decimals: int) -> Decimal:
    """``units`` of 10^-decimals as a Decimal that keeps its decimals: ``scaled(450, 2)`` is ``4.50``."""
    return Decimal(units).scaleb(-decimals)


def shown(value: Fraction | Decimal, decimals: int = SHOWN_DECIMALS) -> Decimal:
    """``value`` as a person reads it: exact and without padding if it ends, else rounded to ``decimals``."""
    exact = _exact(value)
    for places in range(10):
        if 10**places % exact.denominator == 0:
            return scaled(exact.numerator * 10**places // exact.denominator, places)
    return rounded(exact, decimals)


def _exact(value: Fraction | Decimal) -> Fraction:
    return value if isinstance(value, Fraction) else Fraction(value)


def euros(cents: int) -> Decimal:
    """Whole cents as euros with two decimals."""
    return scaled(cents, 2)


def to_cents(amount: Decimal) -> int:
    """Euros as whole cents; an amount with a fraction of a cent is a MoneyError."""
    cents = amount.scaleb(2)
    if cents != cents.to_integral_value():
        raise MoneyError(f"amount {amount}: must be whole cents")
    return int(cents)


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """``total`` whole units shared by ``weights``: each running sum is rounded half up, so the shares add up.

    Raises MoneyError when no weight is positive or one is negative.
    """
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise MoneyError(f"weights {list(weights)}: must be non-negative with a positive sum")
    shares, running, given = [], 0, 0
    for weight in weights:
        running += weight
        upto = divide(total * running, whole)
        shares.append(upto - given)
        given = upto
    return shares
