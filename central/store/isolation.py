"""Row-level security on PostgreSQL: the second net under the policy of :mod:`central.access`.

Every table with a ``utility_id`` shows and takes only rows of the utility that the connection is scoped to
(:func:`scoped`), and none without. The tables' owner is not held by it: migrations, the ingest of all utilities, the
audit and the commands run as the owner. What serves one utility runs as another role, made by the operator and
given what it needs by :func:`grant`; partitions are reached through their table alone.
"""

# ruff: noqa: S608 - every name in these statements is a table of the models or a quoted role
import hashlib

from sqlalchemy import Connection, text
from sqlalchemy.engine import URL, make_url

from central.store import models
from central.store.partitions import SIGNATURE

PREFIX = "isolation_"
SETTING = "sgc.utility"
_RULE = f"utility_id = nullif(current_setting('{SETTING}', true), '')::integer"


def tables() -> list[str]:
    """Every table that holds rows of utilities."""
    return [table.name for table in models.Base.metadata.sorted_tables if "utility_id" in table.columns]


def are_current(connection: Connection) -> bool:
    """Whether the database has exactly these policies; SQLite, which has no roles, has none to have."""
    if connection.dialect.name != "postgresql":
        return True
    query = text(f"SELECT tablename, policyname FROM pg_policies WHERE policyname LIKE '{PREFIX}%'")
    return {tuple(row) for row in connection.execute(query)} == {(table, _name()) for table in tables()}


def install(connection: Connection) -> None:
    """Make every policy anew; the schema must be the newest."""
    if connection.dialect.name != "postgresql":
        return
    query = text(f"SELECT tablename, policyname FROM pg_policies WHERE policyname LIKE '{PREFIX}%'")
    for table, policy in connection.execute(query).all():
        connection.exec_driver_sql(f'DROP POLICY "{policy}" ON "{table}"')
    for table in tables():
        connection.exec_driver_sql(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
        connection.exec_driver_sql(f'CREATE POLICY "{_name()}" ON "{table}" USING ({_RULE}) WITH CHECK ({_RULE})')


def grant(connection: Connection, role: str) -> None:
    """Let a role that owns nothing serve one utility at a time: rows of every table, never their definition.

    Months of the partitioned tables it makes by the function that makes nothing else.
    """
    quoted = connection.dialect.identifier_preparer.quote_identifier(role)
    for table in ("alembic_version", "utility"):
        connection.exec_driver_sql(f'GRANT SELECT ON "{table}" TO {quoted}')
    # Locking the utility's row orders the writers of its audit.
    connection.exec_driver_sql(f"GRANT UPDATE (id) ON utility TO {quoted}")
    # Many rows go through a table of the session (central.store.copying).
    database = connection.dialect.identifier_preparer.quote_identifier(str(connection.engine.url.database))
    connection.exec_driver_sql(f"GRANT TEMPORARY ON DATABASE {database} TO {quoted}")
    connection.exec_driver_sql(f"GRANT EXECUTE ON FUNCTION {SIGNATURE} TO {quoted}")
    for table in tables():
        connection.exec_driver_sql(f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{table}" TO {quoted}')


def scoped(url: str, utility_id: int) -> str:
    """The database's URL with the utility every connection is scoped to; SQLite's as it is."""
    parsed: URL = make_url(url)
    if parsed.get_backend_name() != "postgresql":
        return url
    known = parsed.query.get("options", "")
    options = known if isinstance(known, str) else " ".join(known)
    scope = f"{options} -c{SETTING}={utility_id}".strip()
    return parsed.update_query_dict({"options": scope}).render_as_string(hide_password=False)


def _name() -> str:
    return PREFIX + hashlib.sha256(_RULE.encode()).hexdigest()[:8]
