"""Work orders on the device: taken over once, done once, and never lost."""

import hashlib
from pathlib import Path

import msgspec
import pytest

from edge.clock import SystemClock
from edge.store import NewOutcome, Store
from protocols.sync import Ack, OrderReport, WorkOrder, WorkOrders, open_batch, read_envelope
from tests.edge.samples import DEVICE, METER, route, stop

KEY = bytes(range(16))


def order(code: str = "W1", **changed: object) -> WorkOrder:
    values: dict[str, object] = {
        "code": code,
        "kind": "replace",
        "supply": "S-7",
        "street": "Calle Mayor",
        "number": "3",
        "detail": "bajo",
        "meter": METER,
        "serial": "76348799",
        "modulus_litres": 10**8,
        "instructions": "Contador parado",
    }
    return WorkOrder(**(values | changed))  # type: ignore[arg-type]


def orders(issued_ms: int, *listed: WorkOrder) -> WorkOrders:
    return WorkOrders(1, DEVICE, issued_ms, listed)


def done(form: str = "t1", code: str = "W1") -> NewOutcome:
    return NewOutcome(
        form, code, "done", "lector", litres=1_234_567, new_serial="N-1", new_litres=12, new_key=KEY, seal="P77",
        note="junto al portal", lat_e7=384_000_000, lon_e7=-6_000_000,
    )  # fmt: skip


async def sent(store: Store) -> list[OrderReport]:
    """What a batch made now would tell of orders."""
    batch = await store.seal(100)
    items = open_batch(read_envelope(batch.envelope)).items if batch else ()
    return [item for item in items if isinstance(item, OrderReport)]


@pytest.fixture
async def store(tmp_path: Path):  # type: ignore[no-untyped-def]
    found = Store(tmp_path / "edge.db", DEVICE, SystemClock(), group_ms=5)
    yield found
    await found.close()


async def test_a_new_order_is_accepted_by_itself_and_once(store: Store) -> None:
    assert await store.store_orders(orders(1000, order()))
    assert not await store.store_orders(orders(1000, order()))
    assert await store.store_orders(orders(2000, order(), order("W2", kind="seal")))
    assert [(one.order, one.outcome) for one in await sent(store)] == [("W1", "accepted"), ("W2", "accepted")]


async def test_an_outcome_travels_whole(store: Store) -> None:
    await store.store_orders(orders(1000, order()))
    report = await store.record_outcome(done(), [b"a photo", b"another"])
    assert report is not None
    told = (await sent(store))[-1]
    assert told == report
    assert (told.supply, told.meter, told.litres, told.new_serial, told.new_key) == (
        "S-7", METER, 1_234_567, "N-1", KEY,
    )  # fmt: skip
    assert told.photos == tuple(hashlib.sha256(photo).hexdigest() for photo in (b"a photo", b"another"))
    assert dict(store.photos()) == dict(zip(told.photos, (b"a photo", b"another"), strict=True))


async def test_a_form_sent_twice_or_an_order_done_twice_is_one_outcome(store: Store) -> None:
    await store.store_orders(orders(1000, order()))
    first = await store.record_outcome(done("t1"))
    assert await store.record_outcome(done("t1")) == first
    assert await store.record_outcome(done("t2")) == first
    assert [one.outcome for one in await sent(store)] == ["accepted", "done"]
    assert store.counts().typed == 1


async def test_what_was_not_possible_may_still_be_done_later(store: Store) -> None:
    await store.store_orders(orders(1000, order()))
    await store.record_outcome(NewOutcome("t1", "W1", "impossible", "lector", "02"))
    assert [view.state for view in store.orders()] == ["impossible"]
    await store.record_outcome(done("t2"))
    assert [one.outcome for one in await sent(store)] == ["accepted", "impossible", "done"]


async def test_an_order_that_is_withdrawn_can_be_reported_by_whoever_had_done_it(store: Store) -> None:
    await store.store_orders(orders(1000, order()))
    await store.store_orders(orders(2000))
    assert [view.state for view in store.orders()] == ["withdrawn"]
    assert await store.record_outcome(done()) is not None
    assert await store.record_outcome(done("t9", "W9")) is None


async def test_what_was_withdrawn_long_ago_is_forgotten(store: Store) -> None:
    await store.store_orders(orders(1000, order()))
    await store.store_orders(orders(2000))
    await store.store_orders(orders(2001 + 7 * 24 * 3600 * 1000))
    assert store.orders() == []


async def test_a_key_is_wiped_once_the_centre_has_it(store: Store) -> None:
    await store.store_orders(orders(1000, order()))
    await store.record_outcome(done())
    batch = await store.seal(100)
    assert batch is not None
    assert [view.outcomes[0].new_key for view in store.orders()] == [KEY]
    await store.apply_acks([Ack(1, DEVICE, batch.boot, batch.number)])
    assert [view.outcomes[0].new_key for view in store.orders()] == [None]
    counts = store.counts()
    assert counts.telegrams + counts.typed + counts.events == counts.pending + counts.acknowledged + counts.refused


async def test_a_closed_list_names_the_meters_of_its_stops_and_orders(store: Store) -> None:
    assert store.closed_list() is None
    await store.store_route(route(1000, "R1", stop()))
    assert store.closed_list() is None
    await store.store_orders(orders(1000, order(meter="KAM-00000009-1B-16")))
    await store.store_route(msgspec.structs.replace(route(2000, "R1", stop()), closed=True))
    assert store.closed_list() == {METER, "KAM-00000009-1B-16"}
