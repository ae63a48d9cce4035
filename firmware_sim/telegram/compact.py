"""Compact and format frames (EN 13757-3 annex G): the records without, or only, their headers."""

from firmware_sim.telegram import crc
from firmware_sim.telegram.records import Record


def signature(records: list[Record]) -> int:
    """CRC over all record headers in order: names the layout a compact frame follows."""
    return crc.wmbus(b"".join(record.header for record in records))


def full_frame_crc(records: list[Record]) -> int:
    """CRC over the full payload that the compact frame stands for."""
    return crc.wmbus(b"".join(bytes(record) for record in records))


def compact_payload(records: list[Record]) -> bytes:
    """Signature, CRC of the full frame (both low byte first), then the bare data."""
    return (
        signature(records).to_bytes(2, "little")
        + full_frame_crc(records).to_bytes(2, "little")
        + b"".join(record.data for record in records)
    )


def format_payload(records: list[Record]) -> bytes:
    """Length, signature (low byte first), then the headers; the length counts what follows it."""
    headers = b"".join(record.header for record in records)
    body = signature(records).to_bytes(2, "little") + headers
    return bytes((len(body),)) + body
