"""``docs/data-model.md`` from the models: what each table is for, and an entity-relationship diagram of each area."""

from collections.abc import Iterator, Sequence
from inspect import cleandoc

from sqlalchemy import Column, ForeignKeyConstraint, Table

from central.store import guards
from central.store.models import (
    Base,
    api,
    billing,
    compact,
    factors,
    field,
    fiscal,
    fleet,
    hourly,
    lifecycle,
    money,
    people,
    quality,
    reading,
    rectification,
    refunds,
    regime,
    register,
    register_import,
    sharing,
    webhooks,
)
from central.store.partitions import PARTITIONED

# Each file of models once, along the road of a reading.
AREAS = (
    ("Register", register),
    ("Cases of contracts", lifecycle),
    ("Shared supplies", sharing),
    ("The register's quality", quality),
    ("Imports of the register", register_import),
    ("Devices and routes", field),
    ("Work in the street", fleet),
    ("Telegrams and readings", reading),
    ("Formats of compact frames", compact),
    ("Hourly series", hourly),
    ("Tariffs, runs and invoices", billing),
    ("Rectifications", rectification),
    ("Fiscal records and ledger", money),
    ("Submission to the tax agency", fiscal),
    ("Fiscal systems by date", regime),
    ("Refunds", refunds),
    ("Users and audit", people),
    ("Second factors", factors),
    ("Programs that use the API", api),
    ("Webhooks", webhooks),
)
HEADER = """\
# Data model

Generated from the models by `sgc central model --write docs/data-model.md`; a test holds it current.

The same on SQLite and PostgreSQL. `utility_id` leads every key but the quarantine's. Identifiers are 63-bit integers
that grow with time; `*_ms` are UTC epoch milliseconds; volumes are whole litres, money whole cents or micro-euros.
Rows with `valid_from`/`valid_to` are true on a half-open range of local dates; `retired_at` says since when a row is no
longer what the register says. What the database itself refuses is said with each table.
"""


def data_model() -> str:
    """The whole document."""
    return HEADER + "\n" + "\n".join(part for title, module in AREAS for part in _area(title, module.__name__)) + "\n"


def _area(title: str, module: str) -> Iterator[str]:
    models = [mapper.class_ for mapper in Base.registry.mappers if mapper.class_.__module__ == module]
    tables = sorted((model.__table__ for model in models), key=lambda table: str(table.name))
    yield f"## {title}\n"
    yield "```mermaid\nerDiagram"
    yield from (line for table in tables for line in _relations(table))
    yield from (line for table in tables for line in _entity(table))
    yield "```\n"
    for model in sorted(models, key=lambda model: str(model.__table__.name)):
        summary = " ".join(cleandoc(model.__doc__ or "").split("\n\n")[0].split())
        yield f"* **{model.__table__.name}**: {summary}{_protection(str(model.__table__.name))}"
    yield ""


def _relations(table: Table) -> Iterator[str]:
    for constraint in sorted(table.foreign_key_constraints, key=lambda one: _columns(one)):
        name = _columns(constraint)
        if name:
            optional = all(table.columns[column].nullable for column in name.split(", "))
            one, label = "|o" if optional else "||", name.replace(", ", "-")
            yield f"    {constraint.referred_table.name} {one}--o{{ {table.name} : {label}"


def _columns(constraint: ForeignKeyConstraint) -> str:
    return ", ".join(column for column in constraint.column_keys if column != "utility_id")


def _entity(table: Table) -> Iterator[str]:
    yield f"    {table.name} {{"
    for column in table.columns:
        yield f"        {_type(column)} {column.name}{_marks(table, column)}"
    yield "    }"


def _type(column: Column[object]) -> str:
    return column.type.__visit_name__.replace("type_decorator", "instant").replace("_", "").lower()


def _marks(table: Table, column: Column[object]) -> str:
    marks: Sequence[str] = [
        mark
        for mark, holds in (("PK", column.primary_key), ("FK", bool(column.foreign_keys)))
        if holds and not (mark == "FK" and column.name == "utility_id" and len(table.primary_key.columns) > 1)
    ]
    return (" " + ", ".join(marks) if marks else "") + (' "null"' if column.nullable else "")


def _protection(table: str) -> str:
    said = []
    for frozen in guards.FROZEN:
        if frozen.table == table:
            may = [f"{name} once" for name in frozen.once] + list(frozen.free)
            said.append("rows are never changed or deleted" + (f" (but {', '.join(may)})" if may else ""))
    keys = [rule.key[-1] for rule in guards.NO_OVERLAP if rule.table == table]
    if keys:
        said.append(f"current rows of one {' or '.join(keys)} do not overlap")
    if table in PARTITIONED:
        said.append("on PostgreSQL partitioned by month")
    text = "; ".join(said)
    return f" *{text[0].upper()}{text[1:]}.*" if text else ""
