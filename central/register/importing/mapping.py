"""What the heads of somebody else's tables mean: a YAML file for each program that utilities come from.

name: Programa de ejemplo
encoding: cp1252            # these four are found out where they are left out
delimiter: ";"
decimal: ","
date: "%d/%m/%y"
sheets:
  supply_points:            # a sheet of docs/importacion.md …
    from: ABONADOS          # … out of this sheet or file; one may feed several
    columns: {code: "Nº suministro", street: Vía, number: Nº, postal_code: CP}
    constants: {ine_code: "03002"}
    values: {}
  customers:
    from: ABONADOS
    columns: {code: "Nº abonado", nif: DNI, name: Titular, kind: Tipo}
    values: {kind: {F: person, J: company}}
    once: true              # of lines with the same code only the first is taken
"""

from collections.abc import Mapping as Map
from typing import Annotated

import msgspec
import yaml

from central.register.errors import RegisterError
from central.register.importing.columns import BY_NAME
from central.register.importing.sheets import Dialect

LONGEST = 100_000


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a mapping."""


class SheetMapping(Part, frozen=True):
    """Where the rows of one sheet come from."""

    source: str = msgspec.field(name="from")
    columns: dict[str, str] = {}
    constants: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}
    once: bool = False


class TableMapping(Part, frozen=True):
    """The whole file."""

    name: str
    sheets: dict[str, SheetMapping]
    encoding: str = ""
    delimiter: Annotated[str, msgspec.Meta(max_length=1)] = ""
    decimal: Annotated[str, msgspec.Meta(pattern="^[.,]?$")] = ""
    date: str = ""

    @property
    def dialect(self) -> Dialect:
        """How its CSV files are written."""
        return Dialect(self.encoding, self.delimiter, self.decimal)


def read_table_mapping(text: str, where: str) -> TableMapping:
    """A mapping from its YAML; raises :class:`RegisterError`."""
    if len(text) > LONGEST:
        raise RegisterError("mapping", where, f"has {len(text)} characters, at most {LONGEST} are taken")
    try:
        mapping = msgspec.convert(yaml.safe_load(text), TableMapping)
        "".encode(mapping.encoding or "utf-8")
    except (yaml.YAMLError, msgspec.ValidationError, LookupError, RecursionError) as error:
        raise RegisterError("mapping", where, " ".join(str(error).split())) from error
    for name, sheet in mapping.sheets.items():
        _check(name, sheet)
    return mapping


def _check(name: str, sheet: SheetMapping) -> None:
    shape = BY_NAME.get(name)
    if shape is None:
        raise RegisterError("mapping.sheets", name, f"must be one of {', '.join(BY_NAME)}")
    known = {column.name for column in shape.columns}
    parts: tuple[Map[str, object], ...] = (sheet.columns, sheet.constants, sheet.values)
    for part in parts:
        unknown = sorted(set(part) - known)
        if unknown:
            rule = f"is no column of {name}; its columns are {', '.join(sorted(known))}"
            raise RegisterError(f"mapping.sheets.{name}", unknown[0], rule)
