"""A town of three houses whose January and February can be billed, and one supply point without contract or meter."""

from datetime import date

import pytest
from sqlalchemy import Engine

from central import register
from central.store import write_session
from tests.central.factories import Town, found
from tests.central.lifecycle.support import CLERK

EMPTY = "PS-NEW"


@pytest.fixture
def town(engine: Engine) -> Town:
    """Houses read at the start of January, February and March: 1,000, 11,000 and 21,000 litres of the first."""
    town = found(engine, 3)
    town.read_all((date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)))
    with write_session(engine) as session:
        register.add_supply_point(
            session, town.utility_id, EMPTY, street="Carrer Nou", number="2", postal_code="03698", ine_code="03002",
            by=CLERK,
        )  # fmt: skip
    return town
