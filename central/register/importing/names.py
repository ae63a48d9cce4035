"""What a file's rows name: only that is looked up in the register, however big it is."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from central.register import identifiers as check
from central.register.importing.file import (
    ContractRow,
    CustomerRow,
    InstallationRow,
    MeterRow,
    RouteRow,
    Row,
    SupplyPointRow,
)


@dataclass
class Names:
    """Codes of things, by kind; ``keyed`` are the addresses of meters that come with a key."""

    points: set[str] = field(default_factory=set)
    contracted_points: set[str] = field(default_factory=set)
    meters: set[str] = field(default_factory=set)
    serials: set[str] = field(default_factory=set)
    keyed: set[str] = field(default_factory=set)
    customers: set[str] = field(default_factory=set)
    contracts: set[str] = field(default_factory=set)
    all_points: bool = False

    def take(self, rows: Iterable[Row]) -> None:
        """Note what rows name."""
        for row in rows:
            self._take(row)

    def _take(self, row: Row) -> None:
        match row:
            case SupplyPointRow():
                self.points.add(row.code)
            case MeterRow():
                self._take_meter(row)
            case InstallationRow():
                self.points.add(row.supply_point)
                self.meters.add(row.meter)
                self.serials.add(row.meter)
            case CustomerRow():
                self.customers.add(row.code)
            case ContractRow():
                self.contracts.add(row.code)
                self.points.add(row.supply_point)
                self.contracted_points.add(row.supply_point)
                self.customers.update(holder.customer for holder in row.holders)
            case RouteRow():
                self.all_points |= row.stops is None
                self.points.update(row.stops or ())
            case _:
                pass

    def _take_meter(self, row: MeterRow) -> None:
        address = row.address or check.MECHANICAL + row.serial
        self.meters.add(address)
        self.serials.add(row.serial)
        if row.key is not None:
            self.keyed.add(address)
