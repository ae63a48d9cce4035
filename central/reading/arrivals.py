"""Batches as they arrive: checked as far as that is possible without the database."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from protocols.sync import Batch, Envelope, Header, SyncError, open_batch, read_envelope


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
    """A batch whose envelope held and whose body is what its header announces."""

    arrival: Arrival
    envelope: Envelope
    batch: Batch


@dataclass(frozen=True)
class Refused:
    """Bytes that cannot be applied, and why. ``damaged``: they are not even the bytes somebody sealed."""

    arrival: Arrival
    reason: str
    header: Header | None = None
    damaged: bool = False


def open_arrival(arrival: Arrival) -> Opened | Refused:
    """Check envelope, sender and body."""
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
        return Opened(arrival, envelope, open_batch(envelope))
    except SyncError as error:
        return Refused(arrival, str(error), header)
