"""Names people read: field names of records, alarm names, and the JSON shape of a telegram."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from protocols.wmbus import tables
from protocols.wmbus.fieldnames import Field, Rule, name_for

if TYPE_CHECKING:
    from protocols.wmbus.telegram import Record

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


LINKS: Final = ("none", "none", "A", "B", "wired")
AIRS: Final = (None, "T1", "C1A", "C1B", "S1")
CRCS: Final = ("absent", "ok", "bad")
STATES: Final = ("none", "decrypted", "key_missing", "key_wrong", "unsupported")
PROOFS: Final = (None, "2f2f", "crc", "mac", "tag")
FORMATS: Final = ("full", "compact_known", "compact_waiting")
FUNCTIONS: Final = ("instantaneous", "maximum", "minimum", "error")
STATUS_ALARMS: Final = {0x04: "low_battery", 0x08: "permanent_error", 0x10: "temporary_error"}
STATUS_STATES: Final = {1: "busy", 2: "application_error", 3: "alarm"}
# The naming rules of each driver, filled when the drivers are loaded.
RULES: Final[dict[str, list[Rule]]] = {}


def field_of(record: Record, driver: str | None) -> Field | None:
    """The field that a record is shown as: its layout's name, its driver's, or a generic one."""
    if record.name is not None:
        return Field(record.name)
    return name_for(record, RULES.get(driver or "", []))


def unit_of(text: str | None, unit: int, per: int) -> str | None:
    """A unit that was sent as text, or one of the tables with what it is divided by."""
    return text or tables.UNITS[unit] + tables.PER[per] or None


def scaled(mantissa: int, exponent: int, num: int, den: int) -> str:
    """An exact number times a factor; rounded half to even at six decimals where no exact one exists."""
    value = Fraction(mantissa * num, den) * Fraction(10) ** exponent
    places = max(0, -exponent) if den == 1 else 6
    digits = round(value * 10**places)
    return format(Decimal(digits).scaleb(-places), "f")


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
