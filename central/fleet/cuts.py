"""What is known of a contract that allows a cut or forbids it, kept day by day; the rules are :mod:`.cutting`."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from central.collection.posting import balance
from central.fleet.cutting import CutRules, CutRulesError, Debtor, Refusal, Step, refusals, rules_of
from central.register import Change, RegisterError
from central.register import identifiers as check
from central.register.change import journalled, retire
from central.store import new_id
from central.store.models import Contract, ContractTerms, CutFact, Utility
from central.times import local_day, millis

DEMAND, AUTHORITY = "demand", "authority"
STEPS = (DEMAND, AUTHORITY)
PROTECTIONS = ("essential", "claim", "instalments")


def record_fact(
    session: Session,
    contract: Contract,
    kind: str,
    since: date,
    reference: str,
    *,
    until: date | None = None,
    cents: int | None = None,
    by: Change,
) -> CutFact:
    """Keep a step that was taken (a demand with its cents, a notice to the authority) or a protection."""
    check.one_of("cut.kind", kind, (*STEPS, *PROTECTIONS))
    check.name("cut.reference", reference)
    if until is not None and until <= since:
        raise RegisterError("cut.until", until.isoformat(), f"must lie after {since}")
    if kind == DEMAND and (cents is None or cents <= 0):
        raise RegisterError("cut.cents", cents, "a demand says how much is claimed, above zero")
    if kind in STEPS and since > local_day(millis(by.at)):
        raise RegisterError("cut.since", since.isoformat(), "lies ahead: a step is kept once it was taken")
    fact = CutFact(
        utility_id=contract.utility_id,
        id=new_id(),
        contract_id=contract.id,
        kind=kind,
        since=since,
        until=until,
        cents=cents,
        reference=reference,
        recorded_at=by.at,
        recorded_by=by.actor,
        retired_at=None,
    )
    session.add(fact)
    session.flush()
    after = {"kind": kind, "since": since.isoformat(), "cents": cents, "reference": reference}
    journalled(session, contract.utility_id, by, f"cut.{kind}", "contract", contract.id, after=after)
    return fact


def retire_fact(session: Session, fact: CutFact, *, by: Change) -> None:
    """Say that a fact does not hold (any more): a claim was answered, a demand was withdrawn."""
    if fact.retired_at is not None:
        raise RegisterError("cut.fact", fact.id, "does not hold any more")
    retire(session, fact, by)
    before = {"kind": fact.kind, "since": fact.since.isoformat(), "reference": fact.reference}
    journalled(session, fact.utility_id, by, "cut.retired", "contract", fact.contract_id, before=before)


def facts_of(session: Session, contract: Contract) -> Sequence[CutFact]:
    """What holds of a contract, the oldest first."""
    return session.scalars(
        select(CutFact)
        .where(
            CutFact.utility_id == contract.utility_id,
            CutFact.contract_id == contract.id,
            CutFact.retired_at.is_(None),
        )
        .order_by(CutFact.since, CutFact.id)
    ).all()


def debtor_of(session: Session, contract: Contract, on: date, today: date) -> Debtor:
    """What the law asks about a contract that may be cut on a day."""
    facts = [fact for fact in facts_of(session, contract) if fact.until is None or fact.until > on]
    holding = {fact.kind: fact.reference for fact in facts if fact.kind in PROTECTIONS and fact.since <= on}
    return Debtor(
        debt_cents=balance(session, contract.utility_id, contract.id, today),
        demands=_steps(facts, DEMAND),
        authority=_steps(facts, AUTHORITY),
        vulnerable=_vulnerable(session, contract, on),
        essential="essential" in holding,
        claim="claim" in holding,
        instalments="instalments" in holding,
        protections=holding,
    )


def rules_for(session: Session, utility_id: int) -> CutRules:
    """The utility's rules; raises :class:`RegisterError` where its settings are no rules."""
    utility = session.get_one(Utility, utility_id)
    try:
        return rules_of(utility.settings)
    except CutRulesError as error:
        raise RegisterError("utility.settings.cuts", utility.code, str(error)) from error


def forbidden(session: Session, contract: Contract, on: date, now: datetime) -> list[Refusal]:
    """Every rule that forbids to cut a contract for its debt on a day."""
    rules = rules_for(session, contract.utility_id)
    return refusals(debtor_of(session, contract, on, local_day(millis(now))), rules, on)


def allowed(session: Session, contract: Contract | None, cause: str, on: date | None, now: datetime) -> dict[str, Any]:
    """What an order to cut keeps of why it is lawful; raises :class:`RegisterError` with the rule's name otherwise."""
    if on is None:
        raise RegisterError("order.planned_on", None, "a cut needs its day: the law forbids some")
    if on < local_day(millis(now)):
        raise RegisterError("order.planned_on", on.isoformat(), "lies in the past")
    if cause in ("safety", "request"):
        return {}
    if contract is None:
        raise RegisterError("order.contract", None, "a cut needs the contract it is about")
    if cause == "contract":
        if contract.valid_to is None or contract.valid_to > on:
            raise RegisterError("order.contract", contract.code, f"holds on {on}: it has not ended")
        return {}
    found = forbidden(session, contract, on, now)
    if found:
        raise RegisterError(f"cut.{found[0].rule}", contract.code, "; ".join(one.text for one in found))
    rules = rules_for(session, contract.utility_id)
    debt = balance(session, contract.utility_id, contract.id, local_day(millis(now)))
    return {"debt_cents": debt, "law": rules.source}


def _steps(facts: Sequence[CutFact], kind: str) -> list[Step]:
    return [Step(fact.since, fact.cents, fact.reference) for fact in facts if fact.kind == kind]


def _vulnerable(session: Session, contract: Contract, on: date) -> bool:
    """Whether a vulnerable household lives there. That a home is habitual is not asked: of two readings, the kinder."""
    return bool(
        session.scalar(
            select(ContractTerms.vulnerable)
            .where(
                ContractTerms.utility_id == contract.utility_id,
                ContractTerms.contract_id == contract.id,
                ContractTerms.retired_at.is_(None),
                ContractTerms.valid_from <= on,
                or_(ContractTerms.valid_to.is_(None), ContractTerms.valid_to > on),
            )
            .order_by(ContractTerms.vulnerable.desc())
            .limit(1)
        )
    )
