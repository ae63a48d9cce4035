"""Whatever the order, however often, and wherever the process dies: the centre holds exactly what was sent, once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import date
from itertools import islice
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import select, text

from central.reading.arrivals import Arrival
from central.reading.ingest import Ingest
from central.register.keys import KeyRing
from central.store import open_engine, read_session
from central.store.models import Telegram
from tests.central.conftest import NOW, Town, found_town
from tests.central.reading.support import NOW_MS, FakeDevice, counts, kept, readings

BATCHES = 6
CHILD = """
import sys
from pathlib import Path
from tests.central.reading.test_replay import apply_from

apply_from(sys.argv[1], Path(sys.argv[2]))
"""


def sent_batches(town: Town) -> list[Arrival]:
    """Two boots of one device, telegrams with due dates, a correction before and behind its original, a leak."""
    one, two = FakeDevice(), FakeDevice(boot="99999999-8888-7777-6666-555555555555", last_item=1000)
    arrivals = []
    for number in range(BATCHES // 2):
        for device, house in ((one, 1), (two, 2)):
            wrong = device.typed("S3", town.meters[2], 90_000 + number, NOW_MS - 500_000 - number - house * 10)
            arrivals.append(
                device.arrival(
                    device.telegram(
                        town.meters[house - 1], 1000 + number, NOW_MS - 100_000 + number,
                        due=[(date(2026, 11, 1), 900)], alarms=("leak",) if number else (),
                    ),
                    device.telegram("KAM-99999999-1B-16", number, NOW_MS - 90_000 + number),
                    wrong,
                    device.typed("S3", town.meters[2], 3000 + number, NOW_MS - number - house * 10, replaces=wrong.id),
                )
            )  # fmt: skip
    return arrivals


def state(town: Town) -> tuple[object, ...]:
    """Everything of what arrived that does not depend on when it did."""
    with read_session(town.engine) as session:
        telegrams = sorted(
            tuple(row)
            for row in session.execute(select(Telegram.received_ms, Telegram.item, Telegram.frame, Telegram.litres))
        )
        findings = sorted(
            tuple(row) for row in session.execute(text("SELECT rule, subject, since_ms, until_ms, status FROM finding"))
        )
    return (
        telegrams,
        readings(town.engine),
        readings(town.engine, status=None),
        findings,
        counts(town.engine),
        kept(town.engine),
    )


@given(data=st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_interleaving_of_duplicates_ends_the_same(
    data: st.DataObject, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    town, expected = reference(sqlite_template, tmp_path_factory)
    arrivals = sent_batches(town)
    order = data.draw(st.permutations([*range(BATCHES), *data.draw(st.lists(st.integers(0, BATCHES - 1), max_size=8))]))
    cuts = data.draw(st.lists(st.integers(1, 4), min_size=len(order), max_size=len(order)))
    ingest = Ingest(town.engine, town.ring)
    places = iter(order)
    for size in cuts:
        group = [arrivals[place] for place in islice(places, size)]
        if group:
            ingest.apply(group)
    assert state(town) == expected
    town.engine.dispose()


def reference(template: Path, folders: pytest.TempPathFactory) -> tuple[Town, tuple[object, ...]]:
    """A fresh town, and what another one holds after everything arrived once and in order."""
    towns = []
    for _ in range(2):
        path = folders.mktemp("town") / "sgc.db"
        path.write_bytes(template.read_bytes())
        towns.append(found_town(open_engine(f"sqlite:///{path}"), KeyRing.create(path.with_suffix(".keys"))))
    Ingest(towns[0].engine, towns[0].ring).apply(sent_batches(towns[0]))
    expected = state(towns[0])
    towns[0].engine.dispose()
    return towns[1], with_meters_of(expected, towns[0], towns[1])


def with_meters_of(expected: tuple[object, ...], one: Town, other: Town) -> tuple[object, ...]:
    """The same with the other town's meter ids."""
    ids = dict(zip(one.meter_ids, other.meter_ids, strict=True))

    def renamed(rows: object) -> object:
        assert isinstance(rows, set)
        return {(ids[row[0]], *row[1:]) for row in rows}

    return (expected[0], renamed(expected[1]), renamed(expected[2]), *expected[3:])


def test_a_process_killed_while_applying_loses_and_doubles_nothing(town: Town, database: str, tmp_path: Path) -> None:
    device = FakeDevice()
    sent = [
        device.sealed(
            *(device.telegram(town.meters[n % 3], 1000 + n, NOW_MS - 10**6 + batch * 1000 + n) for n in range(200))
        )
        for batch in range(60)
    ]
    spool = tmp_path / "spool"
    spool.mkdir()
    for number, payload in enumerate(sent):
        (spool / f"{number:03}").write_bytes(payload)
    for delay in (0.02, 0.1, 0.25):
        kill_while_applying(database, spool, delay, town)
    Ingest(town.engine, town.ring).apply([Arrival(device.name, payload, NOW) for payload in sent])
    found = counts(town.engine)
    assert (found["ingest_batch"], found["telegram"], found["reading"]) == (60, 12_000, 12_000)
    with read_session(town.engine) as session:
        items = session.scalars(select(Telegram.item)).all()
    assert sorted(items) == list(range(1, 12_001))


def kill_while_applying(database: str, spool: Path, delay: float, town: Town) -> None:
    """Apply everything in a child and kill it ``delay`` seconds after its first commit."""
    before = counts(town.engine)["ingest_batch"]
    child = subprocess.Popen([sys.executable, "-c", CHILD, database, str(spool)], cwd=Path(__file__).parents[3])
    while counts(town.engine)["ingest_batch"] == before and child.poll() is None:
        time.sleep(0.005)
    time.sleep(delay)
    child.send_signal(signal.SIGKILL)
    child.wait()


def apply_from(database: str, spool: Path) -> None:
    """Apply the batches of a folder over and over, in an order of this process, until killed."""
    engine = open_engine(database)
    ingest = Ingest(engine)
    payloads: Sequence[bytes] = [path.read_bytes() for path in sorted(spool.iterdir())]
    for start in range(len(payloads)):
        place = (start * 7 + os.getpid()) % len(payloads)
        ingest.apply([Arrival("tpl-1", payloads[(place + step) % len(payloads)], NOW) for step in range(3)])
