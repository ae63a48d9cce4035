"""Whoever leaves on whatever day, billed at once or later: every day and every litre of a place is billed once."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count, pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from central.invoicing import run
from central.lifecycle import Closing
from central.ops.audit import audit
from central.store import open_engine, read_session
from central.store.models import Contract, Invoice
from tests.central.factories import NEXT_PERIOD, NOW, Town, found
from tests.central.invoicing.driving import CHECKER, issued, simulated
from tests.central.lifecycle.support import done, holder_change, leaving, signing
from tests.central.lifecycle.test_final_bill import closed, passed

HOUSES = 4
FEBRUARY, MARCH = date(2026, 2, 1), date(2026, 3, 1)
JANUARY_FIRST = date(2026, 1, 1)


@dataclass(frozen=True)
class Story:
    """What becomes of a house in February: who ends it on which day at which share of the month's litres.

    ``next_after``: days until somebody signs there again, None for never; ``when``: its closing bill is made at once,
    after the periodic run was simulated, or not at all.
    """

    procedure: str
    day: int
    percent: int
    source: str
    next_after: int | None
    when: str

    @property
    def on(self) -> date:
        """The first day that is no longer of who leaves."""
        return FEBRUARY + timedelta(self.day)


STORIES = st.lists(
    st.builds(
        Story,
        st.sampled_from(("cancellation", "change_of_holder", "subrogation")),
        st.integers(1, 18),
        st.integers(0, 60),
        st.sampled_from(("real", "self", "agreed")),
        st.sampled_from((None, 0, 1)),
        st.sampled_from(("at once", "late", "never")),
    ),
    min_size=HOUSES,
    max_size=HOUSES,
)


@pytest.fixture
def fresh_town(sqlite_template: Path, tmp_path: Path) -> Iterator[Callable[[], Town]]:
    """Another town each time: January billed, February read; in its last house nothing changes."""
    made_before: list[Town] = []
    numbers = count()

    def make() -> Town:
        path = tmp_path / f"{next(numbers)}.db"
        shutil.copy(sqlite_template, path)
        town = found(open_engine(f"sqlite:///{path}"), HOUSES + 1)
        made_before.append(town)
        town.read_all((JANUARY_FIRST, FEBRUARY, MARCH))
        issued(town)
        return town

    yield make
    for town in made_before:
        town.engine.dispose()


# Every example bills a town three times or more: one that fails is told as it is, not made smaller.
@settings(max_examples=6, suppress_health_check=list(HealthCheck), phases=(Phase.explicit, Phase.generate))
@given(stories=STORIES)
def test_every_day_and_every_litre_of_a_place_is_billed_once(
    fresh_town: Callable[[], Town], stories: list[Story]
) -> None:
    town = fresh_town()
    unbilled = [_lived(town, house, story) for house, story in enumerate(stories)]
    cases = list(zip(stories, _case_numbers(stories), strict=True))
    for case in [case for story, case in cases if story.when == "at once"]:
        closed(town, case)
    periodic = simulated(town, NEXT_PERIOD)
    late = [case for story, case in cases if story.when == "late"]
    for case in late:
        closed(town, case)
    if late:
        run.simulate(town.engine, town.utility_id, periodic, run.Operator(CHECKER), NOW)
    passed(town, periodic)
    run.issue(town.engine, town.utility_id, periodic, run.Operator(CHECKER), NOW)
    for house, (days, litres) in enumerate(unbilled):
        _billed_once(town, house, days, litres)
    assert [verdict.breaches for verdict in audit(town.engine) if verdict.breaches] == []


def _case_numbers(stories: list[Story]) -> list[int]:
    """The number of each house's closing case: a sign-up after it takes the next one."""
    numbers, following = [], 1
    for story in stories:
        numbers.append(following)
        following += 1 + _signs(story)
    return numbers


def _signs(story: Story) -> bool:
    return story.procedure == "cancellation" and story.next_after is not None


def _month(house: int) -> int:
    return 10_000 + 100 * house


def _index(house: int, percent: int) -> int:
    """What the meter shows in February after a share of the month's litres."""
    return 1_000 + _month(house) + _month(house) * percent // 100


def _lived(town: Town, house: int, story: Story) -> tuple[set[date], int]:
    """The house's story; returns the days on which nobody had it and the litres that ran then, or after the last."""
    closing = Closing(story.source, _index(house, story.percent))
    if story.procedure != "cancellation":
        done(town, holder_change(house + 1, story.on, story.procedure, closing=closing))
        return set(), 0
    done(town, leaving(house + 1, story.on, closing=closing))
    if story.next_after is None:
        rest = 2 * _month(house) + 1_000 - _index(house, story.percent)
        return {story.on + timedelta(at) for at in range((MARCH - story.on).days)}, rest
    opens = Closing("real", _index(house, story.percent + 10 * story.next_after))
    begins = story.on + timedelta(story.next_after)
    done(town, signing(f"PS-{house + 1:07d}", begins, closing=opens))
    return {story.on + timedelta(at) for at in range(story.next_after)}, (opens.litres or 0) - (closing.litres or 0)


def _billed_once(town: Town, house: int, vacant: set[date], unbilled: int) -> None:
    rows = (
        select(Invoice.period_from, Invoice.period_to, Invoice.litres)
        .join(Contract, Contract.id == Invoice.contract_id)
        .where(Contract.supply_point_id == town.points[house])
        .order_by(Invoice.period_from)
    )
    with read_session(town.engine) as session:
        bills = session.execute(rows).all()
    assert all(one.period_to <= other.period_from for one, other in pairwise(bills))
    days = {one.period_from + timedelta(at) for one in bills for at in range((one.period_to - one.period_from).days)}
    assert days | vacant == {JANUARY_FIRST + timedelta(at) for at in range((MARCH - JANUARY_FIRST).days)}
    assert not days & vacant
    assert sum(one.litres for one in bills) == 2 * _month(house) - unbilled
