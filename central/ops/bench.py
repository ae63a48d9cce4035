"""``sgc bench ingest``: readings a second from MQTT to the commit, beside the bare COPY of as many rows."""

import asyncio
import io
import platform
import signal
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from multiprocessing import get_context
from multiprocessing.synchronize import Semaphore
from typing import Any
from uuid import uuid4

import aiomqtt
import msgspec
import numpy as np
from sqlalchemy import Engine, func, select

from central.config import BrokerConfig
from central.ops.log import set_up_logs
from central.ops.scratch import ScratchError, scratch_broker, scratch_postgres
from central.reading.ingest import Ingest
from central.reading.metrics import Metrics
from central.reading.mqtt import open_publisher
from central.reading.worker import Worker
from central.register import Change, add_utility, enrol_device
from central.store import migrate, new_ids, open_engine, read_session, write_session
from central.store.bulk import insert_rows
from central.store.models import Meter, Reading, ReadingDay
from central.times import DAY_MS, EPOCH_DAY, HOUR_MS, millis
from protocols.sync import (
    SCHEMA,
    Batch,
    ClockStamp,
    HourSeries,
    TelegramItem,
    ack_topic,
    batch_topic,
    decode_ack,
    read_envelope,
    seal,
)

METERS = 2000
A_BATCH = 500
WINDOW = 160
DEVICE = "bench-1"
FRAME = bytes(range(48))


def measure(telegrams: int, hours: int, workers: int, db: str | None = None) -> dict[str, Any]:
    """The bench's result, as every bench prints it: hourly series first, single telegrams beside them."""
    with ExitStack() as stack:
        url = db or stack.enter_context(scratch_postgres())
        port = stack.enter_context(scratch_broker())
        engine = open_engine(url)
        stack.callback(engine.dispose)
        migrate(engine)
        now = datetime.now(UTC)
        addresses = _register(engine, now)
        bulk = _copy_bound if engine.dialect.name == "postgresql" else _insert_bound
        bound = bulk(engine, telegrams)
        broker = BrokerConfig(host="127.0.0.1", port=port, shared="bench")
        stack.enter_context(_workers(url, broker, workers))
        single = asyncio.run(_through_the_broker(broker, _batches(addresses, telegrams, now)))
        series = asyncio.run(_through_the_broker(broker, _series(addresses, hours, now)))
        heard, metered = _counted(engine)
    rate, alone = metered / series.seconds, heard / single.seconds
    return {
        "bench": "ingest",
        "value": round(rate),
        "unit": "readings/s",
        "bound": {"name": f"bare bulk insert of one row a reading into {engine.dialect.name}", "value": bound},
        "ratio": round(rate / bound, 3),
        "n": metered,
        "python": platform.python_version(),
        "cpu": platform.processor() or platform.machine(),
        "more": {
            "what": "hourly series, one row for each meter and day",
            "workers": workers,
            "seconds": round(series.seconds, 2),
            "first_and_last_quarter": [round(part * metered) for part in series.quarters],
            "single_telegrams": {
                "readings_s": round(alone),
                "ratio": round(alone / bound, 3),
                "n": heard,
                "seconds": round(single.seconds, 2),
            },
        },
    }


@dataclass(frozen=True)
class _Timed:
    """Seconds from first publication to last acknowledgement; shares of all a second, in the first and last quarter."""

    seconds: float
    quarters: tuple[float, float]


def _counted(engine: Engine) -> tuple[int, int]:
    """Readings that came in telegrams of their own, and hours that came in series."""
    with read_session(engine) as session:
        heard = session.scalar(select(func.count()).select_from(Reading)) or 0
        days = session.scalar(select(func.sum(func.length(ReadingDay.deltas)))) or 0
    return heard, int(days) // 4


@contextmanager
def _workers(url: str, broker: BrokerConfig, count: int) -> Iterator[None]:
    """Ingest workers that share a subscription, each a process of its own."""
    context = get_context("spawn")
    ready = context.Semaphore(0)
    running = [
        context.Process(target=work, args=(url, msgspec.structs.replace(broker, client_id=f"worker-{number}"), ready))
        for number in range(count)
    ]
    for process in running:
        process.start()
    try:
        for _ in running:
            if not ready.acquire(timeout=60):
                raise ScratchError("an ingest worker does not connect to the broker")
        yield
    finally:
        for process in running:
            process.terminate()
            process.join()


def work(url: str, broker: BrokerConfig, ready: Semaphore) -> None:
    """One worker until SIGTERM; releases ``ready`` once it is subscribed."""
    set_up_logs("warning")
    asyncio.run(_work(url, broker, ready))


async def _work(url: str, broker: BrokerConfig, ready: Semaphore) -> None:
    engine = open_engine(url)
    worker = Worker(Ingest(engine), broker, Metrics())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
    running = asyncio.create_task(worker.run())
    while not worker.connected:  # noqa: ASYNC110 - it has no event to wait for
        await asyncio.sleep(0.01)
    ready.release()
    await running
    engine.dispose()


def _register(engine: Engine, now: datetime) -> list[str]:
    """A utility with meters and one device; returns the meters' addresses."""
    by = Change("bench", now)
    addresses = [f"SGC-{number:08d}-01-07" for number in range(METERS)]
    columns = ("utility_id", "id", "address", "serial", "calibre_mm", "modulus_litres", "radio", "created_at")
    with write_session(engine) as session:
        utility = add_utility(
            session, "bench", "Bench", "P0300200C", "03002", address={}, contact={}, settings={}, by=by
        )
        rows = [
            (utility.id, row_id, address, address[4:12], 15, 10**9, True, now)
            for row_id, address in zip(new_ids(METERS), addresses, strict=True)
        ]
        insert_rows(session, Meter, columns, rows)
        enrol_device(session, utility.id, DEVICE, by=by)
    return addresses


def _batches(addresses: Sequence[str], telegrams: int, now: datetime) -> list[bytes]:
    """Sealed batches: each telegram an index of its own and the one of the month's first day."""
    first = millis(now - timedelta(days=20))
    step = 20 * 86_400_000 // (telegrams + 1)
    due = ((date(now.year, now.month, 1) - EPOCH_DAY).days, 1000)
    boot, sealed = str(uuid4()), []
    for number, start in enumerate(range(0, telegrams, A_BATCH), 1):
        items = tuple(
            TelegramItem(
                place + 1, ClockStamp(first + place * step, place, True), FRAME, "T1", -70, "dongle", "receiver",
                "decrypted", addresses[place % METERS], place % 256, 1000 + place // METERS, (due,), (), None, "2f2f",
            )
            for place in range(start, min(start + A_BATCH, telegrams))
        )  # fmt: skip
        batch = Batch(SCHEMA, DEVICE, boot, "os", number, ClockStamp(millis(now), 0, True), b"", items)
        sealed.append(seal(batch))
    return sealed


def _series(addresses: Sequence[str], hours: int, now: datetime) -> list[bytes]:
    """Sealed batches of one day of each meter after the other, the days going back from yesterday."""
    first = millis(now) // HOUR_MS * HOUR_MS
    chance = np.random.default_rng(5)
    metered = chance.poisson(12, (97, 24)).astype("<i4")
    stamp = ClockStamp(millis(now), 0, True)
    boot, sealed, days = str(uuid4()), [], -(-hours // 24)
    for number, start in enumerate(range(0, days, A_BATCH), 1):
        items = tuple(
            HourSeries(
                place + 1, stamp, addresses[place % METERS], first - (2 + place // METERS) * DAY_MS, 1000,
                metered[place % 97].tobytes(),
            )
            for place in range(start, min(start + A_BATCH, days))
        )  # fmt: skip
        sealed.append(seal(Batch(SCHEMA, DEVICE, boot, "os", number, stamp, b"", items)))
    return sealed


async def _through_the_broker(config: BrokerConfig, batches: Sequence[bytes]) -> _Timed:
    """Publish the batches and wait for the acknowledgement of the last one."""
    async with open_publisher(config, DEVICE) as device:
        await device.subscribe(ack_topic(DEVICE), qos=1)
        started = time.perf_counter()
        marks = [(0, 0.0)]
        async for committed in _send(device, batches):
            marks.append((committed, time.perf_counter() - started))
    total = marks[-1][1]
    early = next(mark for mark in marks if 4 * mark[0] >= len(batches))
    late = next(mark for mark in marks if 4 * mark[0] >= 3 * len(batches))
    rest = max(total - late[1], 1e-9)
    return _Timed(total, (early[0] / len(batches) / early[1], (len(batches) - late[0]) / len(batches) / rest))


async def _send(device: aiomqtt.Client, batches: Sequence[bytes]) -> AsyncIterator[int]:
    """Publish with at most a window of batches under way; yields how many are committed, until every one is."""
    boot = read_envelope(batches[0]).header.boot
    waiting, committed, sent = iter(batches), 0, 0
    while committed < len(batches):
        while sent - committed < WINDOW and (payload := next(waiting, None)) is not None:
            await device.publish(batch_topic(DEVICE), payload, qos=1)
            sent += 1
        message = await anext(device.messages)
        if isinstance(message.payload, bytes):
            ack = decode_ack(message.payload)
            if ack.boot == boot and ack.committed > committed:
                committed = ack.committed
                yield committed


def _copy_bound(engine: Engine, rows: int) -> int:
    """Rows a second of a COPY, one transaction, into a table with the readings' key."""
    data = "".join(f"1\t{1_700_000_000_000 + row}\t{row % METERS}\t1\t0\t{row}\n" for row in range(rows))
    driver: Any = engine.raw_connection()
    try:
        with driver.cursor() as cursor:
            cursor.execute(
                "CREATE TABLE bench_reading (utility int, at_ms bigint, meter bigint, kind smallint, "
                "revision smallint, litres bigint, PRIMARY KEY (utility, at_ms, meter, kind, revision))"
            )
            driver.commit()
            started = time.perf_counter()
            with cursor.copy("COPY bench_reading FROM STDIN") as copy:
                stream = io.StringIO(data)
                while part := stream.read(1 << 16):
                    copy.write(part)
            driver.commit()
            return round(rows / (time.perf_counter() - started))
    finally:
        driver.close()


def _insert_bound(engine: Engine, rows: int) -> int:
    """The same on SQLite, with executemany."""
    values = [(1, 1_700_000_000_000 + row, row % METERS, 1, 0, row) for row in range(rows)]
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE bench_reading (utility, at_ms, meter, kind, revision, litres, "
            "PRIMARY KEY (utility, at_ms, meter, kind, revision)) WITHOUT ROWID"
        )
    started = time.perf_counter()
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO bench_reading VALUES (?, ?, ?, ?, ?, ?)", values)
    return round(rows / (time.perf_counter() - started))
