"""Cases: opened, amended, rejected, withdrawn; where each stands follows from what it says and its documents."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from central.lifecycle import closing, papers, standing
from central.lifecycle.checklist import CaseFacts, ChecklistItem, items_for, rules
from central.lifecycle.details import Details, read, stored
from central.lifecycle.procedures import CLOSES, LIVE, NEW_HOLDER, Asked, Procedure, State
from central.register.change import Change, journalled
from central.register.contracts import find_contract
from central.register.errors import RegisterError
from central.register.supply import find_supply_point
from central.store import new_id
from central.store.models import Contract, ContractCase, SupplyPoint, Utility
from central.times import MADRID

SUBJECT = "contract_case"


def open_case(session: Session, utility_id: int, asked: Asked, *, by: Change) -> ContractCase:
    """Open a case; :class:`RegisterError` where the request cannot be, or one like it is open already."""
    asked = asked.checked()
    contract = _contract(session, utility_id, asked)
    point = _point(session, utility_id, asked, contract)
    lock(session, utility_id)
    _refuse_twin(session, point, asked.procedure)
    number = session.scalar(select(func.max(ContractCase.number)).where(ContractCase.utility_id == utility_id))
    case = ContractCase(
        utility_id=utility_id,
        id=new_id(),
        number=(number or 0) + 1,
        procedure=asked.procedure,
        cause=asked.cause,
        channel=asked.channel,
        supply_point_id=point.id,
        contract_id=contract.id if contract else None,
        opened_at=by.at,
        opened_by=by.actor,
        state=State.OPEN,
        effective_on=asked.effective_on,
        details=stored(asked.details),
    )
    session.add(case)
    session.flush()
    case.state = state_of(session, case)
    session.flush()
    after = {"number": case.number, "procedure": case.procedure, "cause": case.cause, "supply": point.code}
    journalled(session, utility_id, by, "open", SUBJECT, case.id, after=after | told(case))
    return case


def amend(session: Session, case: ContractCase, details: Details, effective_on: date, *, by: Change) -> None:
    """Say something else in a case that is not closed."""
    hold(session, case)
    before = told(case)
    case.details, case.effective_on = stored(details.checked()), effective_on
    session.flush()
    refresh(session, case)
    journalled(session, case.utility_id, by, "amend", SUBJECT, case.id, before=before, after=told(case))


def reject(session: Session, case: ContractCase, *, by: Change) -> None:
    """Close a case without doing it; ``by`` says why."""
    _close(session, case, State.REJECTED, by)


def withdraw(session: Session, case: ContractCase, *, by: Change) -> None:
    """Close a case because who asked does not want it any more; ``by`` says why."""
    _close(session, case, State.WITHDRAWN, by)


def find_case(session: Session, utility_id: int, number: int) -> ContractCase | None:
    """The case with this number."""
    return session.scalar(
        select(ContractCase).where(ContractCase.utility_id == utility_id, ContractCase.number == number)
    )


def case_with(session: Session, utility_id: int, case_id: int) -> ContractCase | None:
    """The case with this id, where it is of the utility."""
    return session.get(ContractCase, (utility_id, case_id))


def state_of(session: Session, case: ContractCase) -> State:
    """Where a live case stands: data missing, documents missing, or nothing."""
    if case.state not in LIVE:
        return State(case.state)
    if missing_data(session, case):
        return State.OPEN
    have = papers.current(session, case)
    lacking = (
        item
        for item in checklist_of(session, case)
        if item.required and (item.code not in have or have[item.code].verdict not in papers.SETTLED)
    )
    return State.WAITING if next(lacking, None) else State.READY


def refresh(session: Session, case: ContractCase) -> None:
    """Bring a case's stored state to what follows from its contents."""
    case.state = state_of(session, case)
    session.flush()


def missing_data(session: Session, case: ContractCase) -> list[str]:
    """What a case still has to say before it can be done: ``holder``, ``terms``, ``closing``."""
    details = read(case.details)
    missing = []
    if case.procedure in NEW_HOLDER and details.holder is None:
        missing.append("holder")
    if case.procedure == Procedure.SIGN_UP and details.terms is None:
        missing.append("terms")
    if case.procedure in CLOSES and details.closing is None:
        point = session.get_one(SupplyPoint, (case.utility_id, case.supply_point_id))
        if closing.meter_at(session, point, case.effective_on, opens=False) is not None:
            missing.append("closing")
    return missing


def checklist_of(session: Session, case: ContractCase) -> list[ChecklistItem]:
    """The documents a case is asked for."""
    utility = session.get_one(Utility, case.utility_id)
    return items_for(rules(utility.settings), _facts(session, case))


def hold(session: Session, case: ContractCase) -> None:
    """Wait for others at work on the case and see what they did; RegisterError where it is at its end by now."""
    session.refresh(case, with_for_update={"key_share": True})
    if case.state not in LIVE:
        raise RegisterError("case.state", str(case.state), f"case {case.number} is closed")


def told(case: ContractCase) -> dict[str, Any]:
    """What the audit keeps of a case's contents: an account by its last digits."""
    said = dict(case.details)
    if "bank" in said:
        said["bank"] = {**said["bank"], "iban": f"…{said['bank']['iban'][-4:]}"}
    return {"effective_on": case.effective_on.isoformat(), "details": said}


def lock(session: Session, utility_id: int) -> None:
    """Wait for others who open or complete cases of the utility: what they did is then seen."""
    session.execute(select(Utility.id).where(Utility.id == utility_id).with_for_update(key_share=True)).one()


def local_today(at: datetime) -> date:
    """The legal day of an instant."""
    return at.astimezone(MADRID).date()


def _facts(session: Session, case: ContractCase) -> CaseFacts:
    details = read(case.details)
    known = {
        "first_supply": _is_first(session, case),
        "direct_debit": details.bank is not None,
        "representative": _is_represented(details),
        "self_reading": details.closing is not None and details.closing.source == "self",
        "agreed_reading": details.closing is not None and details.closing.source == "agreed",
        "domestic": details.terms is not None and details.terms.use == "domestic",
        "other_use": details.terms is not None and details.terms.use != "domestic",
    }
    kind = details.holder.kind if details.holder else _present_kind(session, case)
    return CaseFacts(case.procedure, case.cause, kind, frozenset(name for name, holds in known.items() if holds))


def _is_first(session: Session, case: ContractCase) -> bool:
    before = standing.contracts_at(session, case.utility_id, case.supply_point_id)
    return not [contract for contract in before if contract.id != case.contract_id]


def _is_represented(details: Details) -> bool:
    who, holder = details.applicant, details.holder
    return who is not None and (holder is None or who.nif != holder.nif)


def _present_kind(session: Session, case: ContractCase) -> str:
    if case.contract_id is None:
        return "person"
    contract = session.get_one(Contract, (case.utility_id, case.contract_id))
    holder = standing.holder_on(session, contract, standing.day_before(case.effective_on))
    return standing.customer_of(session, holder).kind if holder else "person"


def _close(session: Session, case: ContractCase, state: State, by: Change) -> None:
    hold(session, case)
    if not by.reason.strip():
        raise RegisterError("case.reason", by.reason, f"say why case {case.number} is {state}")
    before = case.state
    end(session, case, state, by)
    journalled(
        session, case.utility_id, by, str(state), SUBJECT, case.id, before={"state": before}, after={"state": state}
    )


def end(session: Session, case: ContractCase, state: State, by: Change) -> None:
    """Put a case into one of its last states."""
    case.state, case.closed_at, case.closed_by, case.closed_why = state, by.at, by.actor, by.reason
    session.flush()


def _contract(session: Session, utility_id: int, asked: Asked) -> Contract | None:
    if asked.procedure not in CLOSES:
        return None
    contract = find_contract(session, utility_id, asked.contract)
    if contract is None:
        raise RegisterError("case.contract", asked.contract, "is not registered")
    if contract.valid_to is not None and contract.valid_to <= asked.effective_on:
        raise RegisterError("case.contract", asked.contract, f"ended on {contract.valid_to}")
    return contract


def _point(session: Session, utility_id: int, asked: Asked, contract: Contract | None) -> SupplyPoint:
    if contract is not None:
        return session.get_one(SupplyPoint, (utility_id, contract.supply_point_id))
    point = find_supply_point(session, utility_id, asked.supply)
    if point is None:
        raise RegisterError("case.supply", asked.supply, "is not registered")
    return point


def _refuse_twin(session: Session, point: SupplyPoint, procedure: str) -> None:
    twin = session.scalar(
        select(ContractCase.number).where(
            ContractCase.utility_id == point.utility_id,
            ContractCase.supply_point_id == point.id,
            ContractCase.procedure == procedure,
            ContractCase.state.in_(LIVE),
        )
    )
    if twin is not None:
        raise RegisterError("case.supply", point.code, f"case {twin} asks for the same and is not closed")
