"""The messages' shapes. Instants are epoch milliseconds UTC, volumes whole litres."""

from typing import Annotated, TypeVar

import msgspec

SCHEMA = 1

Litres = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
Millis = Annotated[int, msgspec.Meta(ge=0, le=10**14)]


class ClockStamp(msgspec.Struct, frozen=True, array_like=True):
    """When something happened, as the device knew it.

    ``wall_ms`` is the wall clock (UTC epoch ms) and may be wrong; ``mono_ns`` is the monotonic clock of the
    operating system's boot named by the batch (``os_boot``) and only ever grows within it; ``trusted`` says
    whether the wall clock had been set by a source the device believes (NTP, GPS, a receiver's set clock).
    """

    wall_ms: Millis
    mono_ns: int
    trusted: bool


class TelegramItem(msgspec.Struct, frozen=True, array_like=True, tag="t"):
    """One telegram heard, with what the device could decode of it.

    ``state`` is the decoder's security state ("none", "decrypted", "key_missing", "key_wrong", "unsupported") or
    "undecodable". A sealed telegram (no key on the device) travels with ``litres`` None and is decoded at the centre.
    ``due`` holds (days since 1970-01-01, litres): the index at the start of that local day, as sent by the meter.
    """

    id: int
    at: ClockStamp
    frame: bytes
    mode: str
    rssi_dbm: int | None
    receiver: str
    crc_checked_by: str
    state: str
    meter: str | None = None
    access_no: int | None = None
    litres: Litres | None = None
    due: tuple[tuple[int, Litres], ...] = ()
    alarms: tuple[str, ...] = ()
    meter_time: str | None = None
    proof: str | None = None


class TypedReading(msgspec.Struct, frozen=True, array_like=True, tag="r"):
    """A reader's visit to a stop: an index typed on the device, or a reason why there is none.

    ``code`` is the incidence code of the visit ("00" = read without incidence). A correction is a new item whose
    ``replaces`` names the item it corrects; both are kept.
    """

    id: int
    at: ClockStamp
    supply: str
    meter: str
    litres: Litres | None
    code: str
    reader: str
    note: str = ""
    replaces: int | None = None
    confirmed: bool = False


class Event(msgspec.Struct, frozen=True, array_like=True, tag="e"):
    """Anything else worth keeping: receiver lost and found, garbage on the line, clock set."""

    id: int
    at: ClockStamp
    kind: str
    data: dict[str, str | int | bool | None]


class HourSeries(msgspec.Struct, frozen=True, array_like=True, tag="h"):
    """What a meter metered hour by hour, as a concentrator or a meter's own log gives it.

    ``start_ms`` is a whole hour, ``litres`` the index then; ``deltas`` are 32-bit little-endian integers, the litres of
    each hour from there on (1 to 25 hours), where -2^31 says that an hour is not known.
    """

    id: int
    at: ClockStamp
    meter: str
    start_ms: Millis
    litres: Litres
    deltas: Annotated[bytes, msgspec.Meta(min_length=4, max_length=100)]


class OrderReport(msgspec.Struct, frozen=True, array_like=True, tag="o"):
    """What became of a work order on the spot.

    ``outcome``: "accepted" (the device has the order), "done", or "impossible" with the incidence code ``reason``.
    ``litres`` is the index of the meter that hung there; ``new_*`` what was hung in its place, by serial or address
    (``new_key``: its AES key where it was read on the spot). ``photos`` are SHA-256 digests in lower-case hex; the
    pictures stay on the device. ``lat_e7``/``lon_e7`` are WGS 84 degrees times 10^7.
    """

    id: int
    at: ClockStamp
    order: str
    outcome: str
    supply: str
    meter: str
    reader: str
    reason: str = ""
    litres: Litres | None = None
    new_serial: str = ""
    new_address: str = ""
    new_litres: Litres | None = None
    new_key: bytes | None = None
    seal: str = ""
    note: str = ""
    photos: tuple[str, ...] = ()
    lat_e7: int | None = None
    lon_e7: int | None = None


Item = TelegramItem | TypedReading | Event | HourSeries | OrderReport


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """The body of an envelope: items of one boot in the order they were recorded.

    ``previous`` is the digest of the batch before this one in the same boot (empty for number 1).
    """

    schema: int
    device: str
    boot: str
    os_boot: str
    number: int
    sealed_at: ClockStamp
    previous: bytes
    items: tuple[Item, ...]


class BatchHead(msgspec.Struct, frozen=True, array_like=True):
    """A :class:`Batch` whose ``items`` are still the bytes they came as: an array of msgpack."""

    schema: int
    device: str
    boot: str
    os_boot: str
    number: int
    sealed_at: ClockStamp
    previous: bytes
    items: msgspec.Raw


class Refusal(msgspec.Struct, frozen=True, array_like=True):
    """A batch the centre keeps in quarantine, and why. The device keeps its copy and does not resend it."""

    number: int
    reason: str


class Ack(msgspec.Struct, frozen=True, array_like=True):
    """Every batch of ``boot`` up to and including ``committed`` is committed; ``also`` lists later ones that are."""

    schema: int
    device: str
    boot: str
    committed: int
    also: tuple[int, ...] = ()
    refused: tuple[Refusal, ...] = ()


class RouteStop(msgspec.Struct, frozen=True, array_like=True):
    """One supply point of a route in walking order, with what the reader needs on the spot.

    ``low_litres``/``high_litres`` bound the index that is expected today; ``modulus_litres`` is the register's
    capacity (rollover). ``lat_e7``/``lon_e7`` are WGS 84 degrees times 10^7.
    """

    position: int
    supply: str
    street: str
    number: str
    detail: str
    meter: str
    serial: str
    radio: bool
    modulus_litres: Litres
    last_litres: Litres | None = None
    last_at_ms: Millis | None = None
    low_litres: Litres | None = None
    high_litres: Litres | None = None
    lat_e7: int | None = None
    lon_e7: int | None = None
    hint: str = ""


class Route(msgspec.Struct, frozen=True, array_like=True):
    """A route handed to one device; the newest ``issued_ms`` replaces an older one of the same code.

    ``closed``: only these meters are to be read; what is heard of others is not kept. A route without stops was
    cancelled.
    """

    schema: int
    device: str
    code: str
    name: str
    planned_on: str
    issued_ms: Millis
    stops: tuple[RouteStop, ...]
    closed: bool = False


class WorkOrder(msgspec.Struct, frozen=True, array_like=True):
    """Something to be done at a supply point.

    ``kind``: "read", "inspect", "seal", "replace", "install", "remove", "cut" or "reconnect". ``meter`` is what hangs
    there as the centre knows it. ``day`` (ISO date) is the only day on which the order may be done; empty: any.
    ``due_ms``: when it must be done at the latest. The index is expected within ``low_litres``..``high_litres``.
    """

    code: str
    kind: str
    supply: str
    street: str
    number: str
    detail: str
    meter: str
    serial: str
    modulus_litres: Litres
    instructions: str = ""
    day: str = ""
    planned_on: str = ""
    due_ms: Millis | None = None
    last_litres: Litres | None = None
    low_litres: Litres | None = None
    high_litres: Litres | None = None
    lat_e7: int | None = None
    lon_e7: int | None = None


class WorkOrders(msgspec.Struct, frozen=True, array_like=True):
    """Every open order of one device: the newest ``issued_ms`` replaces all; what is missing was withdrawn."""

    schema: int
    device: str
    issued_ms: Millis
    orders: tuple[WorkOrder, ...]


Message = TypeVar("Message", Ack, Route, WorkOrders)

_item_decoder: msgspec.msgpack.Decoder[Item] = msgspec.msgpack.Decoder(Item)
_ack_decoder = msgspec.msgpack.Decoder(Ack)
_route_decoder = msgspec.msgpack.Decoder(Route)
_orders_decoder = msgspec.msgpack.Decoder(WorkOrders)


def encode_message(message: Ack | Route | WorkOrders) -> bytes:
    """The wire form of a downward message."""
    return msgspec.msgpack.encode(message)


def decode_item(data: bytes) -> Item:
    """Parse one item of a batch; raises :class:`ValueError` naming the field."""
    try:
        return _item_decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"item: {error}") from error


def decode_ack(data: bytes) -> Ack:
    """Parse an acknowledgement; raises :class:`ValueError` naming the field."""
    return _decode(_ack_decoder, data)


def decode_route(data: bytes) -> Route:
    """Parse a route; raises :class:`ValueError` naming the field."""
    return _decode(_route_decoder, data)


def decode_orders(data: bytes) -> WorkOrders:
    """Parse a device's work orders; raises :class:`ValueError` naming the field."""
    return _decode(_orders_decoder, data)


def _decode(decoder: msgspec.msgpack.Decoder[Message], data: bytes) -> Message:
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"message: {error}") from error
