"""Groups and divisions as people write them, and what they are over time."""

from datetime import date
from fractions import Fraction

import pytest

from central.register import RegisterError, sharing, sharing_lines
from central.register import sharing_queries as queries
from central.store import Session, read_session, write_session
from tests.central.factories import UTILITY, Town
from tests.central.invoicing.test_sharing import BY
from tests.central.invoicing.test_sharing import block as block  # a fixture, taken over

JANUARY, JUNE = date(2025, 1, 1), date(2026, 6, 1)


def state(session: Session, general: str, members: str, on: date) -> None:
    point = sharing_lines.supply(session, UTILITY, general)
    under = sharing_lines.members(session, UTILITY, members)
    sharing.set_bulk(session, point, under, on, policy="shared", by=BY)


def test_what_is_written_is_read_and_written_again(block: Town) -> None:
    with read_session(block.engine) as session:
        weights = sharing_lines.members(session, UTILITY, "PS-0000002\r\n  PS-0000003=4\n\n")
        parts = sharing_lines.parts(session, UTILITY, "K-0000001 = 33,5 %\nK-0000002=0.165\nK-0000003 = 1/2")
        assert {point.code: weight for point, weight in weights.items()} == {"PS-0000002": 1, "PS-0000003": 4}
        assert {contract.code: part for contract, part in parts.items()} == {
            "K-0000001": Fraction(67, 200),
            "K-0000002": Fraction(33, 200),
            "K-0000003": Fraction(1, 2),
        }
        again = sharing_lines.written({contract.code: part for contract, part in parts.items()})
        assert sharing_lines.parts(session, UTILITY, again) == parts


def test_groups_are_seen_over_time_from_above_and_from_below(block: Town) -> None:
    with write_session(block.engine) as session:
        state(session, "PS-0000001", "PS-0000002\nPS-0000003 = 2", JANUARY)
        state(session, "PS-0000001", "PS-0000003", JUNE)
    with read_session(block.engine) as session:
        point = sharing_lines.supply(session, UTILITY, "PS-0000001")
        first, second = queries.groups_of(session, UTILITY, point)
        assert (first.since, first.until, first.members) == (JANUARY, JUNE, {"PS-0000002": 1, "PS-0000003": 2})
        assert (second.since, second.until, second.members) == (JUNE, None, {"PS-0000003": 1})
        assert [queries.holding([first, second], day) for day in (date(2024, 1, 1), JANUARY, JUNE)] == [
            None, first, second,
        ]  # fmt: skip
        assert queries.coming_groups(session, UTILITY, JANUARY) == [second]
        below = sharing_lines.supply(session, UTILITY, "PS-0000002")
        assert queries.concerning(session, UTILITY, below, JANUARY) == ([first], [])
        assert queries.concerning(session, UTILITY, below, JUNE) == ([], [])
        assert queries.addresses(session, UTILITY, second.members) == {"PS-0000003": "Carrer Major, 3"}


def test_divisions_are_seen_over_time(block: Town) -> None:
    with write_session(block.engine) as session:
        point = sharing_lines.supply(session, UTILITY, "PS-0000001")
        for text, on in (("K-0000001 = 1/2\nK-0000002 = 1/2", JANUARY), ("K-0000001", JUNE)):
            parts = sharing_lines.parts(session, UTILITY, text)
            sharing.set_shares(session, point, parts, on, shared="litres", by=BY)
    with read_session(block.engine) as session:
        first, second = queries.divisions_of(session, UTILITY, point)
        assert (first.until, first.parts) == (JUNE, {"K-0000001": Fraction(1, 2), "K-0000002": Fraction(1, 2)})
        assert second.parts == {"K-0000001": 1}
        assert queries.coming_divisions(session, UTILITY, JANUARY) == [second]
        assert queries.concerning(session, UTILITY, point, JANUARY) == ([], [first])
        assert queries.holders(session, UTILITY, first.parts, JUNE) == {
            "K-0000001": "Vecina 1",
            "K-0000002": "Vecina 2",
        }


@pytest.mark.parametrize(
    ("general", "members", "told"),
    [
        ("PS-0000004", "PS-0000002", "hangs under another general meter"),
        ("PS-0000004", "PS-0000001", "has a general meter itself"),
        ("PS-0000002", "PS-0000004", "hangs under another general meter itself"),
    ],
)
def test_what_begins_later_is_in_the_way_of_what_has_no_end(block: Town, general: str, members: str, told: str) -> None:
    with write_session(block.engine) as session:
        state(session, "PS-0000001", "PS-0000002", JUNE)
    with pytest.raises(RegisterError, match=told), write_session(block.engine) as session:
        state(session, general, members, JANUARY)


def test_the_same_general_meter_may_begin_earlier_with_others(block: Town) -> None:
    with write_session(block.engine) as session:
        state(session, "PS-0000001", "PS-0000002", JUNE)
    with write_session(block.engine) as session:
        state(session, "PS-0000001", "PS-0000002\nPS-0000003", JANUARY)
        (group,) = sharing.groups(session, UTILITY, JUNE)
    assert (group.since, list(group.members)) == (JANUARY, ["PS-0000002", "PS-0000003"])
