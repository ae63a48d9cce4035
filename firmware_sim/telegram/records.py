"""Application records of EN 13757-3: data information block, value information block and data."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict, Unpack

from firmware_sim.telegram import values

Function = Literal["instantaneous", "maximum", "minimum", "error"]
_FUNCTION_BITS: dict[Function, int] = {"instantaneous": 0, "maximum": 1, "minimum": 2, "error": 3}

NO_DATA, INT8, INT16, INT24, INT32, REAL32, INT48, INT64 = range(8)
BCD2, BCD4, BCD6, BCD8, VARIABLE, BCD12 = range(9, 15)
INTEGER_CODING = {1: INT8, 2: INT16, 3: INT24, 4: INT32, 6: INT48, 8: INT64}
BCD_CODING = {2: BCD2, 4: BCD4, 6: BCD6, 8: BCD8, 12: BCD12}

FILLER = b"\x2f"
MANUFACTURER_DATA = b"\x0f"
MANUFACTURER_DATA_MORE = b"\x1f"


ProfileMode = Literal["absolute", "increment", "decrement", "difference"]
_PROFILE_MODES: dict[ProfileMode, int] = {"absolute": 0, "increment": 1, "decrement": 2, "difference": 3}
_SPACING_UNITS = {"s": 0, "min": 1, "h": 2, "d": 3}
PROFILE, INVERSE_PROFILE = 0x1F, 0x13
# Days that stand for half a month and for a month.
HALF_MONTH, MONTH = 253, 254


class Vif:
    """Value information blocks by name; the number after a quantity is the power of ten."""

    ENERGY_WH = b"\x03"
    ENERGY_KWH = b"\x06"
    VOLUME_L = b"\x13"
    VOLUME_10L = b"\x14"
    VOLUME_M3 = b"\x16"
    VOLUME_BACKWARD_L = b"\x93\x3c"
    VOLUME_FORWARD_L = b"\x93\x3b"
    POWER_W = b"\x2b"
    FLOW_L_H = b"\x3b"
    FLOW_TEMPERATURE_C2 = b"\x59"
    EXTERNAL_TEMPERATURE_C1 = b"\x66"
    DATE = b"\x6c"
    DATE_TIME = b"\x6d"
    HEAT_COST = b"\x6e"
    FABRICATION_NO = b"\x78"
    ENHANCED_ID = b"\x79"
    ERROR_FLAGS = b"\xfd\x17"
    ERROR_FLAGS_STANDARD = b"\xfd\x97\x1d"
    BATTERY_DAYS = b"\xfd\x74"
    SOFTWARE_VERSION = b"\xfd\x0f"


class Place(TypedDict, total=False):
    """Where a record stands: function field, storage, tariff and subunit."""

    function: Function
    storage: int
    tariff: int
    subunit: int


@dataclass(frozen=True, slots=True)
class Record:
    """One record: ``header`` is DIF DIFE* VIF VIFE*, ``data`` the value's bytes."""

    header: bytes
    data: bytes

    def __bytes__(self) -> bytes:
        return self.header + self.data


def data_information(coding: int, **place: Unpack[Place]) -> bytes:
    """DIF and as many DIFE as storage, tariff and subunit need (clause 6.3.2 and 6.3.3)."""
    storage = place.get("storage", 0)
    tariff = place.get("tariff", 0)
    subunit = place.get("subunit", 0)
    first = coding | _FUNCTION_BITS[place.get("function", "instantaneous")] << 4 | (storage & 1) << 6
    extensions = []
    storage >>= 1
    while storage or tariff or subunit:
        extensions.append((subunit & 1) << 6 | (tariff & 3) << 4 | storage & 15)
        storage, tariff, subunit = storage >> 4, tariff >> 2, subunit >> 1
    if len(extensions) > 10:
        raise ValueError(f"DIFE: {len(extensions)} extensions, at most 10")
    chain = [first, *extensions]
    return bytes(byte | 0x80 for byte in chain[:-1]) + bytes((chain[-1],))


def integer(vif: bytes, value: int, size: int = 4, **place: Unpack[Place]) -> Record:
    """A signed binary integer of 1, 2, 3, 4, 6 or 8 bytes."""
    return Record(data_information(INTEGER_CODING[size], **place) + vif, values.integer(value, size))


def flags(vif: bytes, value: int, size: int, **place: Unpack[Place]) -> Record:
    """A bit field of ``size`` bytes."""
    header = data_information(INTEGER_CODING[size], **place) + vif
    return Record(header, value.to_bytes(size, "little"))


def bcd(vif: bytes, value: int, digits: int = 8, **place: Unpack[Place]) -> Record:
    """Packed decimal digits: 2, 4, 6, 8 or 12 of them."""
    return Record(data_information(BCD_CODING[digits], **place) + vif, values.bcd(value, digits))


def real(vif: bytes, value: float, **place: Unpack[Place]) -> Record:
    """A 32 bit floating point number."""
    return Record(data_information(REAL32, **place) + vif, values.real(value))


def date(day: dt.date | None, **place: Unpack[Place]) -> Record:
    """A date of type G under VIF 6C."""
    return Record(data_information(INT16, **place) + Vif.DATE, values.date_g(day))


def date_time(moment: dt.datetime, *, summer: bool = False, **place: Unpack[Place]) -> Record:
    """Local date and time of type F under VIF 6D."""
    data = values.datetime_f(moment, summer=summer)
    return Record(data_information(INT32, **place) + Vif.DATE_TIME, data)


def date_time_seconds(moment: dt.datetime, *, summer: bool = False, **place: Unpack[Place]) -> Record:
    """Local date and time of type I under VIF 6D."""
    data = values.datetime_i(moment, summer=summer)
    return Record(data_information(INT48, **place) + Vif.DATE_TIME, data)


def text(vif: bytes, value: str, **place: Unpack[Place]) -> Record:
    """Characters of variable length."""
    return Record(data_information(VARIABLE, **place) + vif, values.text(value))


def blob(vif: bytes, data: bytes, **place: Unpack[Place]) -> Record:
    """Binary data of variable length."""
    return Record(data_information(VARIABLE, **place) + vif, values.blob(data))


def time(moment: dt.time, **place: Unpack[Place]) -> Record:
    """A time of day of type J under VIF 6D."""
    return Record(data_information(INT24, **place) + Vif.DATE_TIME, values.time_j(moment))


def signed_bcd(vif: bytes, value: int, digits: int, **place: Unpack[Place]) -> Record:
    """Packed decimal digits of variable length with their sign."""
    return Record(data_information(VARIABLE, **place) + vif, values.signed_bcd(value, digits))


@dataclass(frozen=True, slots=True)
class Spacing:
    """What lies between the values of a profile: so many of a unit, or ``MONTH`` or ``HALF_MONTH`` days."""

    count: int
    unit: Literal["s", "min", "h", "d"] = "d"


def profile(
    vif: bytes, data: Sequence[int], spacing: Spacing, *, size: int = 4, mode: ProfileMode = "absolute",
    backwards: bool = False, **place: Unpack[Place],
) -> Record:  # fmt: skip
    """Equally spaced values in one record (annex F); ``backwards`` from the base time to the past."""
    chained = vif[:-1] + bytes((vif[-1] | 0x80, INVERSE_PROFILE if backwards else PROFILE))
    control = _PROFILE_MODES[mode] << 6 | _SPACING_UNITS[spacing.unit] << 4 | INTEGER_CODING[size]
    signed = mode in ("absolute", "difference")
    body = b"".join(value.to_bytes(size, "little", signed=signed) for value in data)
    block = bytes((control, spacing.count)) + body
    return Record(data_information(VARIABLE, **place) + chained, bytes((len(block),)) + block)


def payload(records: list[Record], manufacturer_data: bytes = b"") -> bytes:
    """The records one after the other, then manufacturer data behind its own DIF 0F."""
    tail = MANUFACTURER_DATA + manufacturer_data if manufacturer_data else b""
    return b"".join(bytes(record) for record in records) + tail
