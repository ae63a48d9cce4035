"""What the decoder learns outlives the agent: formats of compact frames, counters of authenticated telegrams."""

from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.decoding import REPLAY, Decoding
from edge.memory import Memory
from edge.receivers.port import Frame
from edge.store import Format, HeardTelegram, Learned, Store
from firmware_sim.telegram import Mode7, Transport, build, compact
from firmware_sim.telegram.records import Record, Vif, integer, payload
from protocols.wmbus import Address, Keyring
from tests.edge.samples import DEVICE

KEY = bytes(range(16))
METER = Address("SGC", "76543210", 1, 7)
RECORDS: list[Record] = [integer(Vif.VOLUME_L, 466_472), integer(Vif.VOLUME_L, 400_000, storage=1)]
FULL = build(METER, payload(RECORDS), Transport())
COMPACT = build(METER, compact.compact_payload(RECORDS), Transport(header="none", application="compact"))


def sealed(counter: int) -> bytes:
    return build(METER, payload(RECORDS), Transport(access_no=counter % 256), Mode7(KEY, counter))


async def heard(path: Path, *frames: bytes) -> list[HeardTelegram]:
    """What an agent stores of these frames between its start and its end."""
    clock = SystemClock()
    store = Store(path, DEVICE, clock, group_ms=1)
    memory = Memory(store.learned())
    decoding = Decoding(Keyring({METER: KEY}), memory)
    found = [decoding.stored(Frame(data, "T1", -60, clock.now(), "van", "im871a")) for data in frames]
    await store.put(found, memory.take_new())
    await store.close()
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "edge.db"


async def test_a_compact_frame_is_read_after_a_restart(path: Path) -> None:
    (waiting,) = await heard(path, COMPACT)
    assert (waiting.state, waiting.litres) == ("undecodable", None)
    await heard(path, FULL)
    (read,) = await heard(path, COMPACT)
    assert read.litres == 466_472


async def test_an_older_telegram_is_reported_after_a_restart_and_read_all_the_same(path: Path) -> None:
    first, again = await heard(path, sealed(7), sealed(7))
    assert (first.alarms, again.alarms) == ((), ())
    older, newer = await heard(path, sealed(6), sealed(8))
    assert (older.alarms, older.litres) == ((REPLAY,), 466_472)
    assert newer.alarms == ()


async def test_only_what_is_new_is_written(path: Path) -> None:
    memory = Memory(Learned((Format("SGC", 7, 1, b"\x04\x13"),), ((str(METER), 9),)))
    assert memory.take_new() == Learned()
    memory.counters.see(METER, 9)
    assert memory.take_new() == Learned()
    memory.counters.see(METER, 10)
    assert memory.take_new() == Learned((), ((str(METER), 10),))


async def test_a_counter_never_falls_in_the_file(path: Path) -> None:
    store = Store(path, DEVICE, SystemClock(), group_ms=1)
    for counter in (5, 3):
        await store.put([], Learned((), ((str(METER), counter),)))
        await store.put((await heard(path.with_name("other.db"), FULL)), None)
        await store.flush()
    assert store.learned().counters == ((str(METER), 5),)
    await store.close()
