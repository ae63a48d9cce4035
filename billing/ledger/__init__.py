"""Double entry: transactions whose entries sum to zero, and balances as projections of them."""

from billing.ledger.journal import Journal, LedgerError
from billing.ledger.posting import account_of, post_invoice, post_payment, receivable_of, reverse, vat_account
from billing.ledger.value import Account, Entry, Transaction, cents_of

__all__ = [
    "Account",
    "Entry",
    "Journal",
    "LedgerError",
    "Transaction",
    "account_of",
    "cents_of",
    "post_invoice",
    "post_payment",
    "receivable_of",
    "reverse",
    "vat_account",
]
