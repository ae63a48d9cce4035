"""The end of a case that is ready: all it means for register, readings and ledger, in the caller's transaction."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from central.lifecycle import charges as tariff_charges
from central.lifecycle import closing, money, orders, papers, people, rules, standing
from central.lifecycle.cases import (
    SUBJECT,
    checklist_of,
    end,
    hold,
    local_today,
    lock,
    missing_data,
    state_of,
)
from central.lifecycle.details import TermsAsked, read
from central.lifecycle.procedures import Procedure, State
from central.lifecycle.rules import Situation
from central.register.change import Change, journalled
from central.register.contracts import (
    Terms,
    cancel_contract,
    change_holder,
    change_terms,
    find_contract,
    sign_contract,
)
from central.register.customers import end_customer
from central.register.errors import RegisterError
from central.store import new_id
from central.store.models import Contract, ContractCase, ContractCharge, ContractTerms, Customer, Utility


@dataclass(frozen=True)
class Work:
    """A case being done, by whom, and what is told of it in the end."""

    session: Session
    found: Situation
    by: Change
    result: dict[str, Any]

    @property
    def case(self) -> ContractCase:
        """The case."""
        return self.found.case


def complete(session: Session, case: ContractCase, *, by: Change) -> ContractCase:
    """Do what a ready case asks; :class:`RegisterError` says what is missing or forbids it, and nothing is changed."""
    # In the order in which whoever changes one of them locks: what is changed, then the utility, whose log is written.
    hold(session, case)
    if case.contract_id is not None:
        session.get(Contract, (case.utility_id, case.contract_id), with_for_update={"key_share": True})
    lock(session, case.utility_id)
    _refuse_unready(session, case)
    _refuse_own_waiver(session, case, by)
    found = rules.situation(session, case, read(case.details), local_today(by.at))
    rules.demand(found)
    work = Work(session, found, by, {})
    _WORK[found.procedure](work)
    case.result = work.result
    end(session, case, State.DONE, by)
    journalled(session, case.utility_id, by, "complete", SUBJECT, case.id, after=work.result)
    return case


def planned_charges(found: Situation, by: Change) -> list[tariff_charges.Charge]:
    """The one-off charges the tariff has for what a case asks, as they would be charged."""
    terms = _terms_asked(found)
    settings = found.session.get_one(Utility, found.case.utility_id).settings
    calibre = found.meter.calibre_mm if found.meter else None
    place = tariff_charges.Place(found.point, found.on, calibre, settings)
    return tariff_charges.one_off(found.session, place, terms, by.at)


def fees_of(found: Situation, known: list[tariff_charges.Charge]) -> list[tariff_charges.Charge]:
    """Of the one-off charges those that the bill over the effective day will carry."""
    settings = found.session.get_one(Utility, found.case.utility_id).settings
    usual = settings.get("lifecycle", {}).get("charges", {}).get(str(found.procedure))
    by_default = usual if found.procedure is Procedure.SIGN_UP else (usual or [])
    return tariff_charges.chosen(known, found.details.charges, by_default)


def _refuse_unready(session: Session, case: ContractCase) -> None:
    state = state_of(session, case)
    if state is State.READY:
        return
    if state is State.OPEN:
        raise RegisterError("case.state", str(state), f"still to be said: {', '.join(missing_data(session, case))}")
    have = papers.current(session, case)
    lacking = [
        item.code
        for item in checklist_of(session, case)
        if item.required and (item.code not in have or have[item.code].verdict not in papers.SETTLED)
    ]
    raise RegisterError("case.state", str(state), f"documents are missing: {', '.join(lacking)}")


def _refuse_own_waiver(session: Session, case: ContractCase, by: Change) -> None:
    """Four eyes: who did without a document does not also complete the case."""
    for code, row in papers.current(session, case).items():
        if row.verdict == papers.WAIVED and row.recorded_by == by.actor:
            raise RegisterError("case.completed_by", by.actor, f"waived {code}; another person must complete the case")


def _sign_up(work: Work) -> None:
    found, details = work.found, work.found.details
    customer = _new_customer(work)
    terms = details.terms or TermsAsked()
    code = details.contract_code or _free_code(work)
    contract = sign_contract(work.session, found.point, code, customer, terms.terms(), found.on, by=work.by)
    work.case.contract_id = contract.id
    work.session.flush()
    work.result.update(contract=contract.code, customer=customer.code)
    _take_reading(work)
    _charge(work, contract, customer)
    work.result["order"] = orders.order_meter(work.session, found.point, contract, work.by)


def _change_of_holder(work: Work) -> None:
    contract, old = work.found.existing, _old(work)
    new = _hand_over(work, contract)
    own = work.found.details.terms
    _restate_terms(work, contract, own.terms() if own else _without_the_person(work, contract))
    _return_deposit(work, contract, old)
    _charge(work, contract, new)


def _subrogate(work: Work) -> None:
    contract, old = work.found.existing, _old(work)
    owed = standing.debts(work.session, contract).get(old.id, 0)
    new = _hand_over(work, contract)
    if work.found.details.terms is not None:
        _restate_terms(work, contract, work.found.details.terms.terms())
    day = work.found.on
    kept = standing.deposit_of(work.session, contract, old)
    moved = money.post(work.session, work.case, contract, money.passed(contract, old, new, kept), day, work.by)
    work.result["deposit_passed_cents"] = moved
    if work.found.details.assume_debt and owed > 0:
        move = money.assumed(contract, old, new, owed)
        work.result["debt_assumed_cents"] = money.post(work.session, work.case, contract, move, day, work.by)
    _say_it_ended(work, old)


def _cancel(work: Work) -> None:
    contract, old = work.found.existing, _old(work)
    _take_reading(work)
    cancel_contract(work.session, contract, work.found.on, by=work.by)
    work.result.update(contract=contract.code, ends=work.found.on.isoformat(), from_customer=old.code)
    _return_deposit(work, contract, old)
    work.result["order"] = orders.order_removal(work.session, work.found.point, contract, work.by)
    _say_it_ended(work, old)


_WORK: dict[Procedure, Callable[[Work], None]] = {
    Procedure.SIGN_UP: _sign_up,
    Procedure.CHANGE_OF_HOLDER: _change_of_holder,
    Procedure.SUBROGATION: _subrogate,
    Procedure.CANCELLATION: _cancel,
}


def _hand_over(work: Work, contract: Contract) -> Customer:
    """Close the old holder's days with a reading and open the new one's."""
    new, old = _new_customer(work), _old(work)
    _take_reading(work)
    change_holder(work.session, contract, new, work.found.on, by=work.by)
    work.result.update(contract=contract.code, customer=new.code, from_customer=old.code)
    return new


def _say_it_ended(work: Work, old: Customer) -> None:
    """The old holder's death or dissolution, where the case states its day."""
    ended = work.found.details.ended_on
    if ended is not None and old.ended_on is None:
        end_customer(work.session, old, ended, f"expediente {work.case.number}", by=work.by)


def _new_customer(work: Work) -> Customer:
    person = work.found.details.holder
    if person is None:
        raise RegisterError("holder", "", "says who will hold the contract")
    customer = people.customer_for(work.session, work.case.utility_id, person, by=work.by)
    if work.found.details.bank is not None:
        people.give_account(work.session, work.case, customer, work.found.details.bank, by=work.by)
    return customer


def _old(work: Work) -> Customer:
    if work.found.person is None:
        raise RegisterError("case.effective_on", work.found.on.isoformat(), "nobody holds the contract the day before")
    return work.found.person


def _take_reading(work: Work) -> None:
    asked, meter = work.found.details.closing, work.found.meter
    if asked is None or meter is None:
        return
    index = closing.take(work.session, meter, asked, work.found.on, work.by)
    work.result["reading"] = {
        "meter": meter.address,
        "source": asked.source,
        "litres": index.litres,
        "at_ms": index.at_ms,
        "kind": index.kind,
        "revision": index.revision,
    }


def _charge(work: Work, contract: Contract, customer: Customer) -> None:
    """The deposit to the ledger, the fees to the bill over the effective day."""
    known = planned_charges(work.found, work.by)
    cents = tariff_charges.deposit(known, work.found.details.deposit_cents)
    move = money.charged(contract, customer, cents)
    work.result["deposit_cents"] = money.post(work.session, work.case, contract, move, work.found.on, work.by)
    fees = fees_of(work.found, known)
    work.session.add_all(
        ContractCharge(
            utility_id=work.case.utility_id,
            id=new_id(),
            contract_id=contract.id,
            case_id=work.case.id,
            code=fee.code,
            charged_on=work.found.on,
            recorded_at=work.by.at,
            recorded_by=work.by.actor,
        )
        for fee in fees
    )
    work.session.flush()
    work.result["charges"] = [fee.code for fee in fees]


def _return_deposit(work: Work, contract: Contract, old: Customer) -> None:
    kept = standing.deposit_of(work.session, contract, old)
    day = standing.day_before(work.found.on)
    move = money.returned(contract, old, kept)
    work.result["deposit_returned_cents"] = money.post(work.session, work.case, contract, move, day, work.by)


def _restate_terms(work: Work, contract: Contract, terms: Terms) -> None:
    change_terms(work.session, contract, terms, work.found.on, by=work.by)
    work.result["terms"] = terms.use


def _without_the_person(work: Work, contract: Contract) -> Terms:
    """The terms go on, but for what was granted to the person who leaves: persons, groups, bonuses, vulnerability."""
    row = standing.terms_on(work.session, contract, work.found.on)
    if row is None:
        raise RegisterError("terms", "", f"contract {contract.code} has none on {work.found.on}; state them")
    return _impersonal(row)


def _impersonal(row: ContractTerms) -> Terms:
    return Terms(
        use=row.use, dwellings=row.dwellings, premises=row.premises, parameters=dict(row.parameters), note=row.note
    )


def _terms_asked(found: Situation) -> TermsAsked:
    if found.details.terms is not None or found.contract is None:
        return found.details.terms or TermsAsked()
    row = standing.terms_on(found.session, found.contract, found.on)
    if row is None:
        return TermsAsked()
    facts = {name: str(value) for name, value in row.parameters.items()}
    return msgspec.structs.replace(
        TermsAsked(), use=row.use, dwellings=row.dwellings, premises=row.premises, parameters=facts
    )


def _free_code(work: Work) -> str:
    code = f"K-{work.case.number:07d}"
    if find_contract(work.session, work.case.utility_id, code) is not None:
        code = f"EXP-{work.case.number:07d}"
    return code
