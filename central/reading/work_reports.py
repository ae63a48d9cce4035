"""What devices report of work orders, as rows: recorded as it was said; what follows from it is :mod:`central.fleet`'s.

A meter's key that was read on the spot is sealed at once: nothing but the device ever keeps it open.
"""

from typing import Any

from central.register.keys import KeyRing
from protocols.sync import OrderReport

OUTCOMES = ("accepted", "done", "impossible")
_LINES = ("order", "supply", "meter", "reader", "new_serial", "new_address", "seal")
_LONGEST = 64
KEY_BYTES = 16


def refusal(item: OrderReport) -> str:
    """Why a report cannot be recorded; empty where it can."""
    if item.outcome not in OUTCOMES:
        return f"report.outcome: {item.outcome!r}, must be one of {', '.join(OUTCOMES)}"
    for name in _LINES:
        if len(getattr(item, name)) > _LONGEST:
            return f"report.{name}: {getattr(item, name)[:80]!r}, must have at most {_LONGEST} characters"
    if len(item.reason) > 2:
        return f"report.reason: {item.reason[:80]!r}, must be two characters or none"
    if item.new_key is not None and len(item.new_key) != KEY_BYTES:
        return f"report.new_key: …, must be {KEY_BYTES} bytes, has {len(item.new_key)}"
    return ""


def row(item: OrderReport, row_id: int, at_ms: int, doubt: str, ring: KeyRing | None) -> dict[str, Any]:
    """The columns that follow from the item alone."""
    said = {
        name: getattr(item, name) for name in item.__struct_fields__ if name not in ("id", "at", "order", "new_key")
    }
    values = said | {
        "id": row_id,
        "item": item.id,
        "order_code": item.order,
        "photos": list(item.photos),
        "at_ms": at_ms,
        "doubt": doubt,
        "kek": None,
        "nonce": None,
        "sealed": None,
        "status": "new",
        "problem": "",
    }
    if item.new_key is not None:
        values |= _sealed(row_id, item.new_key, ring)
    return values


def _sealed(row_id: int, key: bytes, ring: KeyRing | None) -> dict[str, Any]:
    if ring is None:
        return {"problem": "report.new_key: was sent, and this process had no key file to keep it with; bring it again"}
    sealed = ring.seal(key_name(row_id), key)
    return {"kek": sealed.kek, "nonce": sealed.nonce, "sealed": sealed.sealed}


def key_name(report_id: int) -> str:
    """What a report's key is sealed to."""
    return f"order_report/{report_id}"
