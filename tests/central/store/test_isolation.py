"""PostgreSQL itself shows a connection only its own utility's rows, whatever the program asks."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyotp
import pytest
from psycopg import sql
from sqlalchemy import Engine, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, ProgrammingError

from central import journal, register
from central.access import create_user, identify, totp
from central.access.entry import Client, log_in
from central.access.factors import after_adding
from central.access.passwords import make_link
from central.register.contracts import Terms
from central.store import isolation, open_engine, partitions, write_session
from central.store.migrate import _is_current, migrate
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


def test_people_log_in_and_keep_their_factors_in_their_scope(web: dict[int | None, Engine], tmp_path: Path) -> None:
    mine, theirs = sorted(number for number in web if number is not None)
    ring = register.KeyRing.create(tmp_path / "kek")
    client = Client("203.0.113.7", "Firefox/140.0", None)
    with write_session(web[mine]) as session:
        ana = create_user(session, mine, "ana", "long enough", role="supervisor", name="Ana")
        assert log_in(session, mine, "ana", "a guess", client, NOW) is None
        entered = log_in(session, mine, "ana", "long enough", client, NOW)
        assert entered is not None
        secret = totp.shared_secret(totp.begin(session, ana, ring, NOW), ring)
        assert totp.confirm(session, ana, ring, pyotp.TOTP(secret).at(NOW), NOW)
        assert len(after_adding(session, ana, entered.token, NOW)) == 10
        assert make_link(session, mine, "ana", "ana", NOW)
    with write_session(web[theirs]) as session:
        assert identify(session, mine, entered.token, NOW) is None
        assert log_in(session, theirs, "ana", "long enough", client, NOW) is None


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


def test_every_table_with_a_utility_has_its_policy(owner: Engine) -> None:
    """Asked of the database, not of the models: a table that somebody forgot to declare is found too."""
    columns = text(
        "SELECT c.relname, c.relrowsecurity, count(p.polname) FROM pg_class c "
        "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'utility_id' AND NOT a.attisdropped "
        "LEFT JOIN pg_policy p ON p.polrelid = c.oid AND p.polname LIKE 'isolation_%' "
        "WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition "
        "GROUP BY c.oid ORDER BY 1"
    )
    with owner.connect() as connection:
        found = {name: (secured, policies) for name, secured, policies in connection.execute(columns)}
    assert {name for name, held in found.items() if held != (True, 1)} == set()
    assert set(found) == set(isolation.tables())


def test_only_the_utility_itself_is_beyond_a_utility() -> None:
    assert set(Base.metadata.tables) - set(isolation.tables()) == {"utility"}


def test_partitions_are_out_of_reach_of_a_role_that_serves(web: dict[int | None, Engine]) -> None:
    mine = min(number for number in web if number is not None)
    for partition in ("reading_default", "telegram_default"):
        with pytest.raises(ProgrammingError, match="permission denied"), web[mine].begin() as connection:
            connection.exec_driver_sql(f"SELECT * FROM {partition}")  # noqa: S608


def test_a_role_that_serves_makes_the_months_it_needs_and_no_other_table(
    owner: Engine, web: dict[int | None, Engine]
) -> None:
    mine = min(number for number in web if number is not None)
    at = datetime(2031, 12, 31, 23, tzinfo=UTC)
    with write_session(web[mine]) as session:
        point = session.scalars(select(SupplyPoint)).one()
        meter = register.add_meter(session, mine, serial="M1", calibre_mm=15, modulus_litres=10**8, radio=False, by=BY)
        register.install_meter(session, point, meter, at, 7, by=BY)
    with owner.connect() as connection:
        held = text("SELECT litres FROM reading_2031_12")
        assert connection.scalars(held).all() == [7]
        bounds = text("SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = 'reading_2031_12'")
        start, stop = partitions.month_bounds(2031, 12)
        assert connection.scalar(bounds) == f"FOR VALUES FROM ('{start}') TO ('{stop}')"
    for table, year, month in (("customer", 2031, 1), ("reading", 1999, 1), ("reading", 2031, 13)):
        with pytest.raises(DBAPIError), web[mine].begin() as connection:
            connection.execute(text(f"SELECT {partitions.MAKER}(:t, :y, :m)"), {"t": table, "y": year, "m": month})
    with pytest.raises(ProgrammingError, match="permission denied"), web[mine].begin() as connection:
        connection.exec_driver_sql("CREATE TABLE public.mine (id integer)")


def test_a_database_without_the_maker_of_months_is_not_current(owner: Engine) -> None:
    with owner.begin() as connection:
        connection.exec_driver_sql(f"DROP FUNCTION {partitions.SIGNATURE}")
    assert not _is_current(owner)
    migrate(owner)
    assert _is_current(owner)


def test_a_scope_joins_what_a_url_says_already() -> None:
    url = isolation.scoped("postgresql+psycopg://u@h/db?options=-cstatement_timeout%3D5", 7)
    assert make_url(url).query["options"] == "-cstatement_timeout=5 -csgc.utility=7"
    assert isolation.scoped("sqlite:///x.db", 7) == "sqlite:///x.db"
