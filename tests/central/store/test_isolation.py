"""PostgreSQL itself shows a connection only its own utility's rows, whatever the program asks."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date
from typing import Any

import pytest
from psycopg import sql
from sqlalchemy import Engine, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError

from central import journal, register
from central.register.contracts import Terms
from central.store import isolation, open_engine, write_session
from central.store.migrate import _is_current
from central.store.models import Base, SupplyPoint
from tests.central.conftest import BY, NOW

pytestmark = pytest.mark.postgres
ROLE = "sgc_test_web"


@pytest.fixture
def owner(postgres_database: str) -> Iterator[Engine]:
    """Two utilities with a house each, as the tables' owner."""
    engine = open_engine(postgres_database)
    for number, code in enumerate(("agost", "busot"), 1):
        with write_session(engine) as session:
            utility = register.add_utility(
                session, code, code, "P0300200C", "03002", address={}, contact={}, settings={}, by=BY
            )
            point = register.add_supply_point(
                session, utility.id, "S1", street="Major", number="1", postal_code="03698", ine_code="03002", by=BY
            )
            customer = register.add_customer(session, utility.id, "C1", nif="12345678Z", name="Ana", by=BY)
            register.sign_contract(session, point, "K1", customer, Terms(use="domestic"), date(2026, 1, 1), by=BY)
            register.enrol_device(session, utility.id, f"tpl-{number}", by=BY)
    yield engine
    engine.dispose()


@pytest.fixture
def web(postgres: Any, owner: Engine) -> Iterator[dict[int | None, Engine]]:
    """Engines of a role that owns nothing, by the utility they are scoped to."""
    with closing(postgres.connect()) as connection:
        connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(ROLE)))
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(ROLE)))
    with owner.begin() as connection:
        isolation.grant(connection, ROLE)
        ids = connection.scalars(text("SELECT id FROM utility ORDER BY code")).all()
    url = make_url(owner.url.render_as_string(hide_password=False)).set(username=ROLE)
    plain = url.render_as_string(hide_password=False)
    engines: dict[int | None, Engine] = {None: open_engine(plain)}
    engines |= {number: open_engine(isolation.scoped(plain, number)) for number in ids}
    yield engines
    for engine in engines.values():
        engine.dispose()
    with owner.begin() as connection:
        connection.exec_driver_sql(f"DROP OWNED BY {ROLE}")
    with closing(postgres.connect()) as connection:
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(ROLE)))


def utilities_seen(engine: Engine) -> dict[str, set[int]]:
    with engine.connect() as connection:
        return {
            table: set(connection.scalars(select(Base.metadata.tables[table].c.utility_id).distinct()))
            for table in isolation.tables()
        }


def test_a_query_without_where_sees_only_its_own_utility(owner: Engine, web: dict[int | None, Engine]) -> None:
    everything = utilities_seen(owner)
    ids = {number for number in web if number is not None}
    filled = {table for table, seen in everything.items() if seen == ids}
    assert {"supply_point", "customer", "contract", "device", "audit_entry"} <= filled
    for number in ids:
        seen = utilities_seen(web[number])
        assert {table for table, found in seen.items() if found == {number}} == filled
        assert all(found <= {number} for found in seen.values())


def test_without_a_utility_nothing_is_seen(web: dict[int | None, Engine]) -> None:
    assert set().union(*utilities_seen(web[None]).values()) == set()


def test_another_utilitys_rows_can_neither_be_written_nor_changed(web: dict[int | None, Engine]) -> None:
    mine, theirs = sorted(number for number in web if number is not None)
    with pytest.raises(ProgrammingError, match="row-level security"), write_session(web[mine]) as session:
        journal.record(session, theirs, "x", "x", "x", None, at=NOW)
    with web[mine].begin() as connection:
        assert connection.execute(text("UPDATE supply_point SET detail = 'mine'")).rowcount == 1
    with web[theirs].connect() as connection:
        assert connection.scalars(select(SupplyPoint.detail)).all() == [""]


def test_the_services_work_in_their_scope(web: dict[int | None, Engine]) -> None:
    mine = min(number for number in web if number is not None)
    with write_session(web[mine]) as session:
        register.add_customer(session, mine, "C2", nif="12345678Z", name="Pau", by=BY)


def test_a_role_that_serves_cannot_lift_the_net(web: dict[int | None, Engine]) -> None:
    mine = min(number for number in web if number is not None)
    with pytest.raises(ProgrammingError), web[mine].begin() as connection:
        connection.exec_driver_sql("ALTER TABLE customer DISABLE ROW LEVEL SECURITY")


def test_a_database_that_lost_a_policy_is_not_current(owner: Engine) -> None:
    assert _is_current(owner)
    with owner.begin() as connection:
        policy = connection.scalar(text("SELECT policyname FROM pg_policies WHERE tablename = 'customer'"))
        connection.exec_driver_sql(f'DROP POLICY "{policy}" ON customer')
    assert not _is_current(owner)


def test_a_scope_joins_what_a_url_says_already() -> None:
    url = isolation.scoped("postgresql+psycopg://u@h/db?options=-cstatement_timeout%3D5", 7)
    assert make_url(url).query["options"] == "-cstatement_timeout=5 -csgc.utility=7"
    assert isolation.scoped("sqlite:///x.db", 7) == "sqlite:///x.db"
