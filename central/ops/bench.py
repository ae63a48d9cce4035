"""``sgc bench ingest``: readings a second from MQTT to the commit, beside the bare COPY of as many rows."""

import asyncio
import io
import platform
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import aiomqtt
from sqlalchemy import Engine, func, select

from central.config import BrokerConfig
from central.ops.scratch import scratch_broker, scratch_postgres
from central.reading.ingest import Ingest
from central.reading.metrics import Metrics
from central.reading.mqtt import open_publisher
from central.reading.worker import Worker
from central.register import Change, add_utility, enrol_device
from central.store import migrate, new_ids, open_engine, read_session, write_session
from central.store.bulk import insert_rows
from central.store.models import Meter, Reading
from central.times import EPOCH_DAY, millis
from protocols.sync import SCHEMA, Batch, ClockStamp, TelegramItem, ack_topic, batch_topic, decode_ack, seal

METERS = 2000
A_BATCH = 500
WINDOW = 64
DEVICE = "bench-1"
FRAME = bytes(range(48))


def measure(telegrams: int, db: str | None = None) -> dict[str, Any]:
    """The bench's result, as every bench prints it."""
    with ExitStack() as stack:
        url = db or stack.enter_context(scratch_postgres())
        port = stack.enter_context(scratch_broker())
        engine = open_engine(url)
        stack.callback(engine.dispose)
        migrate(engine)
        now = datetime.now(UTC)
        addresses = _register(engine, now)
        batches = _batches(addresses, telegrams, now)
        bound = (
            _copy_bound(engine, telegrams) if engine.dialect.name == "postgresql" else _insert_bound(engine, telegrams)
        )
        seconds = asyncio.run(_through_the_broker(engine, port, batches))
        with read_session(engine) as session:
            readings = session.scalar(select(func.count()).select_from(Reading)) or 0
    return {
        "bench": "ingest",
        "value": round(readings / seconds),
        "unit": "readings/s",
        "bound": {"name": f"bare bulk insert of one row a reading into {engine.dialect.name}", "value": bound},
        "ratio": round(readings / seconds / bound, 3),
        "n": readings,
        "python": platform.python_version(),
        "cpu": platform.processor() or platform.machine(),
        "more": {"telegrams_s": round(telegrams / seconds), "batches": len(batches), "seconds": round(seconds, 2)},
    }


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


async def _through_the_broker(engine: Engine, port: int, batches: Sequence[bytes]) -> float:
    """Seconds from the first publication to the acknowledgement of the last batch."""
    config = BrokerConfig(host="127.0.0.1", port=port)
    worker = Worker(Ingest(engine), config, Metrics())
    running = asyncio.create_task(worker.run())
    try:
        async with open_publisher(config, DEVICE) as device:
            await device.subscribe(ack_topic(DEVICE), qos=1)
            while not worker.connected:  # noqa: ASYNC110 - it has no event to wait for
                await asyncio.sleep(0.01)
            started = time.perf_counter()
            await _send(device, batches)
            return time.perf_counter() - started
    finally:
        worker.stop()
        await running


async def _send(device: aiomqtt.Client, batches: Sequence[bytes]) -> None:
    """Publish with at most a window of batches under way, until every one is acknowledged."""
    waiting, committed, sent = iter(batches), 0, 0
    while committed < len(batches):
        while sent - committed < WINDOW and (payload := next(waiting, None)) is not None:
            await device.publish(batch_topic(DEVICE), payload, qos=1)
            sent += 1
        message = await anext(device.messages)
        if isinstance(message.payload, bytes):
            committed = max(committed, decode_ack(message.payload).committed)


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
