"""Batches as they arrive: checked as far as that is possible without the database."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from central.reading.columns import Columns, scan
from protocols.sync import Batch, Envelope, Header, SyncError, decode_item, open_batch, open_head, read_envelope


@dataclass(frozen=True)
class Arrival:
    """Bytes that say they are a batch, the device whose topic (or file) they came by, and when."""

    device: str
    payload: bytes
    received_at: datetime

    @property
    def key(self) -> str:
        """Names exactly these bytes from this device."""
        return f"batch:{self.device}:{hashlib.blake2b(self.payload, digest_size=16).hexdigest()}"


@dataclass(frozen=True)
class Opened:
    """A batch whose envelope held and whose body is what its header announces.

    Its plain telegrams may be in ``columns``: ``batch`` then holds only the other items, each from its place among all.
    """

    arrival: Arrival
    envelope: Envelope
    batch: Batch
    places: Sequence[int]
    columns: Columns | None = None

    @property
    def count(self) -> int:
        """How many items the batch has."""
        return self.envelope.header.items


@dataclass(frozen=True)
class Refused:
    """Bytes that cannot be applied, and why. ``damaged``: they are not even the bytes somebody sealed.

    ``forged``: nobody who holds the device's key sealed them, so the device is told nothing about them.
    """

    arrival: Arrival
    reason: str
    header: Header | None = None
    damaged: bool = False
    forged: bool = False


def open_arrival(arrival: Arrival, *, columnar: bool = False) -> Opened | Refused:
    """Check envelope, sender and body; ``columnar`` keeps plain telegrams as columns."""
    try:
        envelope = read_envelope(arrival.payload)
    except SyncError as error:
        return Refused(arrival, str(error), error.header, damaged=True)
    header = envelope.header
    if header.device != arrival.device:
        return Refused(arrival, f"header.device: {header.device!r}, came by the topic of {arrival.device!r}", header)
    if header.number < 1:
        return Refused(arrival, f"header.number: {header.number}, numbers start at 1", header)
    try:
        in_columns = _in_columns(arrival, envelope) if columnar else None
        if in_columns is not None:
            return in_columns
        batch = open_batch(envelope)
        return Opened(arrival, envelope, batch, range(len(batch.items)))
    except SyncError as error:
        return Refused(arrival, str(error), header)


def _in_columns(arrival: Arrival, envelope: Envelope) -> Opened | None:
    """The batch with its plain telegrams as columns; None where the typed messages must say what is wrong with it."""
    head = open_head(envelope)
    columns = scan(bytes(head.items))
    if columns is None or len(columns) != envelope.header.items:
        return None
    try:
        others = tuple(decode_item(raw) for _, raw in columns.others)
    except ValueError:
        return None
    fields = {name: getattr(head, name) for name in head.__struct_fields__ if name != "items"}
    batch = Batch(**fields, items=others)
    return Opened(arrival, envelope, batch, [place for place, _ in columns.others], columns)


def signature_refusal(one: Opened, public_key: bytes) -> str:
    """Why a batch is not the key's holder's; empty where it is."""
    if not one.envelope.signature:
        return f"batch.signature: missing, device {one.arrival.device!r} signs its batches"
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(one.envelope.signature, one.envelope.signed)
    except InvalidSignature:
        return f"batch.signature: not made with the key of device {one.arrival.device!r}"
    return ""
