"""A register file out of sheets: each line becomes a row, or part of one, and every line keeps its fate.

Accounts belong to the customers of the same file, holders and terms to its contracts: a line of theirs shares the fate
of the row it is part of, and one that is refused refuses that row.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import msgspec
from sqlalchemy.orm import Session

from central.register.change import Change
from central.register.errors import RegisterError
from central.register.importing.cells import KINDS, CellError, Written, unguarded
from central.register.importing.columns import SHAPES, TERMS_COLUMNS, UTILITY, Column, Shape, plain, shape_named
from central.register.importing.file import SCHEMA, RegisterFile
from central.register.importing.mapping import SheetMapping, TableMapping
from central.register.importing.plan import CHANGED, UNCHANGED, ImportPlan, RowFate, plan_import, refusal
from central.register.importing.sheet import Bad, Sheet
from central.register.importing.sheets import Dialect, open_sheets
from central.register.keys import KeyRing
from central.store.models import Utility

Values = dict[str, Any]
PARTS = {"accounts": "accounts", "holders": "holders", "terms": "terms"}


@dataclass(frozen=True)
class Place:
    """A line of a sheet: what it is, where it stands, and what it calls itself."""

    shape: str
    sheet: str
    line: int
    key: str


@dataclass
class Entry:
    """A row in the making: its values, the lines it is made of, and why it cannot be one."""

    values: Values
    places: list[Place]
    error: RegisterError | None = None


@dataclass
class Table:
    """The register file of some sheets; ``entries`` follow its rows by section, ``ignored`` are other sheets."""

    file: RegisterFile
    entries: dict[str, list[Entry]]
    refused: list[RowFate] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    keyed: bool = False


def read_tables(
    sources: Iterable[tuple[str, IO[bytes]]], mapping: TableMapping | None, utility: Utility | None
) -> Table:
    """Read files (name, bytes) as the sheets of one register; raises :class:`RegisterError` for what is no table.

    ``utility`` is the one the rows belong to where no sheet says it.
    """
    builder = Builder(mapping)
    for name, data in sources:
        with open_sheets(data, name, mapping.dialect if mapping else Dialect()) as sheets:
            for sheet in sheets:
                builder.take(sheet)
    return builder.table(utility)


def plan_table(
    session: Session, table: Table, ring: KeyRing | None, by: Change, *, within: int | None = None
) -> ImportPlan:
    """The plan of a table, with the fate of every line of its sheets."""
    plan = plan_import(session, table.file, ring, by, within=within)
    told = [one for fate in plan.fates for one in _lines_of(table, fate)]
    order = {shape.name: position for position, shape in enumerate(SHAPES)}
    plan.fates = sorted([*told, *table.refused], key=lambda fate: (order[fate.section], fate.sheet, fate.line))
    return plan


def _lines_of(table: Table, fate: RowFate) -> Iterator[RowFate]:
    """The fate of a row for each of the lines it is made of."""
    entries = table.entries.get(fate.section)
    if not entries:
        return
    for place in entries[fate.row - 1].places:
        part = place.shape != fate.section
        changes = {name: said for name, said in fate.changes.items() if (name == "bank") == part}
        outcome = UNCHANGED if fate.fate == CHANGED and fate.changes and not changes else fate.fate
        yield msgspec.structs.replace(
            fate, section=place.shape, row=place.line, key=place.key, fate=outcome, changes=changes,
            warning="" if part else fate.warning, sheet=place.sheet, line=place.line,
        )  # fmt: skip


class Builder:
    """Gathers lines into rows."""

    def __init__(self, mapping: TableMapping | None) -> None:
        self._mapping = mapping
        self._entries: dict[str, dict[str, Entry]] = {shape.name: {} for shape in SHAPES if not shape.parent}
        self._parts: list[tuple[Shape, Entry]] = []
        self._ignored: list[str] = []
        self._seen = False
        self._keyed = False

    def take(self, sheet: Sheet) -> None:
        """Take the lines of a sheet in."""
        readers = list(self._readers(sheet))
        if not readers:
            self._ignored.append(sheet.name)
            return
        self._seen = True
        for line, cells in sheet.lines:
            for reader in readers:
                self._put(reader, reader.read(line, cells))

    def table(self, utility: Utility | None) -> Table:
        """The register file of everything taken in."""
        if not self._seen:
            known = ", ".join(f"{shape.spanish}/{shape.name}" for shape in SHAPES)
            raise RegisterError("file", ", ".join(self._ignored), f"no sheet is one of {known}")
        for shape, entry in self._parts:
            self._join(shape, entry)
        refused: list[RowFate] = []
        kept: dict[str, list[Entry]] = {}
        for section, entries in self._entries.items():
            kept[section] = [entry for entry in entries.values() if entry.error is None]
            for entry in entries.values():
                if entry.error is not None:
                    refused += [_refused(place, entry.error) for place in entry.places]
        return Table(_file(kept, utility), kept, refused, self._ignored, self._keyed)

    def _readers(self, sheet: Sheet) -> Iterator["Reader"]:
        if self._mapping is None:
            shape = shape_named(sheet.name) or _guessed(sheet.heads)
            if shape is not None:
                yield Reader(shape, sheet, None, "")
            return
        for name, mapped in self._mapping.sheets.items():
            if plain(mapped.source) == plain(sheet.name):
                shape = next(one for one in SHAPES if one.name == name)
                yield Reader(shape, sheet, mapped, self._mapping.date)

    def _put(self, reader: "Reader", entry: Entry | None) -> None:
        if entry is None:
            return
        self._keyed |= "key" in entry.values
        if reader.shape.parent:
            self._parts.append((reader.shape, entry))
            return
        rows = self._entries[reader.shape.name]
        key = entry.places[0].key
        if reader.once and key in rows:
            return
        # The same thing twice is two rows: the plan says whether they agree.
        rows[key if key not in rows else f"{key}\n{reader.sheet.name}\n{entry.places[0].line}"] = entry

    def _join(self, shape: Shape, part: Entry) -> None:
        """Make a line part of the row it belongs to."""
        owner_code = str(part.values.pop(shape.owner, ""))
        rows = self._entries[shape.parent]
        owner = rows.get(owner_code)
        if owner is None:
            parent = next(one for one in SHAPES if one.name == shape.parent)
            error = part.error or RegisterError(
                f"{shape.name}.{shape.owner}", owner_code, f"must be in the sheet {parent.spanish} of the same file"
            )
            rows[f"\n{part.places[0].sheet}\n{part.places[0].line}"] = Entry({}, part.places, error)
            return
        owner.places += part.places
        owner.error = owner.error or part.error
        owner.values.setdefault(PARTS[shape.name], []).append(part.values)


class Reader:
    """Reads the lines of one sheet as one shape."""

    def __init__(self, shape: Shape, sheet: Sheet, mapped: SheetMapping | None, day_format: str) -> None:
        self.shape = shape
        self.sheet = sheet
        self.once = mapped is not None and mapped.once
        self._written = Written(sheet.decimal, day_format)
        self._values = mapped.values if mapped else {}
        self._columns = _mapped(shape, sheet, mapped) if mapped else _recognised(shape, sheet)
        self._constants = [
            (column, mapped.constants[column.name])
            for column in shape.columns
            if mapped and column.name in mapped.constants
        ]
        there = {column.path for column in (*self._columns.values(), *(column for column, _ in self._constants))}
        missing = [column for column in shape.columns if column.required and column.path not in there]
        if missing:
            rule = f"has no column {missing[0].spanish} ({missing[0].name}); it has {', '.join(sheet.heads)}"
            raise RegisterError(f"sheet.{shape.name}", sheet.name, rule)

    def read(self, line: int, cells: list[str | Bad]) -> Entry | None:
        """A line as an entry; one with an error keeps what could be read."""
        values: Values = {}
        error: RegisterError | None = None
        said = [(column, cells[at]) for at, column in self._columns.items() if at < len(cells)]
        for column, cell in (*said, *self._constants):
            try:
                _set(values, column, self._value(column, cell))
            except CellError as wrong:
                shown = cell.text if isinstance(cell, Bad) else cell
                shown = "…" if column.name == "key" else shown
                error = error or RegisterError(f"{self.shape.name}.{column.name}", shown, str(wrong))
        for column in self.shape.columns:
            if error is None and column.required and column.path[0] not in values:
                error = RegisterError(f"{self.shape.name}.{column.name}", "", "must not be empty")
        if not values and error is None:
            return None
        if self.shape.name == "meters":
            _complete_meter(values)
        if self.shape.name == "contracts":
            _complete_contract(values)
        names = (self.shape.owner,) if self.shape.owner else self.shape.keys
        key = " · ".join(str(values.get(name, "")) for name in names)
        return Entry(values, [Place(self.shape.name, self.sheet.name, line, key)], error)

    def _value(self, column: Column, cell: str | Bad) -> Any:
        if isinstance(cell, Bad):
            raise CellError(cell.rule)
        text = unguarded(cell)
        text = self._values.get(column.name, {}).get(text, text)
        return KINDS[column.kind](text, self._written) if text else None


def _recognised(shape: Shape, sheet: Sheet) -> dict[int, Column]:
    """The columns by their place; a head that nobody knows is refused, for it may be a known one misspelt."""
    columns: dict[int, Column] = {}
    for at, head in enumerate(sheet.heads):
        column = shape.column_of(head)
        if column is None and head:
            known = ", ".join(one.spanish for one in shape.columns)
            raise RegisterError(f"sheet.{shape.name}", sheet.name, f"column {head!r} is not known; it may have {known}")
        if column is not None:
            if any(other.path == column.path for other in columns.values()):
                raise RegisterError(f"sheet.{shape.name}", sheet.name, f"column {head!r} says again what another says")
            columns[at] = column
    return columns


def _mapped(shape: Shape, sheet: Sheet, mapped: SheetMapping) -> dict[int, Column]:
    places = {plain(head): at for at, head in enumerate(sheet.heads)}
    columns: dict[int, Column] = {}
    for column in shape.columns:
        head = mapped.columns.get(column.name)
        if head is None:
            continue
        if plain(head) not in places:
            rule = f"has no column {head!r} for {column.name}; it has {', '.join(sheet.heads)}"
            raise RegisterError(f"sheet.{shape.name}", sheet.name, rule)
        columns[places[plain(head)]] = column
    return columns


def _guessed(heads: list[str]) -> Shape | None:
    """The shape whose every required column is there and that knows every head: for a file with a name of its own."""
    fitting = [
        (sum(shape.column_of(head) is not None for head in heads), shape)
        for shape in SHAPES
        if all(any(plain(head) in column.heads for head in heads) for column in shape.columns if column.required)
    ]
    best = max(fitting, key=lambda one: one[0], default=(0, None))
    return best[1] if best[0] == len([head for head in heads if head]) else None


def _set(values: Values, column: Column, value: Any) -> None:
    if value is None:
        return
    first, *rest = column.path
    if not rest:
        values[first] = value
    elif rest[0] == "*":
        values.setdefault(first, {}).update(value)
    else:
        values.setdefault(first, {})[rest[0]] = value


def _complete_meter(values: Values) -> None:
    """A counter of five digits of cubic metres, as mechanical ones have, where the table does not say."""
    values.setdefault("modulus_litres", 10**8)


def _complete_contract(values: Values) -> None:
    """The one holder and the one set of terms that a table may say beside the contract."""
    values.setdefault("holders", [])
    values.setdefault("terms", [])
    customer = values.pop("customer", None)
    if customer is not None:
        values["holders"].append({"customer": customer})
    terms = {column.name: values.pop(column.name) for column in TERMS_COLUMNS if column.name in values}
    if "use" in terms:
        values["terms"].append(terms)


def _refused(place: Place, error: RegisterError) -> RowFate:
    fate = refusal(place.shape, place.line, place.key, error)
    return msgspec.structs.replace(fate, sheet=place.sheet, line=place.line)


def _file(kept: dict[str, list[Entry]], utility: Utility | None) -> RegisterFile:
    stated = kept[UTILITY.name]
    if len(stated) > 1:
        raise RegisterError("sheet.utility", stated[1].places[0].sheet, "must have one line")
    if not stated and utility is None:
        raise RegisterError(
            "utility", None, f"neither a sheet {UTILITY.spanish} nor a registered utility says whose it is"
        )
    said = stated[0].values if stated else _said(utility)
    sections = {
        name: tuple(msgspec.Raw(msgspec.json.encode(entry.values)) for entry in entries)
        for name, entries in kept.items()
        if name != UTILITY.name
    }
    return RegisterFile(SCHEMA, msgspec.Raw(msgspec.json.encode(said)), **sections)


def _said(utility: Utility | None) -> Values:
    names = ("code", "name", "nif", "ine_code", "address", "contact", "settings")
    return {name: getattr(utility, name) for name in names}


def open_all(paths: Iterable[Path]) -> Iterator[tuple[str, IO[bytes]]]:
    """The files of a command, one open at a time; a folder is its tables."""
    for path in paths:
        for one in sorted(path.iterdir()) if path.is_dir() else [path]:
            if path.is_dir() and one.suffix.casefold() not in (".csv", ".txt", ".xlsx"):
                continue
            with one.open("rb") as data:
                yield one.name, data
