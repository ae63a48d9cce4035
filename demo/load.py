"""``sgc demo load``: fills an empty database with a utility of any size, in bulk, for measuring and for trying things.

Register, a year of readings on due dates, hourly series of a share of the meters, and bills by an ordinary run: what is
not in it is telegrams, so that no bill's story goes down to bytes.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from sqlalchemy import Engine, select

from billing.volume import Period
from central.access import create_user
from central.access.rules import set_rules
from central.invoicing import run
from central.invoicing.drive import processes
from central.store import migrate, open_engine, read_session, write_session
from central.store.arrays import Values, insert_arrays
from central.store.bulk import table_of
from central.store.models import Reading, ReadingDay, ReadingKind, ReadingStatus, Utility
from central.store.partitions import ensure_partitions
from central.times import DAY_MS, HOUR_MS, midnight_ms, millis
from demo.billing import CLERK, SUPERVISOR, billing_settings, periods_of, record_tariff, waive_open
from demo.load_town import Block, House, add_houses, houses
from demo.people import PASSWORD

UTILITY_ID = 1
CODE = "AGOST"
A_BLOCK = 10_000
MONTHS, A_PERIOD = 12, 2
PARTITION = 2_000
HOURLY_DAYS = 30
# Litres a person uses in an hour, around the clock; their sum is a day's 125.
SHAPE = np.array([1, 1, 1, 1, 1, 2, 5, 11, 11, 8, 6, 6, 7, 8, 7, 5, 4, 4, 5, 7, 9, 8, 5, 2], np.int64)
Progress = Callable[[str, int, int], None]


class LoadError(ValueError):
    """The database cannot be filled; the text says why."""


@dataclass(frozen=True)
class Load:
    """What is to be made: ``hourly`` is the share of meters with hourly series, ``bills`` the periods to bill."""

    url: str
    contracts: int
    hourly: float = 0.02
    bills: int = 1
    workers: int = 2


def load(what: Load, tariffs: Path, today: date, progress: Progress) -> dict[str, float]:
    """Make it, and return the seconds of each part; raises :class:`LoadError`."""
    engine = open_engine(what.url)
    try:
        migrate(engine)
        end = today.replace(day=1)
        periods = periods_of(_months_before(end, MONTHS), end, A_PERIOD)
        _found(engine, tariffs, periods)
        seconds, started = {}, time.perf_counter()
        _fill(engine, what, periods, progress)
        seconds["register_and_readings"] = time.perf_counter() - started
        started = time.perf_counter()
        _analyse(engine)
        seconds["statistics"] = time.perf_counter() - started
        started = time.perf_counter()
        for period in periods[len(periods) - what.bills :]:
            _bill(engine, what, period, progress)
        seconds["bills"] = time.perf_counter() - started
        return {part: round(value, 1) for part, value in seconds.items()}
    finally:
        engine.dispose()


def _months_before(day: date, months: int) -> date:
    ordinal = day.year * 12 + day.month - 1 - months
    return date(ordinal // 12, ordinal % 12 + 1, 1)


def _found(engine: Engine, tariffs: Path, periods: list[Period]) -> None:
    """The utility, its tariff, its staff, and the months its readings are of."""
    since = periods[0].start
    with read_session(engine) as session:
        if session.scalar(select(Utility.id).limit(1)) is not None:
            raise LoadError("database: holds a utility already; a load starts from an empty one")
    with write_session(engine) as session:
        days = (period.end for period in periods)
        instants = [midnight_ms(day) for day in (since, *days)]
        ensure_partitions(session.connection(), [*instants, *(instant - HOUR_MS for instant in instants)])
        # Between two due dates lie the months of the hourly series.
        ensure_partitions(session.connection(), [instants[-1] - day * DAY_MS for day in range(HOURLY_DAYS + 1)])
    with write_session(engine) as session:
        session.add(
            Utility(
                id=UTILITY_ID, code=CODE, name="Aguas de Agost, S. A.", nif="A28015865", ine_code="03002",
                address={"street": "Plaça d'Espanya, 1", "postal_code": "03698", "town": "Agost"},
                contact={"phone": "965 000 000"}, settings={"billing": billing_settings() | {"documents": False}},
                created_at=datetime.now(UTC),
            )
        )  # fmt: skip
        session.flush()
        record_tariff(session, UTILITY_ID, tariffs, since)
        set_rules(session, UTILITY_ID, {"factor_roles": []}, "demo", datetime.now(UTC))
        for login, role in ((CLERK, "clerk"), (SUPERVISOR, "supervisor")):
            create_user(session, UTILITY_ID, login, PASSWORD, role=role, name=login.capitalize())


def _fill(engine: Engine, what: Load, periods: list[Period], progress: Progress) -> None:
    recorded = datetime.now(UTC)
    blocks = [
        Block(UTILITY_ID, first, min(A_BLOCK, what.contracts - first), periods[0].start, recorded)
        for first in range(0, what.contracts, A_BLOCK)
    ]
    fill = partial(fill_block, what, periods)
    done = 0
    with _mapper(engine, what.workers) as mapped:
        for count in mapped(fill, blocks):
            done += count
            progress("load", done, what.contracts)


@contextmanager
def _mapper(engine: Engine, workers: int) -> Iterator[Callable[[Callable[[Block], int], list[Block]], Iterator[int]]]:
    """How blocks are worked off: SQLite has one writer."""
    if engine.dialect.name == "sqlite" or workers == 1:
        yield map
        return
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        yield pool.map


def fill_block(what: Load, periods: list[Period], block: Block) -> int:
    """Everything of one block in one transaction; returns how many contracts that is."""
    made = houses(block)
    engine = open_engine(what.url)
    try:
        with write_session(engine) as session:
            add_houses(session, block, made)
        with engine.begin() as connection:
            index, columns = _due_readings(block, made, periods)
            insert_arrays(connection, table_of(Reading), columns, len(made) * (len(periods) + 1))
            share = [place for place, house in enumerate(made) if (house.number * 31) % 10_000 < what.hourly * 10_000]
            if share:
                days = _hourly(block, made, share, index, periods[-1].end)
                insert_arrays(connection, table_of(ReadingDay), days, len(share) * HOURLY_DAYS)
    finally:
        engine.dispose()
    return block.count


def _due_readings(
    block: Block, made: list[House], periods: list[Period]
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], dict[str, Values]]:
    """The last index of each house, and the rows of its indices on the due dates, date after date."""
    chance = np.random.default_rng(block.first)
    days = [periods[0].start, *(period.end for period in periods)]
    persons = np.array([8 if house.shop else house.persons for house in made])
    index = chance.integers(1_000, 900_000, block.count).astype(np.int64)
    instants, indices = [], []
    for day, before in zip(days, [days[0], *days[:-1]], strict=True):
        index = index + chance.poisson(persons * 115 * (day - before).days)
        instants.append(np.full(block.count, midnight_ms(day)))
        indices.append(index)
    meters = np.array([house.meter for house in made], np.int64)
    return index, {
        "utility_id": block.utility_id,
        "at_ms": np.concatenate(instants),
        "meter_id": np.tile(meters, len(days)),
        "kind": int(ReadingKind.RADIO_DUE),
        "revision": 0,
        "litres": np.concatenate(indices),
        "status": int(ReadingStatus.VALID),
        "reason": "",
        "telegram_ms": None,
        "telegram_id": None,
        "visit_id": None,
        "recorded_ms": millis(block.recorded),
    }


def _hourly(
    block: Block, made: list[House], share: list[int], index: np.ndarray[tuple[int], np.dtype[np.int64]], end: date
) -> dict[str, Values]:
    """The last days of some houses hour by hour, ending at their last index."""
    chance = np.random.default_rng(block.first + 1)
    persons = np.array([made[place].persons for place in share])
    deltas = chance.poisson(SHAPE * persons[:, None, None] * 0.9, (len(share), HOURLY_DAYS, 24)).astype("<i4")
    behind = deltas.sum(2)[:, ::-1].cumsum(1)[:, ::-1]
    last = midnight_ms(end)
    starts = last - np.arange(HOURLY_DAYS, 0, -1, dtype=np.int64) * DAY_MS
    return {
        "utility_id": block.utility_id,
        "start_ms": np.tile(starts, len(share)),
        "meter_id": np.repeat(np.array([made[place].meter for place in share], np.int64), HOURLY_DAYS),
        "litres": np.maximum(0, (index[share, None] - behind)).ravel(),
        "deltas": deltas.reshape(len(share) * HOURLY_DAYS, 24).view(np.uint8),
        "batch_id": None,
        "recorded_ms": millis(block.recorded),
    }


def _analyse(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("ANALYZE")


def _bill(engine: Engine, what: Load, period: Period, progress: Progress) -> None:
    """One run over everybody, approved by a second person, issued without documents."""
    now = datetime.now(UTC)
    executors = processes(what.workers)

    def by(actor: str, stage: str) -> run.Operator:
        return run.Operator(actor, executors, lambda done, total, _rate: progress(stage, done, total))

    plan = run.RunPlan(
        f"{period.start:%Y%m}-{period.end:%Y%m}", period, "A", now.date(), now.date() + timedelta(30), {}, PARTITION
    )
    with write_session(engine) as session:
        run_id = run.create(session, UTILITY_ID, plan, CLERK, now).id
    run.simulate(engine, UTILITY_ID, run_id, by(CLERK, "simulate"), now)
    with write_session(engine) as session:
        made = run.run_of(session, UTILITY_ID, run_id)
        waive_open(session, made, now)
        run.approve(session, made, SUPERVISOR, now)
    run.issue(engine, UTILITY_ID, run_id, by(CLERK, "issue"), now)
