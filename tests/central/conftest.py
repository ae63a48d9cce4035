"""A small registered utility that the tests of the centre start from."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from central import register
from central.register.contracts import Terms
from central.store import open_engine, write_session
from central.store.models import SupplyPoint

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
INSTALLED = datetime(2026, 1, 1, tzinfo=UTC)
BY = register.Change("test", NOW)
METERS = 3


@dataclass
class Town:
    """A utility with three houses, one meter each that was not read when it was hung, one device and one route."""

    engine: Engine
    ring: register.KeyRing
    utility_id: int = 0
    device: str = "tpl-1"
    meters: list[str] = field(default_factory=list)
    meter_ids: list[int] = field(default_factory=list)
    points: list[str] = field(default_factory=list)


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    """An engine on a migrated, empty database."""
    engine = open_engine(database)
    yield engine
    engine.dispose()


@pytest.fixture
def town(engine: Engine, tmp_path: Path) -> Town:
    """The registered utility."""
    return found_town(engine, register.KeyRing.create(tmp_path / "town.keys"))


def found_town(engine: Engine, ring: register.KeyRing) -> Town:
    """Register the utility in an empty database."""
    town = Town(engine, ring)
    with write_session(engine) as session:
        utility = register.add_utility(
            session, "agost", "Aguas de Agost", "P0300200C", "03002", address={}, contact={}, settings={}, by=BY
        )
        town.utility_id = utility.id
        for number in range(1, METERS + 1):
            point = register.add_supply_point(
                session, utility.id, f"S{number}", street="Carrer Major", number=str(number), postal_code="03698",
                ine_code="03002", by=BY,
            )  # fmt: skip
            meter = register.add_meter(
                session, utility.id, address=f"KAM-0000000{number}-1B-16", serial=f"K{number}", calibre_mm=15,
                q3_litres_hour=2500, modulus_litres=10**8, radio=True, by=BY,
            )  # fmt: skip
            register.add_meter_key(session, meter, bytes([number]) * 16, ring, by=BY)
            register.install_meter(session, point, meter, INSTALLED, None, by=BY)
            customer = register.add_customer(session, utility.id, f"C{number}", nif="12345678Z", name="Ana", by=BY)
            terms = Terms(use="domestic", persons=3)
            register.sign_contract(session, point, f"K-{number}", customer, terms, date(2026, 1, 1), by=BY)
            town.meters.append(meter.address)
            town.meter_ids.append(meter.id)
            town.points.append(point.code)
        device = register.enrol_device(session, utility.id, town.device, by=BY)
        register.build_route(session, utility.id, "R1", "Centre", date(2026, 11, 24), device=device, by=BY)
    return town


def point_of(session: Session, town: Town, number: int) -> SupplyPoint:
    """The supply point of the house with this number."""
    point = register.find_supply_point(session, town.utility_id, f"S{number}")
    assert point is not None
    return point
