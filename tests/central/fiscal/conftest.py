"""A town with an issued run, and the tax agency on this machine."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from central.config import AgencyConfig
from central.fiscal.agency import HttpAgency
from central.fiscal.sending import Sent, send_due
from tests.central.factories import NOW, Town, found
from tests.central.invoicing.driving import issued
from tests.fixtures.agency import TaxAgency, tax_agency

DAYS = (date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1))


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


class Office:
    """A town's line to the agency."""

    def __init__(self, town: Town, agency: TaxAgency) -> None:
        self.town, self.agency, self.clock = town, agency, Clock()

    def send(self) -> list[Sent]:
        """Everything that is due now."""
        with HttpAgency(AgencyConfig(timeout_s=30)) as line:
            return list(send_due(self.town.engine, self.town.utility_id, line, self.agency.url, self.clock))


@pytest.fixture
def town(engine: Engine) -> Town:
    """Seven houses, billed for January."""
    town = found(engine, 7)
    town.read_all(DAYS)
    issued(town)
    return town


@pytest.fixture
def agency(shared: Path) -> Iterator[TaxAgency]:
    """The agency over plain HTTP."""
    with tax_agency(shared / "data/billing/xsd/verifactu") as running:
        yield running


@pytest.fixture
def office(town: Town, agency: TaxAgency) -> Office:
    """The town, ready to send."""
    return Office(town, agency)
