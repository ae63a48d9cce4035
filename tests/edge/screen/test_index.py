"""Reading what was typed, and holding it against what is expected."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.screen.codes import CODES, FIRST_REASONS, MORE_REASONS
from edge.screen.index import NotAnIndexError, cubic_metres, judge, read_cubic_metres, read_litres
from edge.store.view import HeardReading, StopView
from protocols.sync import ClockStamp
from tests.edge.samples import stop

BOUNDS = {"last_litres": 1_000_000, "low_litres": 1_010_000, "high_litres": 1_040_000}


@pytest.mark.parametrize(
    ("typed", "litres"),
    [("1234", 1_234_000), ("1234,5", 1_234_500), ("1234.567", 1_234_567), (" 007 ", 7000), ("0", 0), ("0,001", 1)],
)
def test_cubic_metres_as_typed(typed: str, litres: int) -> None:
    assert read_cubic_metres(typed) == litres


@pytest.mark.parametrize("typed", ["", "12a", "-5", "1,2345", "1,", "1.234,5", "1 234", "12345678901", "٣", "1e3"])
def test_what_is_no_index_is_named(typed: str) -> None:
    with pytest.raises(NotAnIndexError, match="no es una lectura"):
        read_cubic_metres(typed)


def test_litres_are_digits() -> None:
    assert read_litres(" 1234 ") == 1234
    with pytest.raises(NotAnIndexError, match="«1,5» no son litros"):
        read_litres("1,5")


@given(st.integers(0, 10**9 - 1), st.integers(0, 999))
def test_what_is_shown_can_be_typed_back(whole: int, rest: int) -> None:
    litres = whole * 1000 + rest
    assert read_cubic_metres(cubic_metres(litres).replace("\u202f", "")) == litres


@pytest.mark.parametrize(
    ("litres", "code", "words"),
    [
        (1_010_000, None, ""),
        (1_040_000, None, ""),
        (1_040_001, "09", "más alta de lo normal"),
        (1_009_999, "00", "más baja de lo normal"),
        (1_000_000, "10", "No ha gastado nada"),
        (999_999, "08", "menor que la anterior: 1\u202f000,000"),
    ],
)
def test_expected_range(litres: int, code: str | None, words: str) -> None:
    finding = judge(StopView(stop(**BOUNDS), None, None), litres)
    assert (finding.code if finding else None) == code
    assert words in (finding.words if finding else "")


def test_a_range_through_the_registers_zero() -> None:
    view = StopView(stop(last_litres=99_990_000, low_litres=99_995_000, high_litres=10_000), None, None)
    assert judge(view, 99_996_000) is None
    assert judge(view, 5_000) is None
    finding = judge(view, 50_000)
    assert finding is not None
    assert finding.code == "08"


def test_more_than_the_register_can_show_cannot_be_confirmed() -> None:
    with pytest.raises(NotAnIndexError, match="no cabe en este contador: marca como mucho 99\u202f999,999"):
        judge(StopView(stop(), None, None), 100_000_000)


def test_below_what_the_meter_itself_sent() -> None:
    heard = HeardReading(1_020_500, ClockStamp(1, 1, True), -60, ())
    view = StopView(stop(**BOUNDS), heard, None)
    assert judge(view, 1_020_000) is None
    finding = judge(view, 1_012_000)
    assert finding is not None
    assert "recibida por radio: 1\u202f020,500" in finding.words


def test_without_history_everything_stands() -> None:
    assert judge(StopView(stop(), None, None), 5) is None


def test_reasons_fit_big_keys_and_are_all_reachable() -> None:
    assert len(FIRST_REASONS) == 8
    assert len(MORE_REASONS) <= 8
    assert {*FIRST_REASONS, *MORE_REASONS} == {code.code for code in CODES.values() if code.no_index}
