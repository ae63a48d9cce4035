"""Names people read: field names of records, alarm names, and the JSON shape of a telegram."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from protocols.wmbus.address import Address as Address
from protocols.wmbus.fieldnames import Field, Rule, name_for

if TYPE_CHECKING:
    from protocols.wmbus.telegram import Record, Telegram

SCHEMA: Final = 1
MODES: Final[dict[int, int | str]] = {100: "ELL-CTR", 101: "PRIOS", 102: "REAL-DATA", 103: "PROPRIETARY"}


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


STATUS_ALARMS: Final = {0x04: "low_battery", 0x08: "permanent_error", 0x10: "temporary_error"}
STATUS_STATES: Final = {1: "busy", 2: "application_error", 3: "alarm"}
# The naming rules of each driver, filled when the drivers are loaded.
RULES: Final[dict[str, list[Rule]]] = {}
# Names already worked out, by driver and record header.
_NAMES: Final[dict[tuple[str | None, bytes], Field | None]] = {}


def field_of(record: Record, driver: str | None) -> Field | None:
    """The field that a record is shown as: its layout's name, its driver's, or a generic one."""
    if record.name is not None:
        return Field(record.name)
    if not record.header:
        return name_for(record, RULES.get(driver or "", []))
    key = (driver, record.header)
    if key not in _NAMES:
        _NAMES[key] = name_for(record, RULES.get(driver or "", []))
    return _NAMES[key]


def field_value(record: Record, field: Field) -> str | None:
    """A record's value in the unit of its field; rounded to six decimals where no exact one exists."""
    if "unset" in record.qualifiers:
        return None
    if record.value is None or (field.num, field.den) == (1, 1):
        return record.value
    value = Decimal(record.value) * field.num
    return format(round(value / field.den, 6) if field.den != 1 else value, "f")


def fields_of(telegram: Telegram) -> dict[str, str | None]:
    """Every value that has a name of its own; the first of a name wins unless it has no value."""
    fields: dict[str, str | None] = {}
    for record in telegram:
        field = field_of(record, telegram.driver)
        if field is not None and fields.get(field.name) is None:
            fields[field.name] = field_value(record, field)
    return fields


def alarms_of(status: int | None, driver_alarms: list[str]) -> tuple[str, ...]:
    """Alarms of the status byte (EN 13757-7:2018, 7.5.6), then those that the driver names."""
    names = [name for bit, name in STATUS_ALARMS.items() if status is not None and status & bit]
    if status is not None and status & 3:
        names.append(STATUS_STATES[status & 3])
    return tuple(dict.fromkeys((*names, *driver_alarms)))


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
    if record.name is not None:
        shown["name"] = record.name
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
