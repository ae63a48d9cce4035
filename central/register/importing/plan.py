"""Imports a register file: first a plan that says the fate of every row, then, if wanted, the plan is carried out.

A row is *added*, *changed* (what may change, does), *unchanged*, or *refused* with its reason; a refused row keeps only
those that refer to it from being added. Importing the same file again changes nothing.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
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
from central.register.importing.names import Names
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
ADDED, CHANGED, UNCHANGED, REFUSED = "added", "changed", "unchanged", "refused"


class RowFate(msgspec.Struct, frozen=True):
    """What becomes of one row: ``fate`` is added, changed, unchanged or refused; ``row`` counts from 1.

    A change says of each field its text before and after. A refusal says field, value and rule, and ``reason`` is the
    three in one line. ``sheet`` and ``line`` are where the row stands in the table it came from, if it came from one.
    """

    section: str
    row: int
    key: str
    fate: str
    reason: str = ""
    warning: str = ""
    changes: dict[str, tuple[str, str]] = {}
    field: str = ""
    value: str = ""
    rule: str = ""
    sheet: str = ""
    line: int = 0


@dataclass
class ImportPlan:
    """Every row's fate, and what would be written."""

    utility_code: str
    fates: list[RowFate] = field(default_factory=list)
    new: list[Base] = field(default_factory=list)
    changes: list[Callable[[], None]] = field(default_factory=list)

    def counts(self) -> dict[str, dict[str, int]]:
        """Rows by section and fate."""
        return counts_of(self.fates)

    def refused(self) -> list[RowFate]:
        """The rows that would be left out."""
        return [fate for fate in self.fates if fate.fate == REFUSED]


def counts_of(fates: list[RowFate]) -> dict[str, dict[str, int]]:
    """Rows by section and fate."""
    counted = Counter((fate.section, fate.fate) for fate in fates)
    sections: dict[str, dict[str, int]] = {fate.section: {} for fate in fates}
    for (section, fate), number in counted.items():
        sections[section][fate] = number
    return sections


def refusal(section: str, row: int, key: str, error: RegisterError) -> RowFate:
    """The fate of a row that is refused."""
    value = "" if error.value is None else str(error.value)[:200]
    return RowFate(section, row, key, REFUSED, str(error), field=error.field, value=value, rule=error.rule)


def plan_import(
    session: Session, file: RegisterFile, ring: KeyRing | None, by: Change, *, within: int | None = None
) -> ImportPlan:
    """Decide the fate of every row; writes nothing. A utility that is refused refuses the file (RegisterError).

    ``within`` is the one utility whose register may be changed, and which itself may not: its row must be as it is.
    """
    utility = parse_row(file.utility, UtilityRow)
    state = State(session, ring, by)
    plan = ImportPlan(utility.code)
    parsed = {section: [_parsed(raw, kind) for raw in getattr(file, section)] for section, kind, _ in SECTIONS}
    names = Names()
    for rows in parsed.values():
        names.take(row for row in rows if isinstance(row, Row))
    with session.no_autoflush:
        planned = places.utility(state, utility, names)
        if within is not None and (state.utility_id != within or planned.fate != UNCHANGED):
            raise RegisterError("utility.code", utility.code, "must be the utility itself, as it is registered")
        _note(plan, "utility", 1, planned)
        for section, _, decide in SECTIONS:
            for number, row in enumerate(parsed[section], 1):
                _decide(plan, state, section, number, row, decide)
    return plan


def apply_import(session: Session, plan: ImportPlan, by: Change, *, without_refused: bool = False) -> int:
    """Write what the plan says, in the session's transaction; returns the utility's id.

    A file is applied whole or not at all (RegisterError), unless its refused rows are to be left out.
    """
    refused = plan.refused()
    if refused and not without_refused:
        first = f"the first: {refused[0].section} {refused[0].line or refused[0].row}, {refused[0].reason}"
        rule = f"{len(refused)} rows are refused, so nothing is changed; {first}"
        raise RegisterError("file", plan.utility_code, rule)
    ensure_partitions(session.connection(), [row.at_ms for row in plan.new if isinstance(row, Reading)], ["reading"])
    for model in dict.fromkeys(type(row) for row in plan.new):
        columns = [column.key for column in inspect(model).column_attrs]
        insert_rows(session, model, columns, [_values(row, columns) for row in plan.new if type(row) is model])
    for change in plan.changes:
        change()
    session.flush()
    utility = utility_named(session, plan.utility_code)
    if plan.new or plan.changes:
        journalled(session, utility.id, by, "import", "register", utility.id, after=_told(plan))
    return utility.id


TOLD_IN_AUDIT = 1_000


def _told(plan: ImportPlan) -> Mapping[str, Any]:
    """What the audit keeps: the counts, and the first changes before and after; more are in the import's fates."""
    changed = [fate for fate in plan.fates if fate.fate == CHANGED]
    told: dict[str, Any] = dict(plan.counts())
    told["changes"] = [[fate.section, fate.key, fate.changes] for fate in changed[:TOLD_IN_AUDIT]]
    return told


def _parsed(raw: msgspec.Raw, kind: type[Row]) -> Row | tuple[str, RegisterError]:
    try:
        return parse_row(raw, kind)
    except RegisterError as error:
        return key_of(raw), error


def _decide(
    plan: ImportPlan, state: State, section: str, number: int, row: Row | tuple[str, RegisterError], decide: Decide
) -> None:
    if isinstance(row, tuple):
        plan.fates.append(refusal(section, number, *row))
        return
    try:
        _note(plan, section, number, decide(state, row))
    except RegisterError as error:
        plan.fates.append(refusal(section, number, name_of(row), error))


def name_of(row: Row) -> str:
    """What a row calls itself."""
    found = next((getattr(row, name) for name in ("code", "serial", "name", "meter") if hasattr(row, name)), "")
    return str(found)


def _note(plan: ImportPlan, section: str, number: int, planned: Planned) -> None:
    plan.fates.append(
        RowFate(section, number, planned.key, planned.fate, warning=planned.warning, changes=planned.said)
    )
    plan.new += planned.new
    plan.changes += planned.changes


def _values(row: Base, columns: list[str]) -> tuple[Any, ...]:
    return tuple(_value(row, column) for column in columns)


def _value(row: Base, column: str) -> Any:
    """What a row says, or the model's default where it says nothing: bulk inserts know no defaults."""
    value = getattr(row, column)
    default = row.__table__.columns[column].default
    return default.arg if value is None and isinstance(default, ScalarElementColumnDefault) else value
