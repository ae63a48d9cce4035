"""Numbers and dates as a person reads them."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import charts, formats


@pytest.mark.parametrize(
    ("value", "text"),
    [("0.4375", "0,4375"), ("1234.5", "1234,5"), ("12345.50", "12.345,50"), ("-1234567", "-1.234.567"), ("0", "0")],
)
def test_decimals(value: str, text: str) -> None:
    assert formats.decimal_text(value) == text


@given(st.integers(-(10**12), 10**12))
def test_cents_lose_nothing(cents: int) -> None:
    text = formats.euros(cents).removesuffix("\u00a0€").replace(".", "").replace(",", ".")
    assert Decimal(text) * 100 == cents


def test_litres_and_days() -> None:
    assert formats.cubic_metres(18000) == "18,000\u00a0m³"
    assert formats.litres_text(1234567) == "1.234.567\u00a0l"
    assert formats.last_day(date(2026, 10, 1)) == "30/09/2026"
    assert formats.long_day(date(2026, 10, 1)) == "1 de octubre de 2026"
    assert formats.moment(1_790_798_400_000) == "30/09/2026 22:00"


@given(st.integers(1, 10**7))
def test_a_chart_holds_its_highest_bar(litres: int) -> None:
    top = charts.ceiling(litres)
    assert litres <= top < litres * 10
    drawn = charts.bar_chart([charts.Bar(litres, "<x>", marked=True)], "t", "d")
    assert "<x>" not in drawn
    assert "&lt;x&gt;" in drawn
