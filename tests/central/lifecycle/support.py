"""Cases opened, papered and completed in tests, over the houses of ``tests.central.factories``."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from central.lifecycle import (
    Asked,
    Bank,
    Closing,
    Details,
    Person,
    TermsAsked,
    complete,
    find_case,
    open_case,
    receive,
)
from central.lifecycle.cases import checklist_of
from central.register import Change
from central.store import write_session
from central.store.models import ContractCase
from tests.central.factories import Town

NOW = datetime(2026, 2, 20, 9, tzinfo=UTC)
CLERK, BOSS = Change("clerk", NOW), Change("jefa", NOW)
PDF = b"%PDF-1.7\nescritura"
JOAN = Person(nif="12345678Z", name="Joan Pérez Mas", email="joan@example.org", phone="600 000 000")
MARTA = Person(nif="87654321X", name="Marta Ruiz", address={"street": "Carrer Nou, 2", "town": "Agost"})
IBAN = "ES9121000418450200051332"
MID = date(2026, 2, 11)
REMOTE = Closing("remote")


def real(litres: int) -> Closing:
    """A reading on the spot."""
    return Closing("real", litres)


def holder_change(house: int = 1, on: date = MID, procedure: str = "change_of_holder", **said: Any) -> Asked:
    """The contract of the n-th house (from 1) passes to Joan."""
    cause = said.pop("cause", "")
    said = {"holder": JOAN, "closing": real(14_000)} | said
    return Asked(procedure, on, Details(**said), contract=f"K-{house:07d}", cause=cause)


def leaving(house: int = 1, on: date = MID, **said: Any) -> Asked:
    """The contract of the n-th house ends."""
    return Asked("cancellation", on, Details(**({"closing": real(14_000)} | said)), contract=f"K-{house:07d}")


def signing(supply: str, on: date = MID, **said: Any) -> Asked:
    """Joan signs a domestic contract at a supply point."""
    given = {"holder": JOAN, "terms": TermsAsked(persons=2, habitual_home=True), "bank": Bank(IBAN)} | said
    return Asked("sign_up", on, Details(**given), supply=supply)


def papered(session: Session, case: ContractCase, but: Iterable[str] = ()) -> ContractCase:
    """Every document on the checklist that is asked for is brought, but some."""
    for item in checklist_of(session, case):
        if item.required and item.code not in but:
            receive(session, case, item.code, PDF, f"{item.code}.pdf", by=CLERK)
    return case


def opened(town: Town, asked: Asked, by: Change = CLERK) -> int:
    """A case with all its documents; returns its number."""
    with write_session(town.engine) as session:
        return papered(session, open_case(session, town.utility_id, asked, by=by)).number


def done(town: Town, asked: Asked, by: Change = CLERK) -> dict[str, Any]:
    """A case from its opening to its end; returns what it made."""
    number = opened(town, asked, by)
    with write_session(town.engine) as session:
        case = case_of(session, town, number)
        complete(session, case, by=by)
        return dict(case.result or {})


def case_of(session: Session, town: Town, number: int) -> ContractCase:
    """A case by its number."""
    case = find_case(session, town.utility_id, number)
    assert case is not None
    return case


def with_details(asked: Asked, **changes: Any) -> Asked:
    """The same request saying something else."""
    return Asked(
        asked.procedure,
        asked.effective_on,
        msgspec.structs.replace(asked.details, **changes),
        supply=asked.supply,
        contract=asked.contract,
        cause=asked.cause,
        channel=asked.channel,
    )
