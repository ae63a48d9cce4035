"""What the rows of a file are decided against: what is registered of the things it names, and what it adds itself."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

from sqlalchemy import inspect, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from central.register.change import Change
from central.register.errors import RegisterError
from central.register.importing.file import Row
from central.register.importing.names import Names
from central.register.importing.ranges import Ranges
from central.register.keys import KeyRing
from central.register.meters import meter_keys
from central.store.models import (
    BankAccount,
    Base,
    Contract,
    ContractHolder,
    ContractTerms,
    Customer,
    Installation,
    Meter,
    SupplyPoint,
)
from central.store.parts import in_parts

Known = TypeVar("Known", bound=Base)
Changes = dict[str, tuple[str, str]]


@dataclass
class Planned:
    """A row that is not refused: its fate, what it writes, and of each changed field the text before and after."""

    key: str
    fate: str
    new: list[Base] = field(default_factory=list)
    changes: list[Callable[[], None]] = field(default_factory=list)
    warning: str = ""
    said: Changes = field(default_factory=dict)


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
        self.keys: dict[str, bytes] = {}
        self.customers: dict[str, Customer] = {}
        self.accounts: dict[int, list[BankAccount]] = defaultdict(list)
        self.contracts: dict[str, Contract] = {}
        self.history: dict[int, list[ContractHolder | ContractTerms]] = defaultdict(list)
        self.devices: dict[str, Any] = {}
        self.installations: dict[tuple[int, int, int], Installation] = {}
        self.meter_ranges: Ranges[int] = Ranges()
        self.point_ranges: Ranges[int] = Ranges()
        self.contract_ranges: Ranges[date] = Ranges()

    def load(self, utility_id: int, names: Names) -> None:
        """Take in what is registered of the things a file names, and what else lies in their way."""
        self.utility_id = utility_id
        points = self.every(SupplyPoint) if names.all_points else self.among(SupplyPoint.code, names.points)
        self.points = {point.code: point for point in points}
        found = [*self.among(Meter.address, names.meters), *self.among(Meter.serial, names.serials)]
        self.meters = {meter.address: meter for meter in found}
        self.serials = {meter.serial: meter for meter in self.meters.values()}
        self.customers = {customer.code: customer for customer in self.among(Customer.code, names.customers)}
        for account in self.current(BankAccount.customer_id, self.customers.values()):
            self.accounts[account.customer_id].append(account)
        self._load_contracts(names)
        for column, owners in (
            (Installation.meter_id, self.meters.values()),
            (Installation.supply_point_id, self.points.values()),
        ):
            for installation in self.current(column, owners):
                self.hang(installation)
        if self.ring is not None and names.keyed:
            self.keys = meter_keys(self.session, utility_id, sorted(names.keyed), self.ring)

    def _load_contracts(self, names: Names) -> None:
        places = [self.points[code].id for code in sorted(names.contracted_points) if code in self.points]
        found = [*self.among(Contract.supply_point_id, places), *self.among(Contract.code, names.contracts)]
        for contract in {contract.id: contract for contract in found}.values():
            self.sign(contract)
        named_here = [self.contracts[code] for code in names.contracts if code in self.contracts]
        for column in (ContractHolder.contract_id, ContractTerms.contract_id):
            for said in self.current(column, named_here):
                self.history[said.contract_id].append(said)

    def every(self, model: type[Known]) -> list[Known]:
        """Every row of a model that the utility has."""
        query = select(model).where(model.utility_id == self.utility_id)  # type: ignore[attr-defined]
        return list(self.session.scalars(query))

    def among(self, column: InstrumentedAttribute[Any], values: Iterable[Any]) -> list[Any]:
        """The utility's rows in which a column has one of some values."""
        model = column.class_
        query = select(model).where(model.utility_id == self.utility_id)
        return [row for part in in_parts(sorted(values)) for row in self.session.scalars(query.where(column.in_(part)))]

    def current(self, column: InstrumentedAttribute[Any], owners: Iterable[Any]) -> list[Any]:
        """The statements about some rows that are believed now."""
        return [row for row in self.among(column, [owner.id for owner in owners]) if row.retired_at is None]

    def hang(self, installation: Installation) -> None:
        """Take an installation in, once."""
        key = (installation.meter_id, installation.supply_point_id, installation.from_ms)
        if key in self.installations:
            return
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


def against(key: str, known: Base, wanted: Base, names: Sequence[str]) -> Planned:
    """Unchanged where every named value is as wanted, else changed to it."""
    different = {name: getattr(wanted, name) for name in names if getattr(known, name) != getattr(wanted, name)}
    if not different:
        return Planned(key, "unchanged")
    refuse_twin(key, known)
    said = {name: (text_of(getattr(known, name)), text_of(value)) for name, value in different.items()}

    def change() -> None:
        for name, value in different.items():
            setattr(known, name, value)

    return Planned(key, "changed", changes=[change], said=said)


def text_of(value: Any) -> str:
    """A value as a fate shows it."""
    if isinstance(value, dict):
        return ", ".join(f"{name}: {text_of(part)}" for name, part in sorted(value.items()))
    return "" if value is None else str(value)


def refuse_twin(key: str, known: Base) -> None:
    """Raise :class:`RegisterError` where a differing row meets one that this same file adds."""
    if inspect(known).transient:
        raise RegisterError("row", key, "is in the file twice with different values")
