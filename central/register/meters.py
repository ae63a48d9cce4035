"""Meters and their keys."""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, Select, select
from sqlalchemy.orm import Session

from central.register import identifiers as check
from central.register.change import Change, journalled, retire
from central.register.errors import RegisterError
from central.register.keys import KeyFileError, KeyRing, Sealed
from central.store import new_id
from central.store.models import Meter, MeterKey
from central.store.parts import in_parts

KEY_BYTES = 16


def add_meter(
    session: Session,
    utility_id: int,
    *,
    address: str | None = None,
    serial: str,
    calibre_mm: int,
    modulus_litres: int,
    radio: bool,
    q3_litres_hour: int | None = None,
    made_year: int | None = None,
    by: Change,
) -> Meter:
    """A new meter; one without radio or bus address is named by its serial."""
    meter = checked_meter(
        Meter(
            utility_id=utility_id,
            id=new_id(),
            address=address or check.MECHANICAL + serial,
            serial=serial,
            calibre_mm=calibre_mm,
            q3_litres_hour=q3_litres_hour,
            modulus_litres=modulus_litres,
            radio=radio,
            made_year=made_year,
            created_at=by.at,
        )
    )
    if find_meter(session, utility_id, meter.address) is not None:
        raise RegisterError("meter.address", meter.address, "exists already")
    if find_meter_by_serial(session, utility_id, meter.serial) is not None:
        raise RegisterError("meter.serial", meter.serial, "exists already")
    session.add(meter)
    session.flush()
    journalled(session, utility_id, by, "add", "meter", meter.id, after={"address": meter.address, "serial": serial})
    return meter


def find_meter(session: Session, utility_id: int, address: str) -> Meter | None:
    """The meter with this address."""
    return session.scalar(select(Meter).where(Meter.utility_id == utility_id, Meter.address == address))


def find_meter_by_serial(session: Session, utility_id: int, serial: str) -> Meter | None:
    """The meter with this serial."""
    return session.scalar(select(Meter).where(Meter.utility_id == utility_id, Meter.serial == serial))


def checked_meter(meter: Meter) -> Meter:
    """The same meter with every value checked."""
    meter.address = check.meter_address("meter.address", meter.address)
    meter.serial = check.code("meter.serial", meter.serial)
    check.at_least("meter.calibre_mm", meter.calibre_mm, 1)
    check.at_least("meter.modulus_litres", meter.modulus_litres, 1)
    if meter.q3_litres_hour is not None:
        check.at_least("meter.q3_litres_hour", meter.q3_litres_hour, 1)
    return meter


def add_meter_key(session: Session, meter: Meter, key: bytes, ring: KeyRing, *, by: Change) -> MeterKey:
    """Seal and keep a meter's key; an older one is retired."""
    for old in session.scalars(_current_keys(meter.utility_id).where(MeterKey.meter_id == meter.id)):
        retire(session, old, by)
    row = sealed_key(meter, key, ring, by)
    session.add(row)
    session.flush()
    journalled(session, meter.utility_id, by, "add", "meter_key", row.id, after={"meter": meter.address})
    return row


def sealed_key(meter: Meter, key: bytes, ring: KeyRing, by: Change) -> MeterKey:
    """The row of a meter's key."""
    if len(key) != KEY_BYTES:
        raise RegisterError("meter.key", "…", f"must be {KEY_BYTES} bytes, has {len(key)}")
    sealed = ring.seal(meter.address, key)
    return MeterKey(
        utility_id=meter.utility_id,
        id=new_id(),
        meter_id=meter.id,
        kek=sealed.kek,
        nonce=sealed.nonce,
        sealed=sealed.sealed,
        recorded_at=by.at,
    )


class RegisteredKeys(NamedTuple):
    """Keys by address, and why a key that is registered cannot be used."""

    keys: dict[str, bytes]
    problems: dict[str, str]

    def problem(self, address: str) -> str:
        """Why there is no key for a meter."""
        return self.problems.get(address, f"key of meter {address}: none is registered")


def registered_keys(
    connection: Connection | Session, utility_id: int, addresses: Iterable[str], ring: KeyRing | None
) -> RegisteredKeys:
    """The current keys of those of the meters that have one."""
    query = (
        select(Meter.address, MeterKey.kek, MeterKey.nonce, MeterKey.sealed)
        .join(MeterKey, (MeterKey.utility_id == Meter.utility_id) & (MeterKey.meter_id == Meter.id))
        .where(Meter.utility_id == utility_id, MeterKey.retired_at.is_(None))
    )
    found = RegisteredKeys({}, {})
    for part in in_parts(addresses):
        for address, kek, nonce, sealed in connection.execute(query.where(Meter.address.in_(part))).all():
            try:
                if ring is None:
                    raise KeyFileError(f"key of meter {address}: this process has no key file to open it with")
                found.keys[address] = ring.open(address, Sealed(kek, nonce, sealed))
            except KeyFileError as error:
                found.problems[address] = str(error)
    return found


def meter_keys(session: Session, utility_id: int, addresses: Iterable[str], ring: KeyRing) -> dict[str, bytes]:
    """The keys by address; raises :class:`KeyFileError` where one that is registered cannot be opened."""
    found = registered_keys(session, utility_id, addresses, ring)
    for problem in found.problems.values():
        raise KeyFileError(problem)
    return found.keys


def _current_keys(utility_id: int) -> Select[MeterKey]:
    return select(MeterKey).where(MeterKey.utility_id == utility_id, MeterKey.retired_at.is_(None))
