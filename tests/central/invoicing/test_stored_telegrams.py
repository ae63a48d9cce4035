"""Stored telegrams decoded again, compact frames among them."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from central.invoicing.decoding import StoredTelegrams
from central.ops.audit import audit
from central.register import KeyRing
from central.store import read_session
from central.store.models import Telegram, TelegramExplanation
from protocols import wmbus
from tests.central.factories import KEY, Town, found, give_keys
from tests.central.invoicing.driving import issued

JANUARY = datetime(2026, 1, 31, 22, 59, 58, tzinfo=UTC)
BEFORE = datetime(2026, 1, 15, 8, tzinfo=UTC)
BEHIND = datetime(2026, 2, 15, 8, tzinfo=UTC)


@pytest.fixture
def town(engine: Engine) -> Town:
    return found(engine, 1)


def litres_of(town: Town, at: datetime) -> int | None:
    """What the telegram heard at an instant says when it is decoded again."""
    with read_session(town.engine) as reading:
        keys = wmbus.Keyring({town.addresses[0]: KEY})
        heard = reading.scalars(select(Telegram).where(Telegram.received_ms == int(at.timestamp() * 1000))).one()
        stored = StoredTelegrams(reading, town.utility_id, keys)
        return stored.decode(heard.frame, heard.meter_id, heard.received_ms).total_litres


@pytest.mark.parametrize("full", [BEFORE, BEHIND])
def test_a_compact_frame_takes_its_format_from_its_meters_full_ones(town: Town, full: datetime) -> None:
    town.hear(0, JANUARY, 17_345, short=True)
    assert litres_of(town, JANUARY) is None
    town.hear(0, full, 17_000)
    assert litres_of(town, JANUARY) == 17_345


def test_a_bill_from_a_compact_frame_is_explained_and_stands_the_audit(town: Town, tmp_path: Path) -> None:
    keys = give_keys(town, tmp_path / "keys")
    town.read(0, date(2026, 1, 1), 5_000)
    town.hear(0, BEFORE, 11_000)
    town.hear(0, JANUARY, 17_345, short=True)
    issued(town, keys=keys)
    with read_session(town.engine) as reading:
        (row,) = reading.scalars(select(TelegramExplanation)).all()
    assert row.decoded["format_state"] == "compact_known"
    assert row.decoded["fields"]["total_m3"] == "17.345"
    ring = KeyRing.load(keys)
    assert {verdict.law: verdict.breaches for verdict in audit(town.engine, ring) if verdict.breaches} == {}
