"""What a rule of the register's quality board is, and the questions several of them ask."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, or_
from sqlalchemy.orm import Session

from central.register.errors import RegisterError
from central.store.models import Contract, ContractHolder, ContractTerms, Installation, Utility
from central.times import midnight_ms

SEVERITIES = ("error", "warning", "info")
OWNERS = ("clerk", "supervisor", "owner")
ABOUT = ("contract", "meter", "serial", "customer", "nif", "supply_point", "cadastral_ref")
_WORDS = ("severity", "owner", "off")


@dataclass(frozen=True)
class Asked:
    """What a rule is asked about: the register of a utility as it stands on a day (Europe/Madrid).

    ``numbers`` are the rule's own, as the utility sets them; ``options`` what else its settings say of the rule.
    """

    session: Session
    utility: Utility
    today: date
    numbers: Mapping[str, int] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

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
    """One rule: its code, what it looks for (Spanish), how bad that is, who looks after it, and how it is found.

    ``about`` is the kind of thing its subjects are, ``advice`` (Spanish) what to do, ``numbers`` what it compares with,
    which a utility may set, like severity and owner, in ``settings.quality.<code>``; ``options`` names other settings.
    """

    code: str
    title: str
    severity: str
    owner: str
    find: Callable[[Asked], Iterable[Hit]]
    about: str = "contract"
    advice: str = ""
    numbers: Mapping[str, int] = field(default_factory=dict)
    options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, allowed in (("severity", SEVERITIES), ("owner", OWNERS), ("about", ABOUT)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"rule.{name}: {getattr(self, name)!r}, must be one of {', '.join(allowed)}")

    def of(self, utility: Utility) -> "Rule | None":
        """The rule as a utility sets it, None where it is off; raises :class:`RegisterError` for a wrong setting."""
        said = _settings(utility, self.code)
        for name in said:
            if name not in (*_WORDS, *self.numbers, *self.options):
                known = ", ".join((*_WORDS, *self.numbers, *self.options))
                raise RegisterError(f"settings.quality.{self.code}", name, f"must be one of {known}")
        if said.get("off", False) is True:
            return None
        for name, allowed in (("severity", SEVERITIES), ("owner", OWNERS)):
            if said.get(name, allowed[0]) not in allowed:
                raise RegisterError(
                    f"settings.quality.{self.code}.{name}", said[name], f"must be one of {', '.join(allowed)}"
                )
        numbers = {name: said.get(name, usual) for name, usual in self.numbers.items()}
        for name, value in numbers.items():
            if type(value) is not int or value < 0:
                raise RegisterError(f"settings.quality.{self.code}.{name}", value, "must be a whole number from 0")
        severity, owner = said.get("severity", self.severity), said.get("owner", self.owner)
        return replace(self, severity=severity, owner=owner, numbers=numbers)

    def asked(self, asked: Asked) -> Asked:
        """The question with the rule's own numbers and options."""
        said = _settings(asked.utility, self.code)
        return replace(asked, numbers=self.numbers, options={name: said[name] for name in self.options if name in said})


def _settings(utility: Utility, code: str) -> Mapping[str, Any]:
    said = utility.settings.get("quality", {})
    if not isinstance(said, dict) or not isinstance(said.get(code, {}), dict):
        raise RegisterError("settings.quality", said, "must be an object of the rules' settings")
    found: dict[str, Any] = said.get(code, {})
    return found
