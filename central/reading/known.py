"""What ingest looks up of the register, remembered for a minute: meters by address, supply points by code."""

import time
from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, TypeVar

from sqlalchemy import Connection, select

from central.store.models import Meter, SupplyPoint
from central.store.parts import in_parts

REMEMBERED_S = 60

Found = TypeVar("Found")
Find = Callable[[Connection, int, list[str]], dict[str, Found]]


class KnownMeter(NamedTuple):
    """A registered meter as a reading needs it."""

    id: int
    modulus_litres: int


class Remembered(Generic[Found]):
    """Rows of one kind by utility and name. What is not found is asked for again each time."""

    def __init__(self, find: Find[Found]) -> None:
        self._find = find
        self._utilities: dict[int, dict[str, Found]] = {}
        self._since = time.monotonic()

    def of(self, connection: Connection, utility_id: int, names: Iterable[str]) -> dict[str, Found]:
        """Rows of a utility by name; all of ``names`` that exist are among them."""
        if time.monotonic() - self._since > REMEMBERED_S:
            self._utilities.clear()
            self._since = time.monotonic()
        remembered = self._utilities.setdefault(utility_id, {})
        missing = set(names) - remembered.keys()
        for part in in_parts(missing):
            remembered.update(self._find(connection, utility_id, part))
        return remembered


def find_meters(connection: Connection, utility_id: int, addresses: list[str]) -> dict[str, KnownMeter]:
    """Registered meters by address."""
    query = select(Meter.address, Meter.id, Meter.modulus_litres).where(
        Meter.utility_id == utility_id, Meter.address.in_(addresses)
    )
    return {address: KnownMeter(meter_id, modulus) for address, meter_id, modulus in connection.execute(query).all()}


def find_supply_points(connection: Connection, utility_id: int, codes: list[str]) -> dict[str, int]:
    """Identifiers of supply points by code."""
    query = select(SupplyPoint.code, SupplyPoint.id).where(
        SupplyPoint.utility_id == utility_id, SupplyPoint.code.in_(codes)
    )
    return dict(connection.execute(query).all())
