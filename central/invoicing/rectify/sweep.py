"""One correction for every contract: a tariff annulled or mended after the fact, readings corrected in bulk.

Each contract's proposal and each one's issue is a transaction of its own; run again after an interruption, what is
proposed or issued already is left as it is.
"""

from dataclasses import dataclass, field, replace
from datetime import date, datetime

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from central.invoicing.rectify.decide import issue
from central.invoicing.rectify.propose import ORIGINALS, NothingToRectifyError, Request, propose
from central.invoicing.states import RunError
from central.register import KeyRing
from central.store import read_session, write_session
from central.store.models import Contract, Invoice, Rectification, RectificationItem


@dataclass(slots=True)
class Sweep:
    """What came of it: ids of proposals, how many contracts were right, and why others could not be proposed."""

    proposed: list[int] = field(default_factory=list)
    bills: int = 0
    cents: int = 0
    right: int = 0
    waiting: int = 0  # contracts with a proposal that nobody has decided yet
    refused: dict[str, str] = field(default_factory=dict)  # by contract


@dataclass(slots=True)
class Issued:
    """What was issued: how many invoices, what they come to, and which proposals could not be, with the reason."""

    invoices: int = 0
    cents: int = 0
    refused: dict[int, str] = field(default_factory=dict)


def sweep(
    engine: Engine, utility_id: int, asked: Request, since: date, until: date | None, actor: str, at: datetime
) -> Sweep:
    """Propose ``asked`` for every contract with bills of periods that begin in [since, until).

    RunError where there are no such bills; a contract that cannot be rectified is named and does not stop the others.
    """
    with read_session(engine) as session:
        bills = _bills(session, utility_id, since, until)
        waiting = _waiting(session, utility_id)
    if not bills:
        raise RunError(f"since {since}: no bill's period begins there or later")
    found = Sweep(waiting=sum(contract in waiting for contract, _ in bills))
    for (contract, code), invoices in bills.items():
        if contract not in waiting:
            _propose(engine, utility_id, replace(asked, invoices=tuple(invoices)), code, actor, at, found)
    return found


def issue_all(
    engine: Engine,
    utility_id: int,
    reason: str,
    actor: str,
    at: datetime,
    *,
    issue_date: date,
    due_date: date,
    ring: KeyRing | None = None,
) -> Issued:
    """Issue every open proposal that states ``reason``; RunError where there is none."""
    with read_session(engine) as session:
        rows = select(Rectification.id).where(
            Rectification.utility_id == utility_id,
            Rectification.decision.is_(None),
            Rectification.reason == reason.strip(),
        )
        ids = session.scalars(rows.order_by(Rectification.id)).all()
    if not ids:
        raise RunError(f"reason {reason}: no open proposal states it")
    found = Issued()
    for proposal in ids:
        try:
            with write_session(engine) as session:
                row = session.get_one(Rectification, (utility_id, proposal))
                made = issue(session, row, actor, at, issue_date=issue_date, due_date=due_date, ring=ring)
                count, cents = len(made), sum(one.total_cents for one in made)
        except RunError as refused:
            found.refused[proposal] = str(refused)
        else:
            found.invoices += count
            found.cents += cents
    return found


def _propose(
    engine: Engine, utility_id: int, asked: Request, code: str, actor: str, at: datetime, found: Sweep
) -> None:
    try:
        with write_session(engine) as session:
            row = propose(session, utility_id, asked, actor, at)
            items = select(RectificationItem.before_cents, RectificationItem.after_cents).where(
                RectificationItem.utility_id == utility_id, RectificationItem.rectification_id == row.id
            )
            changes = [after - before for before, after in session.execute(items)]
            proposal = row.id
    except NothingToRectifyError:
        found.right += 1
    except RunError as refused:
        found.refused[code] = str(refused)
    else:
        found.proposed.append(proposal)
        found.bills += len(changes)
        found.cents += sum(changes)


def _bills(session: Session, utility_id: int, since: date, until: date | None) -> dict[tuple[int, str], list[int]]:
    """The original bills of each contract, by its id and code."""
    own = (Contract.utility_id == Invoice.utility_id) & (Contract.id == Invoice.contract_id)
    rows = (
        select(Invoice.contract_id, Contract.code, Invoice.id)
        .join(Contract, own)
        .where(Invoice.utility_id == utility_id, Invoice.kind.in_(ORIGINALS), Invoice.period_from >= since)
        .order_by(Invoice.contract_id, Invoice.period_from)
    )
    if until is not None:
        rows = rows.where(Invoice.period_from < until)
    found: dict[tuple[int, str], list[int]] = {}
    for contract, code, invoice in session.execute(rows):
        found.setdefault((contract, code), []).append(invoice)
    return found


def _waiting(session: Session, utility_id: int) -> set[int]:
    rows = select(Rectification.contract_id).where(
        Rectification.utility_id == utility_id, Rectification.decision.is_(None)
    )
    return set(session.scalars(rows))
