"""Paying credits back: asked for by one person, decided by another, sent to the bank, reported as paid or returned.

Each step is posted to the ledger and journalled. Nothing leaves a contract's credit without the second person.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, and_, not_, select, update
from sqlalchemy.orm import Session
from stdnum import iban as iban_rules

from billing.bank.credit_transfer import Order, Transfer, TransferError, credit_transfer
from billing.ledger import Account, Transaction
from billing.ledger.refunds import refund_due, refund_paid, refund_returned
from central import journal
from central.collection.credits import Credit, credits_of, hidden, today
from central.collection.posting import Postings
from central.store import new_id
from central.store.bulk import changed
from central.store.models import Contract, Refund, RefundOrder, Utility

APPROVED, REJECTED = "approved", "rejected"
DUE, PAID, RETURNED = "refund_due", "refund_paid", "refund_returned"
BANK = Account("bank", "transfers")


class RefundError(ValueError):
    """A refund that may not be; the text names what, its value and the rule.

    ``field`` is what was given wrong with its ``value`` and ``rule``, empty where the refund itself forbids the step.
    """

    def __init__(self, text: str, field: str = "", value: str = "", rule: str = "") -> None:
        super().__init__(text)
        self.field, self.value, self.rule = field, value, rule


@dataclass(frozen=True, slots=True)
class Listed:
    """A refund with its contract's code; ``state``: asked, rejected, approved, sent, paid or returned."""

    refund: Refund
    contract: str
    state: str


def ask(
    session: Session,
    utility_id: int,
    contract: str,
    actor: str,
    at: datetime,
    *,
    reason: str,
    cents: int | None = None,
    iban: str = "",
    customer: str = "",
) -> Refund:
    """Ask that a credit (or a part of it) be paid back to its owner's account, or to another of theirs.

    ``customer`` is the code of whose credit it is; needed only where a contract owes several people.
    """
    _refuse_silence(reason)
    row = session.scalar(select(Contract).where(Contract.utility_id == utility_id, Contract.code == contract))
    if row is None:
        raise RefundError(f"contract {contract}: does not exist")
    found = credits_of(session, utility_id, today(at), [row.id])
    if not found:
        raise RefundError(f"contract {contract}: has no credit")
    return _asked(
        session, utility_id, _whose(found, contract, customer.strip()), actor, at, reason.strip(), cents, iban
    )


def ask_all(
    session: Session, utility_id: int, actor: str, at: datetime, *, reason: str, least: int = 1
) -> list[Refund]:
    """Ask for every credit of who left his contract, where his account is known and nothing is asked for yet."""
    _refuse_silence(reason)
    credits = credits_of(session, utility_id, today(at))
    due = [one for one in credits if one.fate == "refund" and one.iban and not one.asked and one.cents >= least]
    return [_asked(session, utility_id, one, actor, at, reason.strip(), None, "") for one in due]


def _whose(found: Sequence[Credit], contract: str, customer: str) -> Credit:
    """The one credit that is meant: nobody is paid what another is owed."""
    if not customer and len(found) == 1:
        return found[0]
    codes = ", ".join(one.customer for one in found)
    mine = next((one for one in found if one.customer == customer), None)
    if mine is None:
        raise _wrong("customer", customer or "(empty)", f"must be who has a credit of {contract}: {codes}")
    return mine


def _wrong(field: str, value: str, rule: str) -> RefundError:
    return RefundError(f"{field}: {value}: {rule}", field, value, rule)


def _refuse_silence(reason: str) -> None:
    if not reason.strip():
        raise _wrong("reason", "(empty)", "a refund says why")


def _asked(
    session: Session,
    utility_id: int,
    credit: Credit,
    actor: str,
    at: datetime,
    reason: str,
    cents: int | None,
    iban: str,
) -> Refund:
    left = credit.cents - credit.asked
    amount = left if cents is None else cents
    if not 0 < amount <= left:
        raise _wrong("cents", str(amount), f"must be 1 to {left}, the credit of {credit.contract} not asked for yet")
    account = iban_rules.compact(iban or credit.iban)
    if not iban_rules.is_valid(account):
        raise _wrong("iban", account or "(none)", f"must be an account of {credit.holder}, a valid IBAN")
    row = Refund(
        utility_id=utility_id,
        id=new_id(),
        contract_id=credit.contract_id,
        customer_id=credit.customer_id,
        cents=amount,
        iban=account,
        holder=credit.holder,
        reason=reason,
        asked_by=actor,
        asked_at=at,
    )
    session.add(row)
    session.flush()
    told = {"contract": credit.contract, "cents": amount, "iban": hidden(account)}
    _journal(session, row, actor, at, "refund.asked", after=told, reason=reason)
    return row


def approve(session: Session, row: Refund, actor: str, at: datetime) -> None:
    """Decide that it is paid back: by another person than who asked, while the credit is still there."""
    if actor == row.asked_by:
        raise RefundError(f"refund {row.id}: {actor} asked for it; another person must decide")
    mine = (Contract.utility_id == row.utility_id, Contract.id == row.contract_id)
    # Locked: two refunds of one credit are not decided at the same time.
    code = session.scalars(select(Contract.code).where(*mine).with_for_update()).one()
    found = credits_of(session, row.utility_id, today(at), [row.contract_id])
    left = sum(one.cents for one in found if one.customer_id == row.customer_id)
    if left < row.cents:
        raise RefundError(f"refund {row.id}: cents: {row.cents}: the credit of {row.holder} in {code} is {left} by now")
    _decide(session, row, APPROVED, actor, at, "")
    _post(session, row, at, [(_due(row, code, today(at)), DUE)])
    _journal(session, row, actor, at, "refund.approved", after={"contract": code, "cents": row.cents})


def reject(session: Session, row: Refund, actor: str, at: datetime, reason: str) -> None:
    """Decide against it; it stays on record, and the credit stays."""
    if not reason.strip():
        raise RefundError(f"refund {row.id}: reason: (empty): a rejection says why")
    _decide(session, row, REJECTED, actor, at, reason.strip())
    _journal(session, row, actor, at, "refund.rejected", reason=reason.strip())


def export(session: Session, utility_id: int, actor: str, at: datetime, *, iban: str, execute_on: date) -> RefundOrder:
    """The credit transfer file of everything approved that is in none yet; RefundError where there is nothing."""
    rows = session.scalars(
        select(Refund)
        .where(Refund.utility_id == utility_id, Refund.decision == APPROVED, Refund.order_id.is_(None))
        .order_by(Refund.id)
        .with_for_update()
    ).all()
    if not rows:
        raise RefundError("refunds: (none): nothing is approved and not sent yet")
    utility = session.get_one(Utility, utility_id)
    order_id = new_id()
    transfers = [Transfer(f"SGC-{row.id}", row.holder, row.iban, row.cents, _text(session, row)) for row in rows]
    order = Order(
        f"SGC-{order_id}", utility.name, iban_rules.compact(iban), execute_on, at.replace(microsecond=0), transfers
    )
    try:
        content = credit_transfer(order)
    except TransferError as error:
        raise RefundError(str(error)) from None
    made = RefundOrder(
        utility_id=utility_id,
        id=order_id,
        code=order.code,
        execute_on=execute_on,
        debtor_iban=order.iban,
        transfers=len(rows),
        total_cents=order.cents,
        sha256=hashlib.sha256(content).hexdigest(),
        content=content.decode(),
        made_by=actor,
        made_at=at,
    )
    session.add(made)
    session.flush()
    for row in rows:
        row.order_id = made.id
    session.flush()
    told = {"code": made.code, "transfers": made.transfers, "cents": made.total_cents, "sha256": made.sha256}
    journal.record(session, utility_id, actor, "refund.exported", "refund_order", made.id, at=at, after=told)
    return made


def paid(session: Session, order: RefundOrder, actor: str, at: datetime, on: date) -> int:
    """The bank carried an order out; returns how many refunds are paid by it."""
    rows = _of_order(session, order)
    open_rows = [row for row in rows if row.paid_on is None and row.returned_on is None]
    if not open_rows:
        raise RefundError(f"order {order.code}: is paid already")
    for row in open_rows:
        code = _contract(session, row)
        row.paid_on, row.paid_by, row.paid_at = on, actor, at
        _post(session, row, at, [(_paid(row, code, on), PAID)])
    session.flush()
    told = {"code": order.code, "on": on.isoformat(), "transfers": len(open_rows)}
    journal.record(session, order.utility_id, actor, "refund.paid", "refund_order", order.id, at=at, after=told)
    return len(open_rows)


def returned(session: Session, row: Refund, actor: str, at: datetime, on: date, reason: str) -> None:
    """The bank gave a transfer back: the contract has its credit again, and a refund can be asked for anew."""
    # Locked: whether it was paid decides what is posted, and `paid` may be telling that just now.
    session.refresh(row, with_for_update=True)
    if row.order_id is None or row.returned_on is not None:
        raise RefundError(f"refund {row.id}: was not sent to the bank, or came back already")
    code = _contract(session, row)
    due = _due(row, code, today(row.decided_at or at))
    gone = _paid(row, code, row.paid_on) if row.paid_on is not None else None
    row.returned_on, row.returned_why = on, reason.strip() or "devuelta por el banco"
    _post(session, row, at, [(one, RETURNED) for one in refund_returned(due, gone, on, row.returned_why)])
    _journal(session, row, actor, at, "refund.returned", after={"on": on.isoformat()}, reason=row.returned_why)


def refunds(session: Session, utility_id: int, state: str | None = None) -> list[Listed]:
    """The refunds of a utility, the newest first; of one state where it is given."""
    rows = (
        select(Refund, Contract.code)
        .join(Contract, (Contract.utility_id == Refund.utility_id) & (Contract.id == Refund.contract_id))
        .where(Refund.utility_id == utility_id)
        .order_by(Refund.id.desc())
    )
    found = [Listed(row, code, state_of(row)) for row, code in session.execute(rows)]
    return [one for one in found if state is None or one.state == state]


def state_of(row: Refund) -> str:
    """Where a refund is."""
    if row.returned_on is not None:
        return "returned"
    if row.paid_on is not None:
        return "paid"
    if row.order_id is not None:
        return "sent"
    return row.decision or "asked"


def in_state(state: str) -> ColumnElement[bool]:
    """The condition that a refund is where :func:`state_of` says; of no known state there is none."""
    sent, paid_out, back = Refund.order_id.is_not(None), Refund.paid_on.is_not(None), Refund.returned_on.is_not(None)
    if state == "returned":
        return back
    if state == "paid":
        return and_(paid_out, not_(back))
    if state == "sent":
        return and_(sent, not_(paid_out), not_(back))
    decided = Refund.decision.is_(None) if state == "asked" else Refund.decision == state
    return and_(decided, not_(sent), not_(paid_out), not_(back))


def refund_of(session: Session, utility_id: int, refund_id: int) -> Refund:
    """A refund by its number; RefundError where there is none."""
    row = session.get(Refund, (utility_id, refund_id))
    if row is None:
        raise RefundError(f"refund {refund_id}: does not exist")
    return row


def order_named(session: Session, utility_id: int, code: str) -> RefundOrder:
    """An order by its code; RefundError where there is none."""
    row = session.scalar(select(RefundOrder).where(RefundOrder.utility_id == utility_id, RefundOrder.code == code))
    if row is None:
        raise RefundError(f"order {code}: does not exist")
    return row


def transactions_of(row: Refund, contract: str) -> list[Transaction]:
    """What a refund must have posted by now; the audit compares it with the ledger."""
    if row.decision != APPROVED or row.decided_at is None:
        return []
    due = _due(row, contract, today(row.decided_at))
    gone = [_paid(row, contract, row.paid_on)] if row.paid_on is not None else []
    back = []
    if row.returned_on is not None:
        back = refund_returned(due, gone[0] if gone else None, row.returned_on, row.returned_why or "")
    return [due, *gone, *back]


def _due(row: Refund, contract: str, day: date) -> Transaction:
    return refund_due(str(row.id), day, contract, row.cents, f"devolución: {row.reason}"[:200])


def _paid(row: Refund, contract: str, day: date) -> Transaction:
    return refund_paid(str(row.id), day, contract, row.cents, BANK, f"transferencia SGC-{row.id}")


def _text(session: Session, row: Refund) -> str:
    return f"Devolución contrato {_contract(session, row)}"


def _decide(session: Session, row: Refund, decision: str, actor: str, at: datetime, why: str) -> None:
    """Of two who decide at once one gets RefundError."""
    statement = (
        update(Refund)
        .where(Refund.utility_id == row.utility_id, Refund.id == row.id, Refund.decision.is_(None))
        .values(decision=decision, decided_by=actor, decided_at=at, decided_why=why)
    )
    if changed(session, statement) != 1:
        raise RefundError(f"refund {row.id}: is decided already")
    session.refresh(row)


def _post(session: Session, row: Refund, at: datetime, transactions: Sequence[tuple[Transaction, str]]) -> None:
    postings = Postings(row.utility_id, at)
    for transaction, kind in transactions:
        postings.add(transaction, kind, contract_id=row.contract_id)
    postings.write(session)


def _of_order(session: Session, order: RefundOrder) -> list[Refund]:
    rows = select(Refund).where(Refund.utility_id == order.utility_id, Refund.order_id == order.id)
    return list(session.scalars(rows.order_by(Refund.id).with_for_update()))


def _contract(session: Session, row: Refund) -> str:
    return session.get_one(Contract, (row.utility_id, row.contract_id)).code


def _journal(
    session: Session,
    row: Refund,
    actor: str,
    at: datetime,
    action: str,
    *,
    after: dict[str, object] | None = None,
    reason: str = "",
) -> None:
    journal.record(session, row.utility_id, actor, action, "refund", row.id, at=at, after=after, reason=reason)
