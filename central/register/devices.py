"""Devices: enrolled before the centre believes a word of them, revoked when they are lost."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from central.register import identifiers as check
from central.register.change import Change, journalled
from central.register.errors import RegisterError
from central.store import new_id
from central.store.models import Device
from protocols.sync import valid_device

KEY_BYTES = 32
KINDS = ("handheld", "vehicle", "fixed")


@dataclass(frozen=True)
class Enrolled:
    """What ingest needs to know of a sender."""

    utility_id: int
    id: int
    name: str
    revoked_at: datetime | None
    public_key: bytes | None = None


def enrol_device(
    session: Session, utility_id: int, name: str, kind: str = "handheld", public_key: bytes | None = None, *, by: Change
) -> Device:
    """Let a device in; its name is unique over all utilities because topics carry nothing else."""
    if not valid_device(name):
        raise RegisterError("device.name", name, "must be 1-32 of a-z, 0-9 and '-'")
    known = find_device(session, name)
    if known is not None:
        state = "revoked" if known.revoked_at else "enrolled"
        raise RegisterError("device.name", name, f"is {state} already; a name is used once")
    device = Device(
        utility_id=utility_id,
        id=new_id(),
        name=name,
        kind=check.one_of("device.kind", kind, KINDS),
        public_key=None if public_key is None else _public_key(public_key),
        enrolled_at=by.at,
    )
    session.add(device)
    session.flush()
    journalled(session, utility_id, by, "enrol", "device", device.id, after={"name": name, "kind": kind})
    return device


def set_device_key(session: Session, name: str, public_key: bytes, *, by: Change) -> Device:
    """From now on take only batches that the holder of this key signed (Ed25519)."""
    device = find_device(session, name)
    if device is None:
        raise RegisterError("device.name", name, "is not enrolled")
    before, after = device.public_key, _public_key(public_key)
    if before != after:
        device.public_key = after
        session.flush()
        told = {"public_key": None if before is None else before.hex()}
        journalled(
            session, device.utility_id, by, "key", "device", device.id, before=told, after={"public_key": after.hex()}
        )
    return device


def _public_key(raw: bytes) -> bytes:
    if len(raw) != KEY_BYTES:
        raise RegisterError("device.public_key", raw.hex(), f"must be {KEY_BYTES} bytes, an Ed25519 key")
    return raw


def revoke_device(session: Session, name: str, *, by: Change) -> Device:
    """Refuse everything this device sends from now on."""
    device = find_device(session, name)
    if device is None:
        raise RegisterError("device.name", name, "is not enrolled")
    if device.revoked_at is None:
        device.revoked_at = by.at
        session.flush()
        journalled(session, device.utility_id, by, "revoke", "device", device.id, after={"name": name})
    return device


def find_device(session: Session, name: str) -> Device | None:
    """The device with this name."""
    return session.scalar(select(Device).where(Device.name == name))


def list_devices(session: Session, utility_id: int | None = None) -> list[Device]:
    """Every device, by name."""
    query = select(Device).order_by(Device.name)
    return list(session.scalars(query if utility_id is None else query.where(Device.utility_id == utility_id)))
