"""Plans made flat: the division that is none, and the plans the kernel must refuse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.money import divide
from billing.rating.tables import ROOM, SlowError, fits, reciprocal


@given(st.integers(1, 10**12), st.integers(0, 2**62))
def test_the_reciprocal_is_the_division_below_its_limit(divisor: int, numerator: int) -> None:
    magic, limit = reciprocal(divisor)
    doubled = 2 * numerator + divisor
    if doubled < limit:
        assert ((doubled * (magic % 2**64)) >> 64) == divide(numerator, divisor)


@pytest.mark.parametrize("divisor", [1, 2, 3, 5, 90, 2500, 10**9, 2**31, 2**40 + 1])
def test_the_reciprocal_at_the_edge_of_its_limit(divisor: int) -> None:
    magic, limit = reciprocal(divisor)
    for doubled in range(max(divisor, limit - 5), limit):
        assert ((doubled * (magic % 2**64)) >> 64) == doubled // (2 * divisor)


def test_numbers_beyond_the_kernels_room() -> None:
    assert fits(ROOM) == ROOM
    assert fits(-ROOM) == -ROOM
    with pytest.raises(SlowError):
        fits(ROOM + 1)
