"""Pages of rows that cannot be: a number of any length is that of nothing, never a fault."""

import httpx
import pytest
from fastapi import FastAPI, Request

from central.access import create_user, load_site
from central.access.sessions import open_session
from central.register import KeyRing
from central.store import open_engine, read_session, write_session
from portal.app import create_app, show_no_such_row
from portal.config import PortalConfig
from tests.central.api.conftest import Inside
from tests.central.conftest import found_town


@pytest.fixture
def office(sqlite_database: str, tmp_path_factory: pytest.TempPathFactory) -> httpx.Client:
    engine = open_engine(sqlite_database)
    town = found_town(engine, KeyRing.create(tmp_path_factory.mktemp("keys") / "town.keys"))
    app: FastAPI = create_app(PortalConfig(sqlite_database, "agost", secure=False))
    app.state.engine = engine
    with write_session(engine) as session:
        user = create_user(session, town.utility_id, "ana", "una clave muy larga", role="supervisor", name="Ana")
        token = open_session(session, user)
    with read_session(engine) as session:
        app.state.site = load_site(session, "agost")
    return httpx.Client(transport=Inside(app), base_url="http://sgc.test", cookies={"sgc": token})


@pytest.mark.parametrize("number", [2**63, 10**40])
def test_no_row_has_a_number_that_the_database_cannot_hold(office: httpx.Client, number: int) -> None:
    for path in ("tandas/{}", "contratos/{}", "rectificativas/{}", "rutas/{}", "fiscal/{}", "ordenes?antes={}"):
        page = office.get(f"/oficina/{path.format(number)}")
        assert page.status_code == 404, path
        assert "text/html" in page.headers["content-type"]


async def test_another_overflow_stays_a_fault() -> None:
    with pytest.raises(OverflowError, match="date value out of range"):
        await show_no_such_row(Request({"type": "http"}), OverflowError("date value out of range"))
