"""What is typed as a day, a period or euros is taken in one form; everything else is refused by its option's name."""

from datetime import date
from decimal import Decimal

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from central import cli, typed


@given(st.dates(date(1900, 1, 1), date(2199, 12, 31)))
def test_a_day_is_read_as_it_is_written(day: date) -> None:
    assert typed.day("--on", day.isoformat()) == day
    assert typed.day_or_none("--on", day.isoformat()) == day


@pytest.mark.parametrize(
    "text", ["", "2026-1-5", "20260131", "2026-W05-6", "2026-02-30", "31/01/2026", " 2026-01-31", "٢٠٢٦-٠١-٣١"]
)
def test_any_other_way_of_writing_a_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a date like 2026-01-31") as refused:
        typed.day_or_none("--on", text)
    assert str(refused.value) == f"--on {text}: must be a date like 2026-01-31"


@pytest.mark.parametrize("text", ["0001-01-01", "1899-12-31", "2200-01-01", "9999-12-31"])
def test_a_day_beyond_what_anybody_means_is_refused(text: str) -> None:
    with pytest.raises(typed.TypedError, match=f"--on {text}: must lie in the years 1900 to 2199"):
        typed.day("--on", text)


def test_what_is_not_given_is_no_day() -> None:
    assert typed.day_or_none("--until", None) is None


def test_a_period_ends_before_its_second_day() -> None:
    period = typed.period("--on", "2026-01-01/2026-04-01")
    assert (period.start, period.end) == (date(2026, 1, 1), date(2026, 4, 1))


@pytest.mark.parametrize(
    "text", ["2026-01-01", "2026-01-01/", "2026-01-01/2026-01-01", "2026-04-01/2026-01-01", "2026-01-01/2026-4-1"]
)
def test_a_period_that_is_none_is_refused_whole(text: str) -> None:
    with pytest.raises(ValueError, match="must be FROM/TO") as refused:
        typed.period("--on", text)
    assert str(refused.value).startswith(f"--on {text}: ")


@given(st.integers(0, 10**12), st.sampled_from(".,"))
def test_euros_become_the_cents_they_say(cents: int, mark: str) -> None:
    assert typed.cents("--deposit", str(Decimal(cents) / 100).replace(".", mark)) == cents


@pytest.mark.parametrize("text", ["", "60.005", "1e3", "Infinity", "NaN", "-5", "1_000", "1.000,00", "sesenta"])
def test_any_other_way_of_writing_euros_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be euros with at most two decimals") as refused:
        typed.cents("--deposit", text)
    assert str(refused.value).startswith(f"--deposit {text}: ")


def test_a_refusal_is_one_line_whatever_was_typed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        cli.fail("bulk end", "--on 2026\n01: must be a date like 2026-01-31")
    assert capsys.readouterr().err == "central bulk end: --on 2026 01: must be a date like 2026-01-31\n"
