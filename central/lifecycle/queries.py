"""Cases to look at: a list with its age, and one case with its checklist, deadlines, problems and next step."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select
from sqlalchemy.orm import Session

from central.collection.owed import holds
from central.lifecycle import deadlines, papers, rules, standing
from central.lifecycle.cases import SUBJECT, checklist_of, local_today, missing_data
from central.lifecycle.charges import Charge, deposit
from central.lifecycle.checklist import ChecklistItem
from central.lifecycle.complete import fees_of, planned_charges
from central.lifecycle.details import Details, read
from central.lifecycle.final_bill import FinalBill, final_bill, may_close
from central.lifecycle.procedures import LIVE, State
from central.register.change import Change
from central.register.errors import RegisterError
from central.store.models import (
    AuditEntry,
    Contract,
    ContractCase,
    ContractCaseDocument,
    ContractHolder,
    Customer,
    SupplyPoint,
    Utility,
)

PAGE = 50
MISSING = "missing"


@dataclass(frozen=True)
class Filters:
    """What a list is narrowed by; ``live`` leaves out what is closed, ``text`` is in a number, code, NIF or name."""

    state: str = ""
    procedure: str = ""
    live: bool = False
    text: str = ""


@dataclass(frozen=True)
class Listed:
    """A case in a list; ``days`` since it was opened, until it was closed or now."""

    id: int
    number: int
    procedure: str
    cause: str
    state: str
    supply: str
    address: str
    contract: str
    holder: str
    effective_on: date
    opened_at: datetime
    days: int


@dataclass(frozen=True)
class Paper:
    """One document of the checklist and what holds of it: ``missing``, ``received``, ``waived`` or ``refused``."""

    item: ChecklistItem
    verdict: str
    row: ContractCaseDocument | None


@dataclass(frozen=True)
class View:
    """A case as a person decides about it.

    ``next_step``: ``data``, ``documents``, ``problem``, ``complete``, or empty where it is closed. ``owed_cents`` is
    what the present holder owes of the contract; ``deposit_cents`` and ``fees`` what completing it would charge.
    ``may_close`` says that a closing bill can be made for it, ``final`` is the one that was.
    """

    listed: Listed
    case: ContractCase
    details: Details
    present_holder: str
    present_nif: str
    meter: str
    papers: list[Paper]
    missing: list[str]
    problems: list[str]
    deadlines: list[deadlines.Due]
    owed_cents: int
    deposit_cents: int | None
    fees: list[Charge]
    history: Sequence[AuditEntry]
    next_step: str
    may_close: bool
    final: FinalBill | None


def cases(
    session: Session, utility_id: int, filters: Filters, now: datetime, *, before: int | None = None, limit: int = PAGE
) -> list[Listed]:
    """The cases of a utility, the newest first; ``before`` is the number that the page before ended with."""
    rows = _joined(utility_id).where(*_conditions(filters))
    if before is not None:
        rows = rows.where(ContractCase.number < before)
    found = session.execute(rows.order_by(ContractCase.number.desc()).limit(limit)).all()
    present = _present_holders(session, utility_id, [case for case, _, _ in found])
    return [_listed(case, point, code, present.get(case.id, ""), now) for case, point, code in found]


def view(session: Session, utility_id: int, case_id: int, now: datetime) -> View | None:
    """One case; None where the utility has none with this id."""
    row = session.execute(_joined(utility_id).where(ContractCase.id == case_id)).first()
    if row is None:
        return None
    case, point, code = row
    settings = session.get_one(Utility, utility_id).settings
    details = read(case.details)
    found = rules.situation(session, case, details, local_today(now))
    live = case.state in LIVE
    missing = missing_data(session, case) if live else []
    problems = [str(error) for error in rules.problems(found)] if live and not missing else []
    deposit_cents, fees = _planned(found, now, problems) if live else (None, [])
    clock = deadlines.Clock(case.opened_at, _done_at(case), not live, local_today(now))
    return View(
        listed=_listed(case, point, code, found.person.name if found.person else "", now),
        case=case,
        details=details,
        present_holder=found.person.name if found.person else "",
        present_nif=found.person.nif if found.person else "",
        meter=found.meter.address if found.meter else "",
        papers=_papers(session, case),
        missing=missing,
        problems=problems,
        deadlines=deadlines.due(settings, case.procedure, case.channel, clock),
        owed_cents=_owed(session, found),
        deposit_cents=deposit_cents,
        fees=fees,
        history=_history(session, case),
        next_step=_next_step(case, problems),
        may_close=may_close(case),
        final=final_bill(session, case) if may_close(case) else None,
    )


def _owed(session: Session, found: rules.Situation) -> int:
    if found.contract is None or found.holder is None:
        return 0
    return standing.debts(session, found.contract).get(found.holder.customer_id, 0)


def _planned(found: rules.Situation, now: datetime, problems: list[str]) -> tuple[int | None, list[Charge]]:
    """The deposit and the fees that completing would charge; what cannot be priced is a problem."""
    if found.procedure not in ("sign_up", "change_of_holder"):
        return None, []
    try:
        known = planned_charges(found, Change("", now))
        return deposit(known, found.details.deposit_cents), fees_of(found, known)
    except RegisterError as error:
        problems.append(str(error))
        return None, []


def _next_step(case: ContractCase, problems: list[str]) -> str:
    steps = {State.OPEN: "data", State.WAITING: "documents", State.READY: "problem" if problems else "complete"}
    return steps.get(State(case.state), "")


def _done_at(case: ContractCase) -> datetime | None:
    return case.closed_at if case.state == State.DONE else None


def _papers(session: Session, case: ContractCase) -> list[Paper]:
    have = papers.current(session, case)
    asked = checklist_of(session, case)
    return [
        Paper(item, row.verdict if (row := have.get(item.code)) else MISSING, have.get(item.code)) for item in asked
    ]


def _history(session: Session, case: ContractCase) -> Sequence[AuditEntry]:
    rows = select(AuditEntry).where(
        AuditEntry.utility_id == case.utility_id, AuditEntry.subject == SUBJECT, AuditEntry.subject_id == case.id
    )
    return session.scalars(rows.order_by(AuditEntry.position)).all()


def _joined(utility_id: int) -> Select[ContractCase, SupplyPoint, str | None]:
    at = and_(SupplyPoint.utility_id == ContractCase.utility_id, SupplyPoint.id == ContractCase.supply_point_id)
    of = and_(Contract.utility_id == ContractCase.utility_id, Contract.id == ContractCase.contract_id)
    return (
        select(ContractCase, SupplyPoint, Contract.code)
        .join(SupplyPoint, at)
        .outerjoin(Contract, of)
        .where(ContractCase.utility_id == utility_id)
    )


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if filters.state:
        found.append(ContractCase.state == filters.state)
    if filters.procedure:
        found.append(ContractCase.procedure == filters.procedure)
    if filters.live:
        found.append(ContractCase.state.in_(LIVE))
    if filters.text:
        found.append(_mentions(filters.text.strip()))
    return found


def _mentions(text: str) -> ColumnElement[bool]:
    holder: Any = ContractCase.details["holder"]
    anywhere = [
        SupplyPoint.code == text,
        Contract.code == text,
        holder["nif"].as_string() == text.upper(),
        holder["name"].as_string().icontains(text, autoescape=True),
        _of_a_holder(text),
    ]
    digits = text.upper().removeprefix("EXP-").lstrip("0")
    if digits.isdecimal() and len(digits) < 16:
        anywhere.append(ContractCase.number == int(digits))
    return or_(*anywhere)


def _of_a_holder(text: str) -> ColumnElement[bool]:
    """Whether somebody who holds or held the contract has this NIF or name."""
    of = and_(Customer.utility_id == ContractHolder.utility_id, Customer.id == ContractHolder.customer_id)
    return exists().where(
        ContractHolder.utility_id == ContractCase.utility_id,
        ContractHolder.contract_id == ContractCase.contract_id,
        of,
        or_(Customer.nif == text.upper(), Customer.name.icontains(text, autoescape=True)),
    )


def _present_holders(session: Session, utility_id: int, found: Sequence[ContractCase]) -> dict[int, str]:
    """By case the name of who holds its contract the day before."""
    contracts = {case.contract_id for case in found if case.contract_id is not None}
    of = and_(Customer.utility_id == ContractHolder.utility_id, Customer.id == ContractHolder.customer_id)
    rows = session.execute(
        select(ContractHolder, Customer.name)
        .join(Customer, of)
        .where(
            ContractHolder.utility_id == utility_id,
            ContractHolder.contract_id.in_(contracts),
            ContractHolder.retired_at.is_(None),
        )
    ).all()
    return {
        case.id: name
        for case in found
        for row, name in rows
        if row.contract_id == case.contract_id and holds(row, standing.day_before(case.effective_on))
    }


def _listed(case: ContractCase, point: SupplyPoint, contract: str | None, present: str, now: datetime) -> Listed:
    detail = f", {point.detail}" if point.detail else ""
    return Listed(
        id=case.id,
        number=case.number,
        procedure=case.procedure,
        cause=case.cause,
        state=case.state,
        supply=point.code,
        address=f"{point.street}, {point.number}{detail}",
        contract=contract or "",
        holder=(case.details.get("holder") or {}).get("name", present),
        effective_on=case.effective_on,
        opened_at=case.opened_at,
        days=((case.closed_at or now) - case.opened_at).days,
    )
