"""The envelope around one batch: what can be checked before anything inside is believed.

    offset  bytes  meaning
    0       3      "SGC"
    3       1      envelope version: 1, or 2 where it is signed
    4       16     BLAKE2b-128 over header and body, that is over everything from the header's length on
    20      64     version 2 only: Ed25519 over "SGC batch 2", header and body
    ..      2      length of the header, big endian
    ..      n      header (msgpack array): device, boot, number, items, body length before compression
    ..      m      body: zstd-compressed msgpack of a Batch

A truncated or altered envelope fails its digest; the header is readable without opening the body, so a batch whose
body is poisoned can still be named, quarantined and answered. The signature lies outside of what it signs.
"""

import hashlib
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import msgspec
import zstandard

from protocols.sync.messages import SCHEMA, Batch, BatchHead
from protocols.sync.topics import valid_device

MAGIC = b"SGC"
VERSION = 1
SIGNED_VERSION = 2
SIGNATURE_BYTES = 64
MAX_BODY_BYTES = 16 * 1024 * 1024
_DIGEST = 16
_SIGNED_AS = b"SGC batch 2"
_FIXED = len(MAGIC) + 1 + _DIGEST + 2


_Body = TypeVar("_Body", Batch, BatchHead)


class Header(msgspec.Struct, frozen=True, array_like=True):
    """What an envelope says of its batch."""

    device: str
    boot: str
    number: int
    items: int
    body_bytes: int


class Envelope(NamedTuple):
    """A checked envelope: its digest held; the body has not been opened.

    ``signature``, empty where there is none, should be one of ``signed`` by Ed25519; only the register knows whose.
    """

    header: Header
    digest: bytes
    body: bytes
    signature: bytes = b""
    signed: bytes = b""


class SyncError(ValueError):
    """An envelope or batch that is refused; the text names field, value and rule. ``header`` where it was readable."""

    def __init__(self, text: str, header: Header | None = None) -> None:
        super().__init__(text)
        self.header = header


# msgspec lets malformed UTF-8 inside a string escape as a UnicodeDecodeError.
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError)

_header_decoder = msgspec.msgpack.Decoder(Header)
_batch_decoder = msgspec.msgpack.Decoder(Batch)
_head_decoder = msgspec.msgpack.Decoder(BatchHead)
_encoder = msgspec.msgpack.Encoder()


def seal(batch: Batch, level: int = 3, sign: Callable[[bytes], bytes] | None = None) -> bytes:
    """Envelope bytes of ``batch``; the same batch and level give the same bytes. ``sign`` signs with Ed25519."""
    raw = _encoder.encode(batch)
    if len(raw) > MAX_BODY_BYTES:
        raise SyncError(f"batch.items: {len(raw)} bytes, at most {MAX_BODY_BYTES} fit one batch")
    body = zstandard.ZstdCompressor(level=level).compress(raw)
    header = _encoder.encode(Header(batch.device, batch.boot, batch.number, len(batch.items), len(raw)))
    rest = len(header).to_bytes(2, "big") + header + body
    if sign is None:
        return MAGIC + bytes([VERSION]) + digest_of(rest) + rest
    return MAGIC + bytes([SIGNED_VERSION]) + digest_of(rest) + sign(_SIGNED_AS + rest) + rest


def digest_of(rest: bytes) -> bytes:
    """BLAKE2b-128 of everything behind the digest."""
    return hashlib.blake2b(rest, digest_size=_DIGEST).digest()


def read_envelope(data: bytes) -> Envelope:
    """Check magic, version, digest and header of ``data``; raises :class:`SyncError`."""
    if len(data) < _FIXED:
        raise SyncError(f"envelope: {len(data)} bytes, an envelope has at least {_FIXED}")
    if data[:3] != MAGIC:
        raise SyncError(f"envelope.magic: {data[:3].hex()}, must be {MAGIC.hex()} (SGC)")
    if data[3] not in (VERSION, SIGNED_VERSION):
        raise SyncError(f"envelope.version: {data[3]}, this side knows {VERSION} and {SIGNED_VERSION}")
    start = 4 + _DIGEST + (SIGNATURE_BYTES if data[3] == SIGNED_VERSION else 0)
    digest, signature, rest = data[4 : 4 + _DIGEST], data[4 + _DIGEST : start], data[start:]
    header = _read_header(rest)
    if digest_of(rest) != digest:
        raise SyncError(
            f"envelope.digest: {digest.hex()} does not match its {len(rest)} bytes (truncated or altered)",
            header,
        )
    if header is None:
        raise SyncError("envelope.header: not a header of this version")
    if not valid_device(header.device):
        raise SyncError(f"header.device: {header.device!r}, must be 1-32 of a-z, 0-9 and '-'", header)
    signed = _SIGNED_AS + rest if signature else b""
    return Envelope(header, digest, rest[2 + int.from_bytes(rest[:2], "big") :], signature, signed)


def _read_header(rest: bytes) -> Header | None:
    length = int.from_bytes(rest[:2], "big")
    try:
        return _header_decoder.decode(rest[2 : 2 + length])
    except _UNREADABLE:
        return None


def open_batch(envelope: Envelope) -> Batch:
    """Decompress and parse the body; raises :class:`SyncError` where it is not the batch its header announces."""
    batch = _parse(_batch_decoder, _decompress(envelope), envelope.header)
    if len(batch.items) != envelope.header.items:
        raise SyncError(
            f"batch.items: {len(batch.items)}, the header announces {envelope.header.items}", envelope.header
        )
    return batch


def open_head(envelope: Envelope) -> BatchHead:
    """The same with the items left unread; how many they are is then for whoever reads them to compare."""
    return _parse(_head_decoder, _decompress(envelope), envelope.header)


def _decompress(envelope: Envelope) -> bytes:
    header = envelope.header
    if not 0 <= header.body_bytes <= MAX_BODY_BYTES:
        raise SyncError(f"header.body_bytes: {header.body_bytes}, must be 0 to {MAX_BODY_BYTES}", header)
    try:
        raw = zstandard.ZstdDecompressor().decompress(envelope.body, max_output_size=header.body_bytes)
    except zstandard.ZstdError as error:
        raise SyncError(f"batch.body: not zstd data of {header.body_bytes} bytes ({error})", header) from error
    if len(raw) != header.body_bytes:
        raise SyncError(f"batch.body: {len(raw)} bytes, the header announces {header.body_bytes}", header)
    return raw


def _parse(decoder: msgspec.msgpack.Decoder[_Body], raw: bytes, header: Header) -> _Body:
    try:
        body = decoder.decode(raw)
    except _UNREADABLE as error:
        raise SyncError(f"batch: {error}", header) from error
    if body.schema != SCHEMA:
        raise SyncError(f"batch.schema: {body.schema}, this side knows {SCHEMA}", header)
    for field in ("device", "boot", "number"):
        inside, outside = getattr(body, field), getattr(header, field)
        if inside != outside:
            raise SyncError(f"batch.{field}: {inside!r}, the header says {outside!r}", header)
    return body
