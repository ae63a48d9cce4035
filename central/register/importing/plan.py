"""Imports a register file: first a plan that says the fate of every row, then, if wanted, the plan is carried out.

A row is *added*, *changed* (what may change, does), *unchanged*, or *refused* with its reason; a refused row keeps only
those that refer to it from being added. Importing the same file again changes nothing.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import inspect
from sqlalchemy.orm import Session
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from central.register.change import Change, journalled
from central.register.errors import RegisterError
from central.register.importing import outside, people, places
from central.register.importing.file import (
    ContractRow,
    CustomerRow,
    DeviceRow,
    InstallationRow,
    MeterRow,
    RegisterFile,
    RouteRow,
    Row,
    SupplyPointRow,
    UtilityRow,
    key_of,
    parse_row,
)
from central.register.importing.state import Planned, State
from central.register.keys import KeyRing
from central.register.utilities import utility_named
from central.store.bulk import insert_rows
from central.store.models import Base, Reading
from central.store.partitions import ensure_partitions

Decide = Callable[[State, Any], Planned]
SECTIONS: tuple[tuple[str, type[Row], Decide], ...] = (
    ("supply_points", SupplyPointRow, places.supply_point),
    ("meters", MeterRow, places.meter),
    ("installations", InstallationRow, places.installation),
    ("customers", CustomerRow, people.customer),
    ("contracts", ContractRow, people.contract),
    ("devices", DeviceRow, outside.device),
    ("routes", RouteRow, outside.route),
)


@dataclass(frozen=True)
class RowFate:
    """What becomes of one row: ``fate`` is added, changed, unchanged or refused; ``row`` counts from 1."""

    section: str
    row: int
    key: str
    fate: str
    reason: str = ""
    warning: str = ""


@dataclass
class ImportPlan:
    """Every row's fate, and what would be written."""

    utility_code: str
    fates: list[RowFate] = field(default_factory=list)
    new: list[Base] = field(default_factory=list)
    changes: list[Callable[[], None]] = field(default_factory=list)

    def counts(self) -> dict[str, dict[str, int]]:
        """Rows by section and fate."""
        counted = Counter((fate.section, fate.fate) for fate in self.fates)
        sections = dict.fromkeys(fate.section for fate in self.fates)
        return {
            section: {fate: number for (where, fate), number in counted.items() if where == section}
            for section in sections
        }

    def refused(self) -> list[RowFate]:
        """The rows that would be left out."""
        return [fate for fate in self.fates if fate.fate == "refused"]


def plan_import(session: Session, file: RegisterFile, ring: KeyRing | None, by: Change) -> ImportPlan:
    """Decide the fate of every row; writes nothing. A utility that is refused refuses the file (RegisterError)."""
    utility = parse_row(file.utility, UtilityRow)
    state = State(session, ring, by)
    plan = ImportPlan(utility.code)
    with session.no_autoflush:
        _note(plan, "utility", 1, places.utility(state, utility))
        for section, kind, decide in SECTIONS:
            for number, raw in enumerate(getattr(file, section), 1):
                try:
                    _note(plan, section, number, decide(state, parse_row(raw, kind)))
                except RegisterError as error:
                    plan.fates.append(RowFate(section, number, key_of(raw), "refused", reason=str(error)))
    return plan


def apply_import(session: Session, plan: ImportPlan, by: Change) -> int:
    """Write what the plan says, in the session's transaction; returns the utility's id."""
    ensure_partitions(session.connection(), [row.at_ms for row in plan.new if isinstance(row, Reading)], ["reading"])
    for model in dict.fromkeys(type(row) for row in plan.new):
        columns = [column.key for column in inspect(model).column_attrs]
        insert_rows(session, model, columns, [_values(row, columns) for row in plan.new if type(row) is model])
    for change in plan.changes:
        change()
    session.flush()
    utility = utility_named(session, plan.utility_code)
    if plan.new or plan.changes:
        journalled(session, utility.id, by, "import", "register", utility.id, after=plan.counts())
    return utility.id


def _note(plan: ImportPlan, section: str, number: int, planned: Planned) -> None:
    plan.fates.append(RowFate(section, number, planned.key, planned.fate, warning=planned.warning))
    plan.new += planned.new
    plan.changes += planned.changes


def _values(row: Base, columns: list[str]) -> tuple[Any, ...]:
    return tuple(_value(row, column) for column in columns)


def _value(row: Base, column: str) -> Any:
    """What a row says, or the model's default where it says nothing: bulk inserts know no defaults."""
    value = getattr(row, column)
    default = row.__table__.columns[column].default
    return default.arg if value is None and isinstance(default, ScalarElementColumnDefault) else value
