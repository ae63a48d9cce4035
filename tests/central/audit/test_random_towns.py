"""Towns that use, lose and correct readings at random: whatever happens, every law holds on what was billed."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from billing.volume import Period
from central.ops.audit import audit
from central.store import open_engine, read_session, write_session
from central.store.bulk import insert_rows
from central.store.models import Consumption, Invoice, Reading, ReadingKind, ReadingStatus
from central.store.partitions import ensure_partitions
from tests.central.factories import NOW, READING, Town, found
from tests.central.invoicing.driving import issued

HOUSES = 25
MONTHS = [date(2026, month, 1) for month in range(1, 6)]
PERIODS = [Period(first, last) for first, last in pairwise(MONTHS)]


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = open_engine(database)
    yield engine
    engine.dispose()


def readings(town: Town, house: int, chance: random.Random) -> list[tuple[Any, ...]]:
    """One house's index at each month's start: most are there, some a few days off, wrong, corrected or missing."""
    rows, index = [], chance.choice([chance.randint(0, 90_000), 10**8 - 20_000])
    for day in MONTHS:
        fate = chance.choices(["due", "late", "typed", "rejected", "corrected", "none"], [10, 2, 2, 1, 1, 2])[0]
        at = Period(day, day + timedelta(days=1)).opens
        shown = index % 10**8
        if fate == "due":
            rows.append(town.reading(house, at, shown))
        elif fate == "late":
            late = at + timedelta(hours=chance.randint(-70, 70))
            rows.append(town.reading(house, late, shown, ReadingKind.RADIO))
        elif fate == "typed":
            rows.append(town.reading(house, at + timedelta(hours=9), shown, ReadingKind.TYPED))
        elif fate == "rejected":
            rows.append(town.reading(house, at, shown + 5_000_000, status=ReadingStatus.REJECTED))
        elif fate == "corrected":
            rows.append(town.reading(house, at, (shown * 7) % 10**8))
            rows.append(town.reading(house, at, shown, revision=1))
        index += chance.choice([0, chance.randint(0, 3_000), chance.randint(3_000, 40_000)])
    return rows


@pytest.mark.parametrize("seed", [1, 2])
def test_every_law_holds(engine: Engine, seed: int) -> None:
    chance = random.Random(seed)
    town = found(engine, HOUSES)
    rows = [row for house in range(HOUSES) for row in readings(town, house, chance)]
    with write_session(engine) as session:
        ensure_partitions(session.connection(), [row[1] for row in rows])
        insert_rows(session, Reading, READING, rows)
    for period in PERIODS:
        at = max(NOW, period.closes + timedelta(hours=9))
        issued(town, period, at=at, due_date=date(2026, 6, 30), partition_size=chance.randint(1, 30))
    assert [verdict for verdict in audit(engine) if not verdict.holds] == []
    with read_session(engine) as session:
        bills = session.scalar(select(func.count()).select_from(Invoice))
        estimated = session.scalar(select(func.count()).where(Consumption.estimated_litres > 0))
    # Who cannot be billed in one month (a credit, say) is parked, and billed with the next.
    assert bills is not None
    assert 0.9 * HOUSES * len(PERIODS) <= bills <= HOUSES * len(PERIODS)
    assert estimated
