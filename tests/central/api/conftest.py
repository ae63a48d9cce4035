"""The interface over a small billed town, a token for each role, and a second utility beside it."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, select

from central import lifecycle, register
from central.access import PERMISSIONS, create_token, create_user, load_site
from central.access.policy import Permission
from central.api import create_api, serve
from central.invoicing import run as runs
from central.register.contracts import Terms
from central.store import read_session, write_session
from central.store.models import Invoice, Utility
from tests.central.api.rows import add_rows
from tests.central.factories import NOW, Town, found

DAYS = (date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1))
BY = register.Change("test", NOW)
PLENTY = 1_000_000


class Inside(httpx.BaseTransport):
    """Requests to an application in this process."""

    def __init__(self, app: FastAPI) -> None:
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """One request, to its end."""
        return asyncio.run(self._answer(request))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        answer = await self._transport.handle_async_request(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())


@dataclass
class Served:
    """An application, the town behind it, and secrets by login; ``others`` are ids of the other utility."""

    app: FastAPI
    town: Town
    secrets: dict[str, str] = field(default_factory=dict)
    others: dict[str, int] = field(default_factory=dict)
    run_id: int = 0
    invoice_id: int = 0
    keys: Path = Path()

    def client(self, login: str) -> httpx.Client:
        """A program with this user's token."""
        headers = {"Authorization": f"Bearer {self.secrets[login]}"}
        return httpx.Client(transport=Inside(self.app), base_url="http://sgc.test", headers=headers)

    def token(self, login: str, scopes: tuple[Permission, ...]) -> str:
        """Another token of a user, narrowed."""
        with write_session(self.town.engine) as session:
            _, secret = create_token(
                session, self.town.utility_id, login, "narrow", timedelta(days=1), "test", datetime.now(UTC), scopes
            )
        return secret


@pytest.fixture
def served(engine: Engine, tmp_path: Path) -> Served:
    """Seven houses billed for January, a user of each role, and one house elsewhere."""
    town = found(engine, 7)
    town.read_all(DAYS)
    served = Served(create_api(PLENTY, "1000000 per minute"), town)
    with write_session(engine) as session:
        code = session.get_one(Utility, town.utility_id).code
        for role in PERMISSIONS:
            create_user(session, town.utility_id, role, "long enough", role=role, name=role)
            _, served.secrets[role] = create_token(
                session, town.utility_id, role, "test", timedelta(days=1), "test", datetime.now(UTC)
            )
        register.enrol_device(session, town.utility_id, "agost-1", by=BY)
        lifecycle.open_case(session, town.utility_id, _leaving("K-0000001"), by=BY)
        register.build_route(session, town.utility_id, "R1", "Centre", date(2026, 11, 24), by=BY)
    _bill(engine, served)
    served.keys = tmp_path / "api.keys"
    ring = register.KeyRing.create(served.keys)
    other = _found_other(engine, served)
    with write_session(engine) as session:
        add_rows(session, town.utility_id, ring, NOW)
        served.others |= add_rows(session, other, ring, NOW)
    with read_session(engine) as session:
        serve(served.app, engine, load_site(session, code), served.keys)
    return served


@pytest.fixture
def as_role(served: Served) -> Iterator[Callable[[str], httpx.Client]]:
    """Programs of the roles, closed at the end."""
    clients: list[httpx.Client] = []

    def client(login: str) -> httpx.Client:
        clients.append(served.client(login))
        return clients[-1]

    yield client
    for one in clients:
        one.close()


def _bill(engine: Engine, served: Served) -> None:
    town = served.town
    with write_session(engine) as session:
        served.run_id = runs.create(session, town.utility_id, town.plan(), "clerk", NOW).id
    runs.simulate(engine, town.utility_id, served.run_id, runs.Operator("clerk"), NOW)
    with write_session(engine) as session:
        run = runs.run_of(session, town.utility_id, served.run_id)
        runs.approve(session, run, "supervisor", NOW)
    runs.issue(engine, town.utility_id, served.run_id, runs.Operator("supervisor"), NOW)
    with read_session(engine) as session:
        served.invoice_id = session.scalars(select(Invoice.id).order_by(Invoice.id)).first() or 0


def _leaving(contract: str) -> lifecycle.Asked:
    return lifecycle.Asked("cancellation", date(2026, 3, 1), lifecycle.Details(), contract=contract)


def _found_other(engine: Engine, served: Served) -> int:
    with write_session(engine) as session:
        other = register.add_utility(
            session, "busot", "Aigües de Busot", "P0300200C", "03046", address={}, contact={}, settings={}, by=BY
        ).id
        point = register.add_supply_point(
            session, other, "S1", street="Major", number="1", postal_code="03111", ine_code="03046", by=BY
        )
        meter = register.add_meter(session, other, serial="B1", calibre_mm=15, modulus_litres=10**8, radio=False, by=BY)
        customer = register.add_customer(session, other, "C1", nif="12345678Z", name="Pau", by=BY)
        terms = Terms(use="domestic")
        contract = register.sign_contract(session, point, "B-1", customer, terms, date(2026, 1, 1), by=BY)
        device = register.enrol_device(session, other, "busot-1", by=BY)
        route = register.build_route(session, other, "R1", "Centre", date(2026, 11, 24), by=BY)
        user = create_user(session, other, "pau", "long enough", role="admin", name="Pau")
        _, served.secrets["elsewhere"] = create_token(
            session, other, "pau", "test", timedelta(days=1), "test", datetime.now(UTC)
        )
        create_user(session, other, "inspector", "long enough", role="supervisor", name="Inspector")
        _, served.secrets["their supervisor"] = create_token(
            session, other, "inspector", "test", timedelta(days=1), "test", datetime.now(UTC)
        )
        installation = register.install_meter(session, point, meter, NOW, 0, by=BY)
        served.others = {
            "supply-points": point.id,
            "meters": meter.id,
            "customers": customer.id,
            "contracts": contract.id,
            "devices": device.id,
            "routes": route.id,
            "users": user.id,
            "installations": installation.id,
            "contract-cases": lifecycle.open_case(session, other, _leaving("B-1"), by=BY).id,
        }
    return other
