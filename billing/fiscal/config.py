"""What a utility configures about its fiscal records."""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from billing.fiscal.deadlines import SupplyDeadline


class Environment(StrEnum):
    """Which service of the tax agency records and QR codes point at."""

    TEST = "test"
    PRODUCTION = "production"


@dataclass(frozen=True, slots=True)
class Software:
    """The invoicing system that every record names (SistemaInformatico of the agency's schema).

    ``installation`` must never be reused for a second chain. ``several_payers`` says that this
    installation issues for more than one taxpayer.
    """

    producer: str
    producer_nif: str
    name: str
    identifier: str
    version: str
    installation: str
    several_payers: bool = False


@dataclass(frozen=True, slots=True)
class FiscalConfig:
    """The registry's settings.

    ``obligatory_from`` is when records become compulsory for this utility. The date has been moved by law
    several times (RD-ley 15/2025: 1 January 2027 for companies, 1 July 2027 for others), hence a setting.
    ``levy_regime`` is the ClaveRegimen of amounts not subject to VAT: 01, or 10 for collection on behalf
    of third parties. ``submits`` is False for a system that keeps signed records and a log of events instead of
    submitting ("no verificable"); the registry of ``no_verifactu`` sets it.
    """

    software: Software
    environment: Environment = Environment.TEST
    obligatory_from: date = date(2027, 1, 1)
    levy_regime: str = "01"
    submits: bool = True

    def compulsory_on(self, day: date) -> bool:
        """Whether an invoice issued that day must have a record."""
        return day >= self.obligatory_from


@dataclass(frozen=True, slots=True)
class SiiConfig:
    """What a large filer configures about the SII.

    ``levy_regime`` is the key of an invoice whose every amount is collected for others: 01, or 10 for collection on
    behalf of third parties.
    """

    environment: Environment = Environment.TEST
    levy_regime: str = "01"
    deadline: SupplyDeadline = field(default_factory=SupplyDeadline)
