"""What a tariff charges once: the deposit, which the ledger keeps, and fees, which the next bill carries."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from billing.ledger import cents_of
from billing.rating import Case, rate
from billing.tariff import Book, RatingError, TariffError
from billing.tariff.facts import FACTS
from billing.tariff.model import Component, TariffVersion
from billing.volume import Period
from central.invoicing.states import RunError
from central.invoicing.tariffs import Assignments, book_at
from central.lifecycle.details import TermsAsked
from central.register.errors import RegisterError
from central.store.models import SupplyPoint

DEPOSIT_NATURE = "deposit"


@dataclass(frozen=True)
class Charge:
    """A one-off charge: its code in the tariff, its name, its amount before VAT; ``problem`` is why it has none."""

    code: str
    name: str
    cents: int
    deposit: bool
    problem: str = ""


@dataclass(frozen=True)
class Place:
    """Where and from when it would be charged; ``calibre_mm`` of the meter that hangs there."""

    point: SupplyPoint
    on: date
    calibre_mm: int | None
    settings: Mapping[str, Any]


def one_off(session: Session, place: Place, terms: TermsAsked, known_at: datetime) -> list[Charge]:
    """Every one-off charge of the tariffs of a supply point for these terms, in the tariffs' order."""
    period = Period(place.on, place.on + timedelta(1))
    try:
        names = Assignments(session, place.point.utility_id, known_at).of(place.point.zone, period)
    except RunError:
        return []  # no tariff applies there that day: no charge; the billing run will say so
    book = book_at(session, place.point.utility_id, known_at).book
    return [_charge(name, part, _case(place, terms), book) for name in names for part in _once(book, name)]


def chosen(charges: Sequence[Charge], codes: Sequence[str], by_default: Sequence[str] | None) -> list[Charge]:
    """The fees a case carries: those named; else the utility's usual ones; else (None) every one that has an amount."""
    fees = {charge.code: charge for charge in charges if not charge.deposit}
    wanted = codes or by_default
    if wanted is None:
        return [charge for charge in fees.values() if not charge.problem]
    for code in wanted:
        if code not in fees:
            raise RegisterError("charges", code, f"is not a one-off charge of the tariff: {', '.join(fees) or 'none'}")
        if fees[code].problem:
            raise RegisterError("charges", code, fees[code].problem)
    return [fees[code] for code in dict.fromkeys(wanted)]


def deposit(charges: Sequence[Charge], stated_cents: int | None) -> int:
    """The deposit in cents: what the case states, else the tariff's; :class:`RegisterError` where it has no amount."""
    if stated_cents is not None:
        return stated_cents
    total = 0
    for charge in charges:
        if charge.deposit and charge.problem:
            raise RegisterError("deposit_cents", charge.code, f"{charge.problem}; state the amount")
        total += charge.cents if charge.deposit else 0
    return total


@dataclass(frozen=True)
class _Only:
    """A tariff that has one component: the others need not be rateable for it to have a price."""

    version: TariffVersion

    def get(self, _tariff: str) -> TariffVersion:
        """The tariff."""
        return self.version


def _once(book: Book, name: str) -> Iterator[Component]:
    yield from (part for part in book.get(name).components if part.once)


def _charge(name: str, part: Component, case: dict[str, Any], book: Book) -> Charge:
    deposit_too = part.nature == DEPOSIT_NATURE
    version = replace(book.get(name), components=(part,))
    asked = {**case, "tariffs": [name], "once": [part.code]}
    try:
        cents = sum(cents_of(line.amount) for line in rate(Case.parse(asked), _Only(version)).lines)
    except (RatingError, TariffError) as error:
        return Charge(part.code, part.name, 0, deposit_too, str(error))
    return Charge(part.code, part.name, cents, deposit_too)


def _case(place: Place, terms: TermsAsked) -> dict[str, Any]:
    """The smallest case that has the facts a fee may ask."""
    billing = place.settings.get("billing", {})
    facts = {name: value for name, value in terms.parameters.items() if name in FACTS}
    supply = {
        "use": terms.use,
        "dwellings": terms.dwellings,
        "premises": terms.premises,
        "persons": terms.persons,
        "groups": sorted(terms.groups),
        "zone": place.point.zone,
        "calibre_mm": place.calibre_mm,
        **billing.get("supply_facts", {}),
        **facts,
    }
    return {
        "ref": place.point.code,
        "supply": {name: value for name, value in supply.items() if value is not None},
        "period": {"from": place.on.isoformat(), "to": (place.on + timedelta(1)).isoformat()},
        "litres": 0,
        "parameters": {},
        "bonuses": [],
    }
