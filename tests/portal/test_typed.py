"""What forms send is read in one form each; a refusal names the form's field, the value and the rule."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from central.access import Identity
from central.typed import TypedError
from portal import typed


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (typed.day, " 2026-01-31 ", date(2026, 1, 31)),
        (typed.cents, " 80,25", 8025),
        (typed.litres, "14,5", 14_500),
        (typed.litres, "14", 14_000),
        (typed.whole, " 7 ", 7),
        (typed.moment, "2026-01-31T08:30", datetime(2026, 1, 31, 7, 30, tzinfo=UTC)),
        (typed.moment, "2026-07-31T08:30", datetime(2026, 7, 31, 6, 30, tzinfo=UTC)),
    ],
)
def test_a_field_is_read_with_the_blanks_around_it(
    read: Callable[[str, str], object], text: str, value: object
) -> None:
    assert read("campo", text) == value
    assert typed.given(read, "campo", text) == value
    assert typed.given(read, "campo", "  ") is None


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (typed.day, "31/01/2026"),
        (typed.cents, "-5"),
        (typed.cents, "80,255"),
        (typed.litres, "1,2345"),
        (typed.litres, "1e3"),
        (typed.whole, "1,5"),
        (typed.whole, "٧"),
        (typed.whole, "1234567890"),
        (typed.moment, "2026-01-31"),
        (typed.moment, "2026-01-31T08:30+01:00"),
        (typed.moment, "mañana"),
    ],
)
def test_anything_else_is_refused_with_its_parts(read: Callable[[str, str], object], text: str) -> None:
    with pytest.raises(TypedError) as refused:
        read("campo", text)
    assert (refused.value.field, refused.value.value) == ("campo", text)
    assert str(refused.value) == f"campo {text}: {refused.value.rule}"


def test_a_period_ends_after_it_begins() -> None:
    found = typed.period("desde", "2026-01-01", "hasta", "2026-04-01")
    assert (found.start, found.end) == (date(2026, 1, 1), date(2026, 4, 1))
    with pytest.raises(TypedError, match="hasta 2026-01-01: must lie after 2026-01-01"):
        typed.period("desde", "2026-01-01", "hasta", "2026-01-01")


def test_the_audit_names_logins() -> None:
    identity = Identity(1, 7, "maria", "Maria Soler", "clerk", None)
    change = typed.by(identity, "  porque sí  ")
    assert (change.actor, change.reason) == ("maria", "porque sí")
    with pytest.raises(TypedError, match="must have at most 200 characters"):
        typed.by(identity, "x" * 201)
