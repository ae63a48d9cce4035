"""What a rule of the register's quality board is, and the questions several of them ask."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, or_
from sqlalchemy.orm import Session

from central.store.models import Contract, ContractHolder, ContractTerms, Installation, Utility
from central.times import midnight_ms

SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True)
class Asked:
    """What a rule is asked about: the register of a utility as it stands on a day (Europe/Madrid)."""

    session: Session
    utility: Utility
    today: date

    @property
    def utility_id(self) -> int:
        """Leads every key."""
        return self.utility.id

    @property
    def now_ms(self) -> int:
        """The start of the day, in epoch milliseconds."""
        return midnight_ms(self.today)

    def contract_holds(self) -> ColumnElement[bool]:
        """Contracts of the utility in force on the day."""
        return (
            (Contract.utility_id == self.utility_id)
            & (Contract.valid_from <= self.today)
            & or_(Contract.valid_to.is_(None), Contract.valid_to > self.today)
        )

    def hangs(self) -> ColumnElement[bool]:
        """Installations of the utility that stand on the day."""
        return (
            (Installation.utility_id == self.utility_id)
            & Installation.retired_at.is_(None)
            & (Installation.from_ms <= self.now_ms)
            & or_(Installation.to_ms.is_(None), Installation.to_ms > self.now_ms)
        )

    def stated(self, model: type[ContractHolder] | type[ContractTerms]) -> ColumnElement[bool]:
        """Current statements about contracts of the utility that hold on the day."""
        return (
            (model.utility_id == self.utility_id)
            & model.retired_at.is_(None)
            & (model.valid_from <= self.today)
            & or_(model.valid_to.is_(None), model.valid_to > self.today)
        )


@dataclass(frozen=True)
class Hit:
    """A subject (a code people know) and, in Spanish, what is wrong with it and the values that say so."""

    subject: str
    text: str


@dataclass(frozen=True)
class Rule:
    """One rule: its code, what it looks for (Spanish), how bad that is, who looks after it, and how it is found."""

    code: str
    title: str
    severity: str
    owner: str
    find: Callable[[Asked], Iterable[Hit]]

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES:
            raise ValueError(f"rule.severity: {self.severity!r}, must be one of {', '.join(SEVERITIES)}")
