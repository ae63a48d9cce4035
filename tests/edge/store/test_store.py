"""What the store promises: nothing lost, numbers and bytes that never change, pruning only what is acknowledged."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.clock import SystemClock
from edge.store import HeardTelegram, NewVisit, Store, StoreError
from edge.store import store as store_module
from edge.store.connection import open_reader
from protocols.sync import (
    SCHEMA,
    Ack,
    Batch,
    Refusal,
    TelegramItem,
    TypedReading,
    open_batch,
    read_envelope,
)
from tests.edge.conftest import until
from tests.edge.samples import DEVICE, METER, route, stop, telegram, visit


def opened(envelope: bytes) -> Batch:
    return open_batch(read_envelope(envelope))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "edge.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    found = Store(path, DEVICE, SystemClock())
    yield found
    await found.close()


def rows(path: Path, table: str) -> int:
    database = open_reader(path)
    try:
        return int(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608
    finally:
        database.close()


async def test_a_batch_holds_everything_in_the_order_of_recording(store: Store) -> None:
    await store.put([telegram(1), telegram(2, meter=None)])
    await store.flush()
    recorded = await store.record_visit(visit("a"))
    await store.event("receiver_up", {"receiver": "van", "garbage_bytes": 3})
    batch = await store.seal(500)
    assert batch is not None
    body = opened(batch.envelope)
    assert (body.device, body.boot, body.number, body.previous) == (DEVICE, store.boot, 1, b"")
    assert [item.id for item in body.items] == [1, 2, 3, 4]
    first, second, typed, event = body.items
    assert isinstance(first, TelegramItem)
    assert first.id == 1
    assert [getattr(first, name) for name in HeardTelegram._fields] == list(telegram(1))
    assert isinstance(second, TelegramItem)
    assert second.meter is None
    assert typed == TypedReading(3, recorded.at, "S-7", METER, 1234, "00", "lector", "junto al portal", None, True)
    assert event.data == {"receiver": "van", "garbage_bytes": 3}  # type: ignore[union-attr]


async def test_batches_are_numbered_and_chained(store: Store) -> None:
    await store.put([telegram(n) for n in range(5)])
    await store.flush()
    first, second = await store.seal(3), await store.seal(3)
    assert first is not None
    assert second is not None
    assert await store.seal(3) is None
    assert (first.number, second.number) == (1, 2)
    assert [len(opened(b.envelope).items) for b in (first, second)] == [3, 2]
    assert opened(second.envelope).previous == read_envelope(first.envelope).digest


async def test_an_acknowledged_batch_goes_with_its_telegrams_and_no_other(store: Store, path: Path) -> None:
    await store.put([telegram(n) for n in range(10)])
    await store.flush()
    for _ in range(3):
        await store.seal(3)
    await store.apply_acks([Ack(SCHEMA, DEVICE, store.boot, 1, also=(3,))])
    assert (rows(path, "batch"), rows(path, "telegram")) == (1, 4)
    left = await store.next_batch((0, 0))
    assert left is not None
    assert left.number == 2
    counts = store.counts()
    assert (counts.acknowledged, counts.pending) == (6, 4)


async def test_the_same_acknowledgement_twice_changes_nothing_more(store: Store) -> None:
    await store.put([telegram(1)])
    await store.flush()
    await store.seal(9)
    ack = Ack(SCHEMA, DEVICE, store.boot, 1)
    assert (await store.apply_acks([ack, ack])).acknowledged == [(store.boot, 1)]
    assert (await store.apply_acks([ack])).acknowledged == []
    assert store.counts().acknowledged == 1


async def test_an_acknowledgement_of_another_boot_or_of_the_future_deletes_nothing(store: Store) -> None:
    await store.put([telegram(1)])
    await store.flush()
    await store.apply_acks([Ack(SCHEMA, DEVICE, "another", 99), Ack(SCHEMA, DEVICE, store.boot, 99)])
    assert store.counts().pending == 1


async def test_a_refused_batch_is_kept_with_its_reason_and_not_sent_again(store: Store) -> None:
    await store.put([telegram(n) for n in range(2)])
    await store.flush()
    sealed = [await store.seal(1), await store.seal(1)]
    assert sealed[0] is not None
    refusal = Refusal(1, "batch.items[0].litres: -1, must be at least 0")
    await store.apply_acks([Ack(SCHEMA, DEVICE, store.boot, 0, refused=(refusal,))])
    # Later batches pass it; that alone is no leave to delete it.
    await store.apply_acks([Ack(SCHEMA, DEVICE, store.boot, 2)])
    assert await store.next_batch((0, 0)) is None
    assert [(b.number, b.reason) for b in store.refused()] == [(1, refusal.reason)]
    counts = store.counts()
    assert (counts.pending, counts.acknowledged, counts.refused) == (0, 1, 1)
    assert await store.offer_again() == 1
    again = await store.next_batch((0, 0))
    assert again is not None
    assert again.envelope == sealed[0].envelope
    await store.apply_acks([Ack(SCHEMA, DEVICE, store.boot, 2)])
    assert store.counts().acknowledged == 2


async def test_what_a_dead_boot_left_is_sealed_under_its_own_name(path: Path) -> None:
    first = Store(path, DEVICE, SystemClock())
    await first.put([telegram(n) for n in range(4)])
    await first.flush()
    sealed = await first.seal(1)
    assert sealed is not None
    await first.close()
    second = Store(path, DEVICE, SystemClock())
    await second.put([telegram(9)])
    await second.flush()
    assert await second.next_batch((0, 0)) == sealed
    left, own = await second.seal(500), await second.seal(500)
    assert left is not None
    assert own is not None
    assert (left.boot, left.number, len(opened(left.envelope).items)) == (first.boot, 2, 3)
    assert opened(left.envelope).previous == read_envelope(sealed.envelope).digest
    assert (own.boot, own.number, opened(own.envelope).items[0].id) == (second.boot, 1, 5)
    await second.close()


async def test_ids_are_never_used_twice_even_when_all_is_pruned(path: Path) -> None:
    first = Store(path, DEVICE, SystemClock())
    await first.put([telegram(1)])
    await first.flush()
    await first.seal(9)
    await first.apply_acks([Ack(SCHEMA, DEVICE, first.boot, 1)])
    await first.close()
    second = Store(path, DEVICE, SystemClock())
    assert (await second.record_visit(visit("b"))).id == 2
    await second.close()


async def test_one_token_is_one_visit(store: Store) -> None:
    first = await store.record_visit(visit("a", 100))
    assert await store.record_visit(visit("a", 999)) == first
    assert store.counts().typed == 1


async def test_a_correction_keeps_both_versions(store: Store) -> None:
    first = await store.record_visit(visit("a", 100))
    second = await store.record_visit(visit("b", 200))
    assert second.replaces == first.id
    assert [v.litres for v in store.versions("R1", "S-7", METER)] == [100, 200]


async def test_a_withdrawn_visit_leaves_the_stop_open_and_both_versions(store: Store) -> None:
    await store.store_route(route())
    recorded = await store.record_visit(visit("a", 100))
    undo = await store.withdraw_visit(recorded.id, "b", "lector")
    assert undo is not None
    assert (undo.replaces, undo.litres, undo.code) == (recorded.id, None, "00")
    assert await store.withdraw_visit(recorded.id, "b", "lector") == undo
    assert await store.withdraw_visit(recorded.id, "c", "lector") is None
    found = store.route()
    assert found is not None
    assert found.stops[0].state == "unread"
    assert len(store.versions("R1", "S-7", METER)) == 2
    third = await store.record_visit(visit("d", 101))
    assert third.replaces is None


async def test_route_shows_what_was_heard_and_what_was_typed(store: Store) -> None:
    stops = (
        stop(),
        stop(position=2, supply="S-8", meter="KAM-00000002-1B-16"),
        stop(position=3, supply="S-9", meter=""),
    )
    await store.store_route(route(1_790_000_000_000, "R1", *stops))
    await store.put([telegram(1, litres=500), telegram(2, litres=501)])
    await store.flush()
    await store.record_visit(NewVisit("t", "R1", "S-9", "", None, "01", "lector"))
    found = store.route()
    assert found is not None
    assert [s.state for s in found.stops] == ["radio", "unread", "visited"]
    assert found.stops[0].litres == 501
    assert found.stops[0].heard is not None
    assert found.stops[0].heard.alarms == ("leak", "tamper")


async def test_an_older_route_of_the_same_code_is_not_taken(store: Store) -> None:
    assert await store.store_route(route(1_790_000_000_000))
    assert not await store.store_route(route(1_789_000_000_000))
    assert await store.store_route(route(1_791_000_000_000, "R1", stop(street="Calle Nueva")))
    found = store.route()
    assert found is not None
    assert [s.stop.street for s in found.stops] == ["Calle Nueva"]


async def test_a_new_route_forgets_old_readings_but_no_visit_that_waits(store: Store, path: Path) -> None:
    await store.store_route(route())
    await store.put([telegram(1)])
    await store.flush()
    await store.record_visit(visit("a"))
    later = 1_790_000_000_000 + 60 * 24 * 3600 * 1000
    await store.store_route(route(later, "R2"))
    found = store.route()
    assert found is not None
    assert (found.code, found.stops[0].state) == ("R2", "unread")
    assert rows(path, "visit") == 1
    await store.seal(9)
    await store.apply_acks([Ack(SCHEMA, DEVICE, store.boot, 1)])
    await store.store_route(route(later + 1, "R3"))
    assert rows(path, "visit") == 0


async def test_a_second_writer_is_refused(store: Store, path: Path) -> None:
    with pytest.raises(StoreError, match=f"store {path}: another agent is writing it"):
        Store(path, DEVICE, SystemClock())


async def test_a_file_of_a_newer_version_is_refused_by_name(path: Path) -> None:
    await Store(path, DEVICE, SystemClock()).close()
    with sqlite3.connect(path) as connection:
        connection.execute(
            "INSERT INTO _sqlite_migrations(migration_set, name, applied_at) VALUES ('edge', 'm999_future', '')"
        )
    connection.close()
    with pytest.raises(StoreError, match=r"written by a newer version \(m999_future\)"):
        Store(path, DEVICE, SystemClock())


def test_a_file_that_is_no_store_is_named(path: Path) -> None:
    path.write_bytes(b"this is not a database, but it is long enough to be taken for one" * 20)
    with pytest.raises(StoreError, match=f"store {path}: file is not a database"):
        Store(path, DEVICE, SystemClock())


async def test_the_file_is_for_its_owner_only(store: Store) -> None:
    path = store.path
    assert path.stat().st_mode & 0o077 == 0


async def test_full_disk_holds_telegrams_back_and_loses_none(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "RETRY_S", 0.01)
    pages = store._database.execute("PRAGMA page_count").fetchone()[0]
    store._database.execute(f"PRAGMA max_page_count={pages + 4}")
    putting = asyncio.create_task(_put_all(store, 5000))
    await until(lambda: store.failure)
    assert "database or disk is full" in store.failure
    with pytest.raises(StoreError, match="disk is full"):
        await _record_until_full(store)
    typed = store.counts().typed
    store._database.execute("PRAGMA max_page_count=100000")
    await putting
    await store.flush()
    assert (store.counts().telegrams, rows(path, "telegram")) == (5000, 5000)
    assert rows(path, "visit") == typed
    assert store.failure == ""


async def _record_until_full(store: Store) -> None:
    for n in range(1000):
        await store.record_visit(visit(f"v{n}"))


async def _put_all(store: Store, count: int) -> None:
    for n in range(0, count, 100):
        await store.put([telegram(n + k) for k in range(100)])


operations = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 30)),
        st.tuples(st.just("visit"), st.integers(0, 5)),
        st.tuples(st.just("event"), st.just(0)),
        st.tuples(st.just("seal"), st.integers(1, 20)),
        st.tuples(st.just("ack"), st.integers(0, 1000)),
        st.tuples(st.just("refuse"), st.integers(0, 1000)),
        st.tuples(st.just("restart"), st.just(0)),
    ),
    max_size=25,
)


@settings(max_examples=40)
@given(operations)
def test_whatever_happens_every_item_reaches_the_centre_once(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    asyncio.run(_play(tmp_path_factory.mktemp("play") / "edge.db", steps))


async def _play(path: Path, steps: list[tuple[str, int]]) -> None:
    store = Store(path, DEVICE, SystemClock())
    sealed: dict[tuple[str, int], bytes] = {}
    for name, value in steps:
        if name == "put":
            await store.put([telegram(n) for n in range(value)])
            await store.flush()
        elif name == "visit":
            await store.record_visit(visit(f"token {value}"))
        elif name == "event":
            await store.event("tick", {})
        elif name == "seal":
            _keep(sealed, await store.seal(value))
        elif name in {"ack", "refuse"} and sealed:
            await store.apply_acks([_ack(list(sealed), value, refuse=name == "refuse")])
        elif name == "restart":
            await store.close()
            store = Store(path, DEVICE, SystemClock())
        counts = store.counts()
        recorded = counts.telegrams + counts.typed + counts.events
        assert recorded == counts.pending + counts.acknowledged + counts.refused
    while batch := await store.seal(7):
        _keep(sealed, batch)
    await _check_what_waits(store, sealed)
    ids = sorted(item.id for envelope in sealed.values() for item in opened(envelope).items)
    assert ids == list(range(1, recorded_items(store) + 1))
    await store.close()


def recorded_items(store: Store) -> int:
    counts = store.counts()
    return counts.telegrams + counts.typed + counts.events


def _keep(sealed: dict[tuple[str, int], bytes], batch: object) -> None:
    if batch is not None:
        assert batch.key not in sealed  # type: ignore[attr-defined]
        sealed[batch.key] = batch.envelope  # type: ignore[attr-defined]


def _ack(keys: list[tuple[str, int]], pick: int, *, refuse: bool) -> Ack:
    boot, number = keys[pick % len(keys)]
    if refuse:
        return Ack(SCHEMA, DEVICE, boot, 0, refused=(Refusal(number, "no"),))
    return Ack(SCHEMA, DEVICE, boot, number)


async def _check_what_waits(store: Store, sealed: dict[tuple[str, int], bytes]) -> None:
    after = (0, 0)
    while batch := await store.next_batch(after):
        assert batch.envelope == sealed[batch.key]
        after = (batch.boot_seq, batch.number)
