"""Uplinks of LoRaWAN network servers as batches: a wM-Bus telegram that came over LoRaWAN takes the telegrams' road.

Understood are the JSON bodies that ChirpStack (v4, event "up") and The Things Stack (v3, uplink message) post. A source
is enrolled like a device. The uplink is the batch: its boot is the end device's session, its number the frame counter,
so an uplink that is posted again is the same batch and changes nothing.
"""

import base64
import binascii
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import msgspec

from central.reading.arrivals import Arrival
from central.reading.opening import SEALED, with_content
from central.times import millis
from protocols.sync import SCHEMA, Batch, ClockStamp, TelegramItem, seal
from protocols.wmbus import decode

_SESSIONS = UUID("6f2b6c1e-7d1f-5c55-9f0a-0e4a53474c4e")


class UplinkError(ValueError):
    """A body that is no uplink; the text names field, value and rule."""


class _DeviceInfo(msgspec.Struct, rename="camel"):
    dev_eui: str


class _Heard(msgspec.Struct):
    rssi: float | None = None  # float: dBm


class _ChirpStack(msgspec.Struct, rename="camel"):
    device_info: _DeviceInfo
    time: datetime
    data: str
    dev_addr: str = ""
    f_cnt: int = 0
    rx_info: tuple[_Heard, ...] = ()


class _EndDevice(msgspec.Struct):
    dev_eui: str
    dev_addr: str = ""


class _Uplink(msgspec.Struct):
    frm_payload: str
    f_cnt: int = 0
    rx_metadata: tuple[_Heard, ...] = ()


class _ThingsStack(msgspec.Struct):
    end_device_ids: _EndDevice
    received_at: datetime
    uplink_message: _Uplink


def arrival_of(source: str, body: bytes, now: datetime) -> Arrival:
    """The batch that a posted uplink is; raises :class:`UplinkError`."""
    eui, session, count, at, data, heard = _read(body)
    try:
        frame = base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise UplinkError(f"uplink.data: {data[:40]!r}, must be base64") from error
    if not frame:
        raise UplinkError("uplink.data: empty, must be a telegram")
    if at.tzinfo is None:
        raise UplinkError(f"uplink.time: {at.isoformat()}, must carry a time zone")
    stamp = ClockStamp(millis(at), 0, True)
    strengths = [round(one.rssi) for one in heard if one.rssi is not None]
    item = _item(count + 1, stamp, frame, max(strengths, default=None), eui)
    boot = str(uuid5(_SESSIONS, f"{eui.lower()}:{session.lower()}"))
    batch = Batch(SCHEMA, source, boot, "lorawan", count + 1, stamp, b"", (item,))
    return Arrival(source, seal(batch), now)


def _read(body: bytes) -> tuple[str, str, int, datetime, str, tuple[_Heard, ...]]:
    try:
        plain: Any = msgspec.json.decode(body)
        if isinstance(plain, dict) and "uplink_message" in plain:
            stack = msgspec.convert(plain, _ThingsStack)
            ids, up = stack.end_device_ids, stack.uplink_message
            return ids.dev_eui, ids.dev_addr, up.f_cnt, stack.received_at, up.frm_payload, up.rx_metadata
        chirp = msgspec.convert(plain, _ChirpStack)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UplinkError(f"uplink: {error}") from error
    return chirp.device_info.dev_eui, chirp.dev_addr, chirp.f_cnt, chirp.time, chirp.data, chirp.rx_info


def _item(number: int, stamp: ClockStamp, frame: bytes, rssi: int | None, eui: str) -> TelegramItem:
    """The telegram as a device without keys would send it: what is sealed, the centre's register opens."""
    telegram = decode(frame, None, link="none")
    meter = None if telegram.meter is None else str(telegram.meter)
    state = telegram.security.state if telegram.ok or telegram.security.state in SEALED else "undecodable"
    item = TelegramItem(number, stamp, frame, "LoRaWAN", rssi, eui[:64], "lorawan", state, meter)
    return with_content(item, telegram) if telegram.ok and state not in SEALED else item
