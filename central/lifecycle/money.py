"""What a case does in the ledger: deposits charged, returned and passed on, and debts taken over.

Deposits are owed to ``deposit/<contract>/<customer>`` and move against ``receivable/<contract>/<customer>``, so that a
deposit which is returned pays what its holder still owes, and what is left is to their credit.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from billing.ledger import Account, Transaction
from billing.ledger.value import entries_of
from central.collection.posting import Postings
from central.register.change import Change, journalled
from central.store.models import Contract, ContractCase, Customer

DEPOSIT_CHARGED, DEPOSIT_RETURNED, DEPOSIT_PASSED = "deposit_charged", "deposit_returned", "deposit_passed"
DEBT_ASSUMED = "debt_assumed"


@dataclass(frozen=True)
class Move:
    """Cents that pass from one account to another because of a case: ``debit`` receives, ``credit`` gives."""

    kind: str
    debit: Account
    credit: Account
    cents: int
    memo: str


def charged(contract: Contract, customer: Customer, cents: int) -> Move:
    """A deposit the holder owes and the utility will keep for them."""
    kept, owed = deposit_account(contract, customer), receivable(contract, customer)
    return Move(DEPOSIT_CHARGED, owed, kept, cents, f"Fianza del contrato {contract.code}")


def returned(contract: Contract, customer: Customer, cents: int) -> Move:
    """A deposit given back: it pays what the holder owes, the rest is to their credit."""
    kept, owed = deposit_account(contract, customer), receivable(contract, customer)
    return Move(DEPOSIT_RETURNED, kept, owed, cents, f"Devolución de la fianza del contrato {contract.code}")


def passed(contract: Contract, old: Customer, new: Customer, cents: int) -> Move:
    """A deposit that the utility keeps for the new holder from now on."""
    memo = f"Fianza del contrato {contract.code}: de {old.code} a {new.code}"
    return Move(DEPOSIT_PASSED, deposit_account(contract, old), deposit_account(contract, new), cents, memo)


def assumed(contract: Contract, old: Customer, new: Customer, cents: int) -> Move:
    """A debt that the new holder takes over."""
    memo = f"Deuda del contrato {contract.code} asumida: de {old.code} a {new.code}"
    return Move(DEBT_ASSUMED, receivable(contract, new), receivable(contract, old), cents, memo)


def post(session: Session, case: ContractCase, contract: Contract, move: Move, day: date, by: Change) -> int:
    """Post a move of a case, once; returns its cents."""
    if move.cents == 0:
        return 0
    entries = entries_of([(move.debit, move.cents), (move.credit, -move.cents)])
    transaction = Transaction(f"case:{case.id}:{move.kind}", day, move.memo, entries)
    postings = Postings(case.utility_id, by.at)
    postings.add(transaction, move.kind, contract_id=contract.id)
    postings.write(session)
    after = {"case": case.number, "contract": contract.code, "kind": move.kind, "cents": move.cents}
    journalled(session, case.utility_id, by, "ledger.post", "contract", contract.id, after=after)
    return move.cents


def deposit_account(contract: Contract, customer: Customer) -> Account:
    """Where a holder's deposit is kept."""
    return Account("deposit", f"{contract.code}/{customer.code}")


def receivable(contract: Contract, customer: Customer) -> Account:
    """What one holder owes of a contract, apart from their invoices."""
    return Account("receivable", f"{contract.code}/{customer.code}")
