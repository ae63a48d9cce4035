"""How business facts become transactions."""

from dataclasses import replace
from datetime import date

from billing.invoice import Invoice, InvoiceLine
from billing.ledger.value import Account, Entry, Transaction, cents_of, entries_of


def post_invoice(invoice: Invoice) -> Transaction:
    """The transaction of an issued invoice, rectifying ones included.

    Debits the contract's receivable with the total; credits revenue by legal nature and component, VAT by
    rate, and what is collected for a third party to that beneficiary's payable account.
    """
    if invoice.issued is None:
        raise ValueError(f"invoice of contract {invoice.supply.contract}: issued is missing (not numbered yet)")
    amounts = [(receivable_of(invoice.supply.contract), cents_of(invoice.total))]
    amounts += [(account_of(line), -cents_of(line.amount)) for line in invoice.lines]
    amounts += [(vat_account(item.code), -cents_of(item.vat)) for item in invoice.vat]
    key = f"invoice:{invoice.issuer.nif}:{invoice.full_number}"
    return Transaction(key, invoice.issued, invoice.full_number, entries_of(amounts))


def receivable_of(contract: str) -> Account:
    """What a contract owes."""
    return Account("receivable", contract)


def account_of(line: InvoiceLine) -> Account:
    """What a line is credited to: revenue by legal nature and component, or whom it is collected for."""
    if line.beneficiary:
        return Account("levy", line.beneficiary)
    return Account("revenue", f"{line.nature}/{line.code}")


def vat_account(code: str) -> Account:
    """What the VAT of a rate is credited to."""
    return Account("vat", code)


def post_payment(key: str, day: date, contract: str, cents: int, into: Account, memo: str = "") -> Transaction:
    """Money received for a contract: debits where it arrived, credits the receivable."""
    entries = entries_of([(into, cents), (receivable_of(contract), -cents)])
    return Transaction(f"payment:{key}", day, memo, entries)


def reverse(transaction: Transaction, day: date, memo: str) -> Transaction:
    """The opposite of a transaction; nothing posted is ever changed."""
    entries = tuple(Entry(entry.account, -entry.cents) for entry in transaction.entries)
    return replace(transaction, key=f"reversal:{transaction.key}", day=day, memo=memo, entries=entries)
