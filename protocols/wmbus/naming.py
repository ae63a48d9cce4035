"""Names people read: field names of records, alarm names, and the JSON shape of a telegram."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from protocols.wmbus.address import Address as Address

if TYPE_CHECKING:
    from protocols.wmbus.telegram import Record, Telegram

SCHEMA: Final = 1
MODES: Final[dict[int, int | str]] = {100: "ELL-CTR", 101: "PRIOS", 102: "REAL-DATA"}


class Link(NamedTuple):
    """How a frame came in."""

    format: str
    crc: str
    c_field: str
    ci: str | None
    access_no: int | None
    symbol_errors: int
    air: str | None


class Security(NamedTuple):
    """What sealed a telegram, whether it was opened, and what proves it."""

    mode: int | str
    state: str
    proof: str | None
    authentic: bool
    counter: int | None


class Diagnostic(NamedTuple):
    """One thing worth knowing about how a telegram was read."""

    code: str
    text: str


# Field suffix, multiplier and divisor of each unit.
SUFFIXES: Final[dict[str, tuple[str, int, int]]] = {
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
}
MAIN_VOLUME: Final = {"volume": "total", "energy": "total"}
STATUS_ALARMS: Final = {0x04: "low_battery", 0x08: "permanent_error", 0x10: "temporary_error"}
STATUS_STATES: Final = {1: "busy", 2: "application_error", 3: "alarm"}


def field_name(record: Record) -> str | None:
    """The generic name of a record's field, without its unit; None for what gets no field."""
    if record.quantity in ("unknown", "manufacturer", "any"):
        return None
    base = record.quantity
    if base in ("volume", "energy"):
        base = "total" if record.storage == 0 else "target"
    elif base in ("date", "datetime"):
        base = "meter" if record.storage == 0 else "target"
    elif record.storage:
        base = f"target_{base}"
    if record.storage > 1:
        base = f"{base}_{record.storage}"
    if record.function != "instantaneous":
        base = f"{record.function[:3] if record.function != 'error' else 'error'}_{base}"
    parts = [base, *(q for q in record.qualifiers if q not in ("forward", "summer_time", "invalid", "recurring"))]
    if record.tariff:
        parts.append(f"tariff_{record.tariff}")
    if record.subunit:
        parts.append(f"subunit_{record.subunit}")
    return "_".join(parts)


def field_value(record: Record, multiplier: int, divisor: int) -> str | None:
    """A record's value in the unit of its field; rounded to six decimals where no exact one exists."""
    if record.value is None or (multiplier, divisor) == (1, 1):
        return record.value
    value = Decimal(record.value) * multiplier
    return format(round(value / divisor, 6) if divisor != 1 else value, "f")


def fields_of(telegram: Telegram) -> dict[str, str | None]:
    """Every record that has a name of its own, by that name with its unit."""
    fields: dict[str, str | None] = {}
    for record in telegram:
        name = field_name(record)
        if name is None:
            continue
        suffix, multiplier, divisor = suffix_of(record)
        fields.setdefault(f"{name}_{suffix}" if suffix else name, field_value(record, multiplier, divisor))
    return fields


def suffix_of(record: Record) -> tuple[str, int, int]:
    """How a record's unit ends its field's name."""
    if record.quantity in ("date", "datetime"):
        return record.quantity, 1, 1
    if record.unit is None:
        return "", 1, 1
    return SUFFIXES.get(record.unit, (record.unit.lower(), 1, 1))


def alarms_of(telegram: Telegram) -> tuple[str, ...]:
    """Alarms of the status byte (EN 13757-7:2018, 7.5.6)."""
    status = telegram.status
    if status is None:
        return ()
    names = [name for bit, name in STATUS_ALARMS.items() if status & bit]
    if status & 3:
        names.append(STATUS_STATES[status & 3])
    return tuple(names)


def at_of(date: int, time: int) -> str:
    """ISO text of a packed date and time."""
    day = f"{date // 10000:04d}-{date // 100 % 100:02d}-{date % 100:02d}"
    return f"{day}T{time // 10000:02d}:{time // 100 % 100:02d}:{time % 100:02d}" if time else day


def record_json(record: Record) -> dict[str, Any]:
    """One record in the shape of ``sgc decode``."""
    shown = {
        "quantity": record.quantity,
        "unit": record.unit,
        "value": record.value,
        "function": record.function,
        "storage": record.storage,
        "tariff": record.tariff,
        "subunit": record.subunit,
        "qualifiers": list(record.qualifiers),
    }
    if record.at is not None:
        shown["at"] = record.at
    if "manufacturer_specific" in record.qualifiers or "unknown_vif" in record.qualifiers:
        shown["header"] = record.header.hex().upper()
    return shown


def failed(error: str) -> dict[str, Any]:
    """The shape of ``sgc decode`` for input that holds no telegram."""
    return {
        "ok": False,
        "error": error,
        "meter": None,
        "link": None,
        "security": None,
        "driver": None,
        "format_state": None,
        "records": [],
        "fields": {},
        "alarms": [],
        "diagnostics": [{"code": "bad_input", "text": error}],
    }


def to_json(telegram: Telegram) -> dict[str, Any]:
    """A telegram in the shape of ``sgc decode``."""
    meter, link, security = telegram.meter, telegram.link, telegram.security
    return {
        "schema": SCHEMA,
        "ok": telegram.ok,
        "error": telegram.error,
        "meter": None
        if meter is None
        else {
            "manufacturer": meter.manufacturer,
            "id": meter.id,
            "version": meter.version,
            "type": meter.type,
            "medium": telegram.medium,
        },
        "link": link._asdict(),
        "security": security._asdict(),
        "driver": telegram.driver,
        "format_state": telegram.format_state,
        "records": [record_json(record) for record in telegram],
        "fields": telegram.fields,
        "alarms": list(telegram.alarms),
        "diagnostics": [d._asdict() for d in telegram.diagnostics],
    }
