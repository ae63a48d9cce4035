"""The compiled reader of batches gives the rows that the typed messages give, and takes nothing else for plain."""

import random
from datetime import date
from functools import partial

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given
from sqlalchemy import select

from central.reading import ingest as room
from central.reading.arrivals import Arrival, open_arrival
from central.reading.columns import scan
from central.reading.ingest import Ingest
from central.store import read_session
from central.store.models import Quarantine, Reading, Telegram
from protocols.sync import ClockStamp, Item, TelegramItem
from tests.central.conftest import Town
from tests.central.reading.support import NOW_MS, FakeDevice

NUMBERS = st.integers(-(2**70), 2**70) | st.integers(-130, 130) | st.integers(-(2**16), 2**16)
TEXTS = st.text(max_size=40) | st.sampled_from(["", "T1", "decrypted", "key_missing", "KAM-00000001-1B-16", "ñ", "\0"])
TELEGRAMS = st.builds(
    TelegramItem,
    id=st.integers(-(2**63), 2**63 - 1),
    at=st.builds(ClockStamp, st.integers(0, 10**14), st.integers(-(2**63), 2**63 - 1), st.booleans()),
    frame=st.binary(max_size=300),
    mode=TEXTS,
    rssi_dbm=st.none() | st.integers(-40_000, 40_000),
    receiver=TEXTS,
    crc_checked_by=TEXTS,
    state=TEXTS,
    meter=st.none() | TEXTS,
    access_no=st.none() | st.integers(-40_000, 40_000),
    litres=st.none() | st.integers(0, 10**15),
    due=st.lists(st.tuples(st.integers(-5, 10**7), st.integers(0, 10**15)), max_size=20).map(tuple),
    alarms=st.lists(TEXTS, max_size=2).map(tuple),
    meter_time=st.none() | TEXTS,
    proof=st.none() | TEXTS,
)
decoder = msgspec.msgpack.Decoder(tuple[Item, ...])


@given(st.lists(TELEGRAMS, max_size=12))
def test_what_is_not_plain_keeps_its_bytes(items: list[TelegramItem]) -> None:
    columns = scan(msgspec.msgpack.encode(items))
    assert columns is not None
    assert len(columns) == len(items) == columns.count + len(columns.others)
    others = {place: msgspec.msgpack.decode(raw, type=Item) for place, raw in columns.others}
    assert all(items[place] == item for place, item in others.items())
    plain = [item for place, item in enumerate(items) if place not in others]
    assert all(
        item.at.trusted and not item.alarms and item.state not in ("key_missing", "key_wrong", "unsupported")
        for item in plain
    )
    assert set(columns.addresses) == {item.meter for item in plain if item.meter is not None}
    assert set(columns.receivers) == {item.receiver for item in plain}


@given(st.binary(max_size=200) | st.lists(TELEGRAMS, max_size=3).map(msgspec.msgpack.encode), st.data())
def test_no_bytes_break_it_and_what_it_takes_the_messages_take_too(raw: bytes, data: st.DataObject) -> None:
    if raw:
        place = data.draw(st.integers(0, len(raw) - 1))
        raw = raw[:place] + data.draw(st.binary(max_size=2)) + raw[place + 1 :]
    columns = scan(raw)
    if columns is None or columns.others:
        return
    assert len(decoder.decode(raw)) == columns.count


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
@pytest.mark.parametrize("seed", range(3))
def test_both_ways_write_the_same_rows(town: Town, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same batches, to two devices' names: once as columns, once as typed messages, and then all of them again."""
    arrivals = mixed_batches(town, random.Random(seed))
    half = len(arrivals) // 2
    Ingest(town.engine, town.ring).apply(arrivals[:half])
    Ingest(town.engine, town.ring).apply(arrivals[half:])
    as_columns = everything(town)
    with monkeypatch.context() as patch:
        patch.setattr(room, "open_arrival", partial(_typed, open_arrival))
        outcomes = Ingest(town.engine, town.ring).apply(arrivals).outcomes
    assert {outcome.fate for outcome in outcomes} == {"repeated"}
    assert everything(town) == as_columns
    assert as_columns == expected(town, arrivals, monkeypatch)


def _typed(opener: object, arrival: Arrival, *, columnar: bool) -> object:
    assert columnar
    return opener(arrival)  # type: ignore[operator]


def expected(town: Town, arrivals: list[Arrival], monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], ...]:
    """What the typed messages write, into a copy of the town that holds nothing yet."""
    with town.engine.begin() as connection:
        connection.exec_driver_sql("SET session_replication_role = replica")
        for table in ("telegram", "reading", "ingest_batch", "quarantine", "finding", "receiver"):
            connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608
        connection.exec_driver_sql("SET session_replication_role = DEFAULT")
    monkeypatch.setattr(room, "open_arrival", partial(_typed, open_arrival))
    ingest = Ingest(town.engine, town.ring)
    for arrival in arrivals:
        ingest.apply([arrival])
    return everything(town)


def mixed_batches(town: Town, chance: random.Random) -> list[Arrival]:
    """Telegrams of known, unknown and nameless meters, with and without alarms, due dates, trusted clocks, seals."""
    device = FakeDevice()
    arrivals = []
    for number in range(12):
        items: list[Item] = []
        for place in range(40):
            at_ms = NOW_MS - 10**6 + number * 50_000 + place * 7 + chance.choice([0, 0, 10**7 * (place == 3)])
            meter = chance.choice([*town.meters, "KAM-99999999-1B-16", None])
            items.append(
                device.telegram(
                    meter,
                    chance.choice([None, number * 1000 + place, 10**9]),
                    at_ms,
                    due=[(date(2026, 11, 1), 900 + town.meters.index(meter) if meter in town.meters else 0)][
                        : place % 2
                    ],
                    alarms=("leak",) if place == 7 else (),
                    state="key_missing" if place == 9 else "none",
                    at=ClockStamp(at_ms, at_ms * 10**6, False) if place == 11 else None,
                    receiver=chance.choice(["dongle", "antena ñ"]),
                )
            )
            # Heard twice in the same millisecond, once with another index: the first one stays.
            if place == 20:
                items.append(msgspec.structs.replace(items[-1], id=device.item_id()))
        items.append(device.event("clock"))
        arrivals.append(device.arrival(*items))
    return arrivals


def everything(town: Town) -> tuple[list[str], ...]:
    """Every row that telegrams lead to, without the identifiers."""
    telegram = [column for column in Telegram.__table__.columns if column.name not in ("id", "batch_id")]
    reading = [column for column in Reading.__table__.columns if not column.name.startswith("telegram")]
    with read_session(town.engine) as session:
        return (
            sorted(map(repr, session.execute(select(*telegram)).all())),
            sorted(map(repr, session.execute(select(*reading)).all())),
            sorted(map(repr, session.execute(select(Quarantine.kind, Quarantine.reason)).all())),
        )


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_an_index_that_is_there_already_is_told_and_the_rest_recorded(town: Town) -> None:
    one, other = FakeDevice(), FakeDevice(boot="99999999-8888-7777-6666-555555555555", last_item=500)
    ingest = Ingest(town.engine, town.ring)
    ingest.apply([one.arrival(one.telegram(town.meters[0], 1000, NOW_MS - 5000))])
    again = other.arrival(
        other.telegram(town.meters[0], 1001, NOW_MS - 5000),
        other.telegram(town.meters[1], 2000, NOW_MS - 4000),
        other.telegram(town.meters[1], 2001, NOW_MS - 3000),
    )
    ingest.apply([again])
    with read_session(town.engine) as session:
        rows = session.execute(select(Reading.at_ms, Reading.litres).order_by(Reading.at_ms)).all()
        reasons = session.scalars(select(Quarantine.reason)).all()
    assert [tuple(row) for row in rows] == [(NOW_MS - 5000, 1000), (NOW_MS - 4000, 2000), (NOW_MS - 3000, 2001)]
    assert len(reasons) == 1
    assert "1001" in reasons[0]
    assert "recorded as 1000" in reasons[0]


def test_a_plain_telegram_is_plain() -> None:
    device = FakeDevice()
    items = [device.telegram("KAM-00000001-1B-16", 5, due=[(date(2026, 11, 1), 4)]), device.telegram(None, None)]
    columns = scan(msgspec.msgpack.encode(items))
    assert columns is not None
    assert (columns.count, columns.others, columns.addresses) == (2, [], ["KAM-00000001-1B-16"])
