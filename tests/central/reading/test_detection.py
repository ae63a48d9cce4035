"""Detection on a simulated town, whose leaks and stopped registers are known."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from central.reading.rows import READING_COLUMNS
from central.reading.validation import validate
from central.register import (
    Change,
    add_customer,
    add_meter,
    add_supply_point,
    add_utility,
    install_meter,
    sign_contract,
)
from central.register.contracts import Terms
from central.store import open_engine, read_session, write_session
from central.store.bulk import insert_rows
from central.store.models import Finding, Meter, Reading, ReadingStatus
from central.times import MADRID, millis
from firmware_sim.meters import SimMeter
from firmware_sim.town import Town

EVERY_HOURS = 4


@pytest.fixture
def engine(sqlite_database: str) -> Engine:
    return open_engine(sqlite_database)


@pytest.mark.parametrize("seed", [1, 3])
def test_leaks_and_stopped_registers_are_found_and_nobody_else(engine: Engine, tmp_path: Path, seed: int) -> None:
    town = Town.build(meters=60, months=3, seed=seed)
    heard_from(engine, town)
    with read_session(engine) as session:
        found = {(row.rule, row.subject) for row in session.scalars(select(Finding))}
        judged = session.scalars(select(Reading).where(Reading.status != ReadingStatus.VALID)).all()
    leaking = {str(meter.address) for meter in town.meters if meter.behaviour == "leak"}
    stopped = {str(meter.address) for meter in town.meters if meter.behaviour == "stopped"}
    assert leaking
    assert stopped
    assert {subject for rule, subject in found if rule == "continuous_flow"} == leaking
    assert {subject for rule, subject in found if rule == "stopped_meter"} == stopped
    assert {rule for rule, _ in found} <= {"continuous_flow", "high_low", "stopped_meter", "zero_use"}
    assert judged == []
    engine.dispose()


def heard_from(engine: Engine, town: Town) -> None:
    """Register the town's meters, hear each every few hours without a fault, and validate."""
    start = datetime.combine(town.start, time(), MADRID).astimezone(UTC)
    end = datetime.combine(town.end, time(), MADRID).astimezone(UTC)
    instants = [
        start + timedelta(hours=hours) for hours in range(0, int((end - start).total_seconds()) // 3600, EVERY_HOURS)
    ]
    by = Change("test", end)
    with write_session(engine) as session:
        utility = add_utility(session, "town", "Town", "P0300200C", "03002", address={}, contact={}, settings={}, by=by)
        for number, meter in enumerate(town.meters):
            row = add_meter(
                session, utility.id, address=str(meter.address), serial=f"S{number}", calibre_mm=meter.calibre_mm,
                modulus_litres=10**9, radio=meter.radio, by=by,
            )  # fmt: skip
            live_in(session, utility.id, row, meter, number, by)
            hangs = [at for at in instants if hangs_at(town, meter, at)]
            rows = [
                (utility.id, millis(at) + number, row.id, 1, 0, town.index_at(meter, at), 1, "", None, None, None, 0)
                for at in hangs
            ]
            insert_rows(session, Reading, READING_COLUMNS, rows)
        validate(session, utility.id, None, end)


def live_in(session: Session, utility_id: int, row: Meter, meter: SimMeter, number: int, by: Change) -> None:
    """A contract where the meter hangs: the rule for leaks asks how many dwellings a meter serves."""
    point = add_supply_point(
        session, utility_id, f"P{number}", street="X", number="1", postal_code="03698", ine_code="03002", by=by
    )
    install_meter(session, point, row, by.at, None, by=by)
    customer = add_customer(session, utility_id, f"C{number}", nif="12345678Z", name="Ana", by=by)
    terms = Terms(use="domestic", dwellings=meter.house.dwellings)
    sign_contract(session, point, f"K{number}", customer, terms, by.at.date(), by=by)


def hangs_at(town: Town, meter: SimMeter, at: datetime) -> bool:
    """Whether a meter is on its place at an instant."""
    return town.first_instant(meter) <= at and (meter.on_until is None or at < meter.on_until)
