"""What the database itself refuses, on SQLite and PostgreSQL alike: a program's bug cannot rewrite history.

* An issued or recorded row is not changed and not deleted, but for the columns its :class:`Frozen` names.
* Two current rows of the same thing do not overlap in time (:class:`NoOverlap`).
* A series' next number never falls.
* The drafts of a billing run change while it is simulated or reviewed, and are frozen once it is approved.
* On PostgreSQL a ledger transaction whose entries do not sum to zero is refused at commit. SQLite has no deferred
  trigger: there `sgc audit` finds it.

Every guard's name ends in a digest of its own text, so one query says whether a database has exactly these guards.
:func:`central.store.migrate.migrate` removes them before it changes a schema and installs them afterwards.
"""

# ruff: noqa: S608 - every name in these statements is a constant of this file
import hashlib
from dataclasses import dataclass

from sqlalchemy import Connection, Table, text

from central.store import models

PREFIX = "guard_"


@dataclass(frozen=True)
class Frozen:
    """Rows of ``table`` are never deleted, and never changed but for ``free`` columns and, from NULL, ``once`` ones."""

    table: str
    once: tuple[str, ...] = ()
    free: tuple[str, ...] = ()


@dataclass(frozen=True)
class NoOverlap:
    """Current rows with equal ``key`` columns do not overlap in [``start``, ``end``), where an open end is for ever."""

    table: str
    key: tuple[str, ...]
    start: str = "valid_from"
    end: str = "valid_to"
    bitemporal: bool = True


@dataclass(frozen=True)
class Guard:
    """One database object: its name, its table, how it is made and how it is removed."""

    name: str
    table: str
    create: str
    drop: str


FROZEN = (
    Frozen("audit_entry"),
    Frozen("bank_account", once=("retired_at",)),
    Frozen("compact_format"),
    Frozen("bulk_member", once=("retired_at",)),
    Frozen("bulk_supply", once=("retired_at",)),
    Frozen("consumption"),
    Frozen("contract", free=("valid_to",)),
    Frozen(
        "contract_case",
        once=("contract_id", "closed_at", "closed_by", "closed_why", "result"),
        free=("state", "effective_on", "details"),
    ),
    Frozen("contract_case_document"),
    Frozen("contract_charge"),
    Frozen("contract_holder", once=("retired_at",)),
    Frozen("contract_terms", once=("retired_at",)),
    Frozen("cut_fact", once=("retired_at",)),
    Frozen("device_event"),
    Frozen("fiscal_correction"),
    Frozen("fiscal_event"),
    Frozen("fiscal_outcome"),
    Frozen("fiscal_record"),
    Frozen("fiscal_regime", once=("decision", "decided_by", "decided_at", "decided_why")),
    Frozen("fiscal_signature"),
    Frozen("fiscal_submission", once=("answered_at", "verdict", "csv", "answer"), free=("state", "attempts")),
    Frozen("ingest_batch"),
    Frozen("installation", once=("retired_at",)),
    Frozen("invoice"),
    Frozen("invoice_document"),
    Frozen("ledger_entry"),
    Frozen("ledger_transaction"),
    Frozen("meter_key", once=("retired_at",)),
    # What the device said stays; what the centre made of it may come to be known later.
    Frozen("order_report", once=("order_id",), free=("status", "problem", "settled_by", "settled_at")),
    Frozen("passkey", once=("removed_at",), free=("sign_count", "used_at")),
    Frozen("password_link", once=("used_at",)),
    Frozen("quarantine", once=("utility_id", "resolved_at", "resolution"), free=("arrivals",)),
    Frozen("reading", free=("status", "reason")),
    Frozen("reading_day"),
    Frozen("recovery_code", once=("used_at", "retired_at")),
    Frozen("rectification", once=("decision", "decided_by", "decided_at", "decided_why")),
    Frozen("rectification_item", once=("result_id",)),
    Frozen(
        "refund",
        once=(
            *("decision", "decided_by", "decided_at", "decided_why", "order_id"),
            *("paid_on", "paid_by", "paid_at", "returned_on", "returned_why"),
        ),
    ),
    Frozen("refund_order"),
    Frozen("shared_value"),
    Frozen("supply_share", once=("retired_at",)),
    Frozen("tariff_version"),
    # A telegram's bytes are for ever; what they mean may become known later (key or meter registered afterwards).
    Frozen("telegram", once=("meter_id", "address", "litres"), free=("state", "proof", "access_no", "alarms")),
    Frozen("telegram_explanation"),
    Frozen("totp_secret", once=("confirmed_at", "removed_at"), free=("last_step",)),
    Frozen("visit"),
)
DRAFTS = ("draft_bill", "draft_block", "draft_exception")
NO_OVERLAP = (
    NoOverlap("bank_account", ("utility_id", "customer_id")),
    NoOverlap("bulk_member", ("utility_id", "supply_point_id")),
    NoOverlap("bulk_supply", ("utility_id", "supply_point_id")),
    NoOverlap("contract", ("utility_id", "supply_point_id"), bitemporal=False),
    NoOverlap("contract_holder", ("utility_id", "contract_id")),
    NoOverlap("contract_terms", ("utility_id", "contract_id")),
    NoOverlap("supply_share", ("utility_id", "supply_point_id", "contract_id")),
    NoOverlap("installation", ("utility_id", "meter_id"), "from_ms", "to_ms"),
    NoOverlap("installation", ("utility_id", "supply_point_id"), "from_ms", "to_ms"),
)


def expected(dialect: str) -> dict[str, Guard]:
    """The guards a database of ``dialect`` must have, by name."""
    make = _sqlite if dialect == "sqlite" else _postgresql
    return {guard.name: guard for guard in make()}


def installed(connection: Connection) -> set[str]:
    """The names of the guards the database has."""
    if connection.dialect.name == "sqlite":
        query = f"SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE '{PREFIX}%'"
    else:
        query = (
            f"SELECT tgname FROM pg_trigger WHERE tgname LIKE '{PREFIX}%' AND tgparentid = 0 AND NOT tgisinternal "
            f"UNION SELECT conname FROM pg_constraint WHERE conname LIKE '{PREFIX}%' AND contype = 'x'"
        )
    return set(connection.scalars(text(query)))


def are_current(connection: Connection) -> bool:
    """Whether the database has exactly the guards of this program."""
    return installed(connection) == set(expected(connection.dialect.name))


def remove(connection: Connection) -> None:
    """Drop every guard; only a migration may, and it installs them again before it commits."""
    if connection.dialect.name == "sqlite":
        for name in installed(connection):
            connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
        return
    rows = connection.execute(
        text(
            "SELECT tgrelid::regclass, tgname, 'TRIGGER' FROM pg_trigger "
            f"WHERE tgname LIKE '{PREFIX}%' AND tgparentid = 0 AND NOT tgisinternal AND tgconstraint = 0 "
            "UNION ALL SELECT conrelid::regclass, conname, 'CONSTRAINT' FROM pg_constraint "
            f"WHERE conname LIKE '{PREFIX}%' AND conparentid = 0"
        )
    ).all()
    for table, name, kind in rows:
        if kind == "TRIGGER" or name.startswith(f"{PREFIX}balance"):
            connection.exec_driver_sql(f'DROP TRIGGER "{name}" ON {table}')
        else:
            connection.exec_driver_sql(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')


def install(connection: Connection) -> None:
    """Create every guard; the schema must be the newest."""
    if connection.dialect.name == "postgresql":
        for statement in (*_POSTGRESQL_FUNCTIONS, _POSTGRESQL_DRAFTS.format(open=_OPEN_TO_CHANGE)):
            connection.execute(text(statement))
    for guard in expected(connection.dialect.name).values():
        connection.exec_driver_sql(guard.create)


def _named(table: str, what: str, create: str) -> Guard:
    digest = hashlib.sha256(create.encode()).hexdigest()[:8]
    name = f"{PREFIX}{what}_{digest}"
    return Guard(name, table, create.replace("{name}", name), name)


def _table(name: str) -> Table:
    return models.Base.metadata.tables[name]


def _held(frozen: Frozen) -> list[str]:
    changeable = {*frozen.once, *frozen.free}
    names = [column.name for column in _table(frozen.table).columns]
    unknown = changeable - set(names)
    if unknown:
        raise ValueError(f"guards: table {frozen.table} has no column {', '.join(sorted(unknown))}")
    return [name for name in names if name not in changeable]


# SQLite -------------------------------------------------------------------------------------------------------------


def _sqlite() -> list[Guard]:
    guards = []
    for frozen in FROZEN:
        guards.append(_sqlite_update(frozen))
        guards.append(_sqlite_delete(frozen.table))
    for rule in NO_OVERLAP:
        guards += [_sqlite_overlap(rule, event) for event in ("INSERT", "UPDATE")]
    guards += [_sqlite_drafts(table, event) for table in DRAFTS for event in ("UPDATE", "DELETE")]
    guards.append(_sqlite_series())
    guards.append(_sqlite_delete("series"))
    return guards


def _sqlite_update(frozen: Frozen) -> Guard:
    changed = [f"OLD.{name} IS NOT NEW.{name}" for name in _held(frozen)]
    changed += [f"(OLD.{name} IS NOT NULL AND OLD.{name} IS NOT NEW.{name})" for name in frozen.once]
    return _named(
        frozen.table,
        f"{frozen.table}_update",
        f"CREATE TRIGGER {{name}} BEFORE UPDATE ON {frozen.table} WHEN {' OR '.join(changed)} "
        f"BEGIN SELECT RAISE(ABORT, '{_frozen_text(frozen)}'); END",
    )


def _sqlite_delete(table: str) -> Guard:
    return _named(
        table,
        f"{table}_delete",
        f"CREATE TRIGGER {{name}} BEFORE DELETE ON {table} BEGIN SELECT RAISE(ABORT, '{_delete_text(table)}'); END",
    )


def _sqlite_overlap(rule: NoOverlap, event: str) -> Guard:
    end = "9223372036854775807" if rule.end.endswith("_ms") else "'9999-12-31'"
    same = " AND ".join(f"o.{name} = NEW.{name}" for name in rule.key)
    current = ("NEW.retired_at IS NULL AND ", " AND o.retired_at IS NULL") if rule.bitemporal else ("", "")
    return _named(
        rule.table,
        f"{rule.table}_{rule.key[-1]}_{event.lower()}",
        f"CREATE TRIGGER {{name}} BEFORE {event} ON {rule.table} WHEN {current[0]}"
        f"NEW.{rule.start} < coalesce(NEW.{rule.end}, {end}) AND EXISTS (SELECT 1 FROM {rule.table} o "
        f"WHERE {same} AND o.id <> NEW.id{current[1]} AND o.{rule.start} < coalesce(o.{rule.end}, {end}) "
        f"AND o.{rule.start} < coalesce(NEW.{rule.end}, {end}) AND coalesce(o.{rule.end}, {end}) > NEW.{rule.start}) "
        f"BEGIN SELECT RAISE(ABORT, '{_overlap_text(rule)}'); END",
    )


def _sqlite_series() -> Guard:
    return _named(
        "series",
        "series_update",
        "CREATE TRIGGER {name} BEFORE UPDATE ON series WHEN NEW.next_number < OLD.next_number "
        f"BEGIN SELECT RAISE(ABORT, '{_SERIES_TEXT}'); END",
    )


def _sqlite_drafts(table: str, event: str) -> Guard:
    return _named(
        table,
        f"{table}_{event.lower()}",
        f"CREATE TRIGGER {{name}} BEFORE {event} ON {table} WHEN EXISTS (SELECT 1 FROM billing_run r "
        f"WHERE r.utility_id = OLD.utility_id AND r.id = OLD.run_id AND r.status NOT IN ({_OPEN_TO_CHANGE})) "
        f"BEGIN SELECT RAISE(ABORT, '{_drafts_text(table)}'); END",
    )


# PostgreSQL ---------------------------------------------------------------------------------------------------------

_POSTGRESQL_FUNCTIONS = (
    "CREATE EXTENSION IF NOT EXISTS btree_gist",
    "CREATE OR REPLACE FUNCTION sgc_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION USING MESSAGE = TG_ARGV[0], ERRCODE = 'integrity_constraint_violation'; END $$",
    """
    CREATE OR REPLACE FUNCTION sgc_balance() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE total numeric; entries bigint;
    BEGIN
        SELECT sum(amount_cents), count(*) INTO total, entries FROM ledger_entry
         WHERE utility_id = NEW.utility_id AND transaction_id = NEW.id;
        IF entries = 0 OR total <> 0 THEN
            RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = format(
                'ledger_transaction %s: %s entries sum to %s cents, must be at least one entry and sum to 0',
                NEW.key, entries, coalesce(total, 0));
        END IF;
        RETURN NULL;
    END $$
    """,
)


_POSTGRESQL_DRAFTS = """
    CREATE OR REPLACE FUNCTION sgc_drafts() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT 1 FROM billing_run r WHERE r.utility_id = OLD.utility_id AND r.id = OLD.run_id
                    AND r.status NOT IN ({open})) THEN
            RAISE EXCEPTION USING MESSAGE = TG_ARGV[0], ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END $$
"""


def _postgresql() -> list[Guard]:
    guards = []
    for frozen in FROZEN:
        guards.append(_postgresql_update(frozen))
        guards += _postgresql_delete(frozen.table)
    guards += [_postgresql_overlap(rule) for rule in NO_OVERLAP]
    guards += [_postgresql_drafts(table, event) for table in DRAFTS for event in ("UPDATE", "DELETE")]
    guards += [_postgresql_series(), *_postgresql_delete("series"), _postgresql_balance()]
    return guards


def _postgresql_update(frozen: Frozen) -> Guard:
    held = _held(frozen)
    old, new = (", ".join(f"{side}.{name}" for name in held) for side in ("OLD", "NEW"))
    changed = [f"ROW({old}) IS DISTINCT FROM ROW({new})"]
    changed += [f"(OLD.{name} IS NOT NULL AND OLD.{name} IS DISTINCT FROM NEW.{name})" for name in frozen.once]
    return _named(
        frozen.table,
        f"{frozen.table}_update",
        f"CREATE TRIGGER {{name}} BEFORE UPDATE ON {frozen.table} FOR EACH ROW WHEN ({' OR '.join(changed)}) "
        f"EXECUTE FUNCTION sgc_refuse('{_frozen_text(frozen)}')",
    )


def _postgresql_delete(table: str) -> list[Guard]:
    refuse = f"EXECUTE FUNCTION sgc_refuse('{_delete_text(table)}')"
    return [
        _named(
            table,
            f"{table}_{event.lower()}",
            f"CREATE TRIGGER {{name}} BEFORE {event} ON {table} FOR EACH {each} {refuse}",
        )
        for event, each in (("DELETE", "ROW"), ("TRUNCATE", "STATEMENT"))
    ]


def _postgresql_overlap(rule: NoOverlap) -> Guard:
    kind = "int8range" if rule.end.endswith("_ms") else "daterange"
    same = ", ".join(f"{name} WITH =" for name in rule.key)
    current = " WHERE (retired_at IS NULL)" if rule.bitemporal else ""
    return _named(
        rule.table,
        f"{rule.table}_{rule.key[-1]}",
        f"ALTER TABLE {rule.table} ADD CONSTRAINT {{name}} "
        f"EXCLUDE USING gist ({same}, {kind}({rule.start}, {rule.end}) WITH &&){current}",
    )


def _postgresql_drafts(table: str, event: str) -> Guard:
    return _named(
        table,
        f"{table}_{event.lower()}",
        f"CREATE TRIGGER {{name}} BEFORE {event} ON {table} FOR EACH ROW "
        f"EXECUTE FUNCTION sgc_drafts('{_drafts_text(table)}')",
    )


def _postgresql_series() -> Guard:
    return _named(
        "series",
        "series_update",
        "CREATE TRIGGER {name} BEFORE UPDATE ON series FOR EACH ROW WHEN (NEW.next_number < OLD.next_number) "
        f"EXECUTE FUNCTION sgc_refuse('{_SERIES_TEXT}')",
    )


def _postgresql_balance() -> Guard:
    return _named(
        "ledger_transaction",
        "balance",
        "CREATE CONSTRAINT TRIGGER {name} AFTER INSERT ON ledger_transaction "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION sgc_balance()",
    )


# What a refused statement says ---------------------------------------------------------------------------------------

_OPEN_TO_CHANGE = "'simulating', 'review'"
_SERIES_TEXT = "series.next_number: never falls, a number is given once"


def _frozen_text(frozen: Frozen) -> str:
    rule = f"{frozen.table}: recorded rows do not change"
    if frozen.free:
        rule += f"; only {', '.join(frozen.free)} may"
    if frozen.once:
        rule += f"; {', '.join(frozen.once)} may be set once"
    return rule


def _drafts_text(table: str) -> str:
    return f"{table}: the drafts of a run do not change once it is approved"


def _delete_text(table: str) -> str:
    return f"{table}: recorded rows are not deleted"


def _overlap_text(rule: NoOverlap) -> str:
    return f"{rule.table}.{rule.start}: overlaps another current row of the same {rule.key[-1]}"
