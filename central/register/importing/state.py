"""What the rows of a file are decided against: the register, and what the file adds before them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from central.register.change import Change
from central.register.errors import RegisterError
from central.register.importing.file import Row
from central.register.importing.ranges import Ranges
from central.register.keys import KeyRing
from central.store.models import Base, Contract, Customer, Device, Installation, Meter, SupplyPoint

Known = TypeVar("Known", bound=Base)


@dataclass
class Planned:
    """A row that is not refused: its fate and what it writes."""

    key: str
    fate: str
    new: list[Base] = field(default_factory=list)
    changes: list[Callable[[], None]] = field(default_factory=list)
    warning: str = ""


class State:
    """One utility's register as it would be after the rows planned so far."""

    def __init__(self, session: Session, ring: KeyRing | None, by: Change) -> None:
        self.session = session
        self.ring = ring
        self.by = by
        self.utility_id = 0
        self.points: dict[str, SupplyPoint] = {}
        self.meters: dict[str, Meter] = {}
        self.serials: dict[str, Meter] = {}
        self.customers: dict[str, Customer] = {}
        self.contracts: dict[str, Contract] = {}
        self.devices: dict[str, Device] = {}
        self.installations: dict[tuple[int, int, int], Installation] = {}
        self.meter_ranges: Ranges[int] = Ranges()
        self.point_ranges: Ranges[int] = Ranges()
        self.contract_ranges: Ranges[Any] = Ranges()

    def load(self, utility_id: int) -> None:
        """Take in what is registered of a utility."""
        self.utility_id = utility_id
        self.points = {point.code: point for point in self.all(SupplyPoint)}
        self.meters = {meter.address: meter for meter in self.all(Meter)}
        self.serials = {meter.serial: meter for meter in self.meters.values()}
        self.customers = {customer.code: customer for customer in self.all(Customer)}
        for contract in self.all(Contract):
            self.sign(contract)
        for installation in self.all(Installation):
            if installation.retired_at is None:
                self.hang(installation)

    def all(self, model: type[Known]) -> list[Known]:
        """Every row of a model that the utility has."""
        query = select(model).where(model.utility_id == self.utility_id)  # type: ignore[attr-defined]
        return list(self.session.scalars(query))

    def hang(self, installation: Installation) -> None:
        """Take an installation in."""
        key = (installation.meter_id, installation.supply_point_id, installation.from_ms)
        self.installations[key] = installation
        self.meter_ranges.add(installation.meter_id, installation.from_ms, installation.to_ms)
        self.point_ranges.add(installation.supply_point_id, installation.from_ms, installation.to_ms)

    def sign(self, contract: Contract) -> None:
        """Take a contract in."""
        self.contracts[contract.code] = contract
        self.contract_ranges.add(contract.supply_point_id, contract.valid_from, contract.valid_to)


def named(rows: dict[str, Known], field_name: str, key: str) -> Known:
    """The row another one refers to; raises :class:`RegisterError` where it is neither registered nor in the file."""
    try:
        return rows[key]
    except KeyError:
        raise RegisterError(field_name, key, "is neither registered nor added by this file") from None


def fields(row: Row) -> dict[str, Any]:
    """A row's values by name."""
    return {name: getattr(row, name) for name in row.__struct_fields__}


def against(key: str, known: Base, wanted: Base, names: tuple[str, ...]) -> Planned:
    """Unchanged where every named value is as wanted, else changed to it."""
    different = {name: getattr(wanted, name) for name in names if getattr(known, name) != getattr(wanted, name)}
    if not different:
        return Planned(key, "unchanged")
    refuse_twin(key, known)

    def change() -> None:
        for name, value in different.items():
            setattr(known, name, value)

    return Planned(key, "changed", changes=[change])


def refuse_twin(key: str, known: Base) -> None:
    """Raise :class:`RegisterError` where a differing row meets one that this same file adds."""
    if inspect(known).transient:
        raise RegisterError("row", key, "is in the file twice with different values")
