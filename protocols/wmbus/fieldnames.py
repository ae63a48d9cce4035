"""Field names: what a name says of its value, and which record gets which name.

A field's name ends in its unit (``total_m3``, ``flow_temperature_c``, ``target_date``). Names with the
base ``total`` are main registers, with ``target`` the value at the due date.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from protocols.wmbus import tables

if TYPE_CHECKING:
    from protocols.wmbus.telegram import Record

# Quantity and unit by a name's suffix.
SUFFIXES: Final[dict[str, tuple[str, str]]] = {
    "m3": ("volume", "m3"),
    "m3h": ("volume_flow", "m3/h"),
    "kwh": ("energy", "kWh"),
    "kw": ("power", "kW"),
    "c": ("temperature", "degC"),
    "hca": ("hca", "hca"),
    "v": ("voltage", "V"),
    "a": ("current", "A"),
    "hz": ("frequency", "Hz"),
    "bar": ("pressure", "bar"),
    "rh": ("relative_humidity", "%RH"),
    "h": ("duration", "h"),
    "s": ("duration", "s"),
    "d": ("duration", "d"),
    "y": ("duration", "y"),
    "month": ("duration", "month"),
    "date": ("date", ""),
    "datetime": ("datetime", ""),
    "kvarh": ("reactive_energy", "kvarh"),
    "kvah": ("apparent_energy", "kVAh"),
    "kvar": ("reactive_power", "kvar"),
    "kva": ("apparent_power", "kVA"),
    "m3c": ("counter", "m3*degC"),
    "pct": ("counter", "%"),
    "ppm": ("counter", "ppm"),
    "counter": ("counter", ""),
}
# How a record's unit is turned into that of a field: suffix, multiplier, divisor.
UNITS: Final[dict[str, tuple[str, int, int]]] = {
    "m3": ("m3", 1, 1),
    "l": ("m3", 1, 1000),
    "ft3": ("m3", 28316846592, 10**12),
    "gal": ("m3", 3785411784, 10**12),
    "m3/h": ("m3h", 1, 1),
    "m3/min": ("m3h", 60, 1),
    "m3/s": ("m3h", 3600, 1),
    "kWh": ("kwh", 1, 1),
    "MJ": ("kwh", 10, 36),
    "Mcal": ("kwh", 1163, 1000),
    "kW": ("kw", 1, 1),
    "kJ/h": ("kw", 1, 3600),
    "MJ/h": ("kw", 10, 36),
    "degC": ("c", 1, 1),
    "K": ("c", 1, 1),
    "hca": ("hca", 1, 1),
    "V": ("v", 1, 1),
    "A": ("a", 1, 1),
    "Hz": ("hz", 1, 1),
    "bar": ("bar", 1, 1),
    "%RH": ("rh", 1, 1),
    "s": ("s", 1, 1),
    "min": ("s", 60, 1),
    "h": ("h", 1, 1),
    "d": ("h", 24, 1),
    "month": ("month", 1, 1),
    "y": ("y", 1, 1),
    "kvarh": ("kvarh", 1, 1),
    "kVAh": ("kvah", 1, 1),
    "kvar": ("kvar", 1, 1),
    "kVA": ("kva", 1, 1),
    "kg": ("kg", 1, 1),
    "kg/h": ("kgh", 1, 1),
    "m3*degC": ("m3c", 1, 1),
    "%": ("pct", 1, 1),
    "ppm": ("ppm", 1, 1),
}
# Days of a duration in a field that ends in _d stay days.
PARAMETER: Final = re.compile(r"\{(storage|tariff|subunit)([+-]\d+)?\}")
SILENT: Final = frozenset(
    ("forward", "summer_time", "invalid", "recurring", "manufacturer_specific", "unknown_vif", "unset")
)


class Meaning(NamedTuple):
    """What a name says: quantity, unit, storage number, whether it is a main register, a qualifier."""

    quantity: str
    unit: str
    storage: int
    main: bool
    qualifier: str


def meaning(name: str) -> Meaning:
    """What a field's name says of its value."""
    base, _, suffix = name.rpartition("_")
    quantity, unit = SUFFIXES.get(suffix, ("counter", ""))
    if base == "total":
        return Meaning(quantity, unit, 0, True, "")
    if base == "target":
        return Meaning(quantity, unit, 1, True, "")
    if base == "meter" and suffix in ("date", "datetime"):
        return Meaning(quantity, unit, 0, True, "")
    qualifier = "backward" if "backward" in base or "backflow" in base else ""
    return Meaning(quantity, unit, 0, False, qualifier)


@dataclass(frozen=True, slots=True)
class Field:
    """Name of a record's field and the exact factor to its unit."""

    name: str
    num: int = 1
    den: int = 1


RULE_KEYS: Final = {
    "name", "header", "quantity", "function", "storage", "tariff", "subunit", "qualifiers", "unit", "scale",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of a driver's ``fields``: which records, and their name."""

    name: str
    header: bytes | None = None
    quantity: str | None = None
    function: str | None = None
    storage: range | None = None
    tariff: range | None = None
    subunit: range | None = None
    qualifiers: frozenset[str] | None = None
    scale: Fraction | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_file(cls, given: Mapping[str, Any]) -> Rule:
        """A rule as a driver file writes it. Raises ValueError."""
        if set(given) - RULE_KEYS:
            raise ValueError(f"unknown key {min(set(given) - RULE_KEYS)!r}")
        name = str(given.get("name", ""))
        if not re.fullmatch(r"[a-z][a-z0-9_]*", PARAMETER.sub("x", name)):
            raise ValueError(f"name {name!r} is not a lower-case field name")
        quantity = given.get("quantity")
        if quantity is not None and quantity not in tables.QUANTITIES:
            raise ValueError(f"quantity {quantity!r} is not one of tables.QUANTITIES")
        if quantity is None and "header" not in given:
            raise ValueError("needs a quantity or a header")
        qualifiers = given.get("qualifiers")
        unknown = set(qualifiers or ()) - set(tables.QUALIFIERS)
        if unknown:
            raise ValueError(f"qualifier {min(unknown)!r} is not one of tables.QUALIFIERS")
        return cls(
            name,
            bytes.fromhex(str(given["header"])) if "header" in given else None,
            quantity,
            given.get("function"),
            span(given.get("storage")),
            span(given.get("tariff")),
            span(given.get("subunit")),
            None if qualifiers is None else frozenset(qualifiers),
            fraction(str(given["scale"])) if "scale" in given else None,
        )

    def covers(self, record: Record) -> bool:
        """Whether a record gets this rule's name."""
        return (
            (self.header is None or record.header == self.header)
            and self.quantity in (None, record.quantity)
            and self.function in (None, record.function)
            and (self.storage is None or record.storage in self.storage)
            and (self.tariff is None or record.tariff in self.tariff)
            and (self.subunit is None or record.subunit in self.subunit)
            and (self.qualifiers is None or self.qualifiers == set(record.qualifiers) - SILENT)
        )

    def field_for(self, record: Record) -> Field:
        """The record's name, its parameters filled in, and its factor."""
        numbers = {"storage": record.storage, "tariff": record.tariff, "subunit": record.subunit}
        name = PARAMETER.sub(lambda match: str(numbers[match[1]] + int(match[2] or 0)), self.name)
        if self.scale is not None:
            return Field(name, self.scale.numerator, self.scale.denominator)
        suffix, num, den = UNITS.get(record.unit or "", ("", 1, 1))
        return Field(name, num, den) if name.endswith(f"_{suffix}") else Field(name)


def fraction(text: str) -> Fraction:
    """An exact number: ``0.001``, ``1/36``, ``1/3.6``. Raises ValueError or ZeroDivisionError."""
    top, _, bottom = text.partition("/")
    return Fraction(top.strip()) / Fraction(bottom.strip() or 1)


def span(value: object) -> range | None:
    """A number or a range ``2..16`` of a driver file; None for any. Raises ValueError."""
    if value is None:
        return None
    first, _, last = str(value).partition("..")
    return range(int(first), int(last or first) + 1)


def name_for(record: Record, rules: list[Rule]) -> Field | None:
    """The field of a record: its driver's first rule that covers it, else its generic name."""
    for rule in rules:
        if rule.covers(record):
            return rule.field_for(record)
    return generic(record)


def generic(record: Record) -> Field | None:
    """The name that a record's meaning alone gives it; None for what gets no field."""
    if record.quantity in ("unknown", "manufacturer", "any"):
        return None
    base = record.quantity
    if base in ("volume", "energy", "hca"):
        base = "total" if record.storage == 0 else "target"
    elif base in ("date", "datetime"):
        base = "meter" if record.storage == 0 else "target"
    elif record.storage:
        base = f"target_{base}"
    if record.storage > 1:
        base = f"{base}_{record.storage}"
    if record.function != "instantaneous":
        prefix = {"maximum": "max", "minimum": "min", "error": "error"}[record.function]
        base = f"{prefix}_{base}"
    parts = [base, *(name for name in record.qualifiers if name not in SILENT)]
    if record.tariff:
        parts.append(f"tariff_{record.tariff}")
    if record.subunit:
        parts.append(f"subunit_{record.subunit}")
    if record.quantity in ("date", "datetime"):
        return Field("_".join([*parts, record.quantity]))
    suffix, num, den = UNITS.get(record.unit or "", ((record.unit or "").lower(), 1, 1))
    return Field("_".join([*parts, suffix] if suffix else parts), num, den)
