"""A town whose first month can be billed."""

from datetime import date

import pytest
from sqlalchemy import Engine

from tests.central.factories import Town, found

DAYS = (date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1))


@pytest.fixture
def town(engine: Engine) -> Town:
    """Seven houses, read at the start of January, February and March."""
    town = found(engine, 7)
    town.read_all(DAYS)
    return town
