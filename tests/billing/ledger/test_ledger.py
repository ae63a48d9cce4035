"""Every transaction sums to zero, every balance is a projection, nothing is posted twice."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.invoice import InvoiceType, rectify, sum_vat
from billing.ledger import (
    Account,
    Entry,
    Journal,
    LedgerError,
    Transaction,
    cents_of,
    post_invoice,
    post_payment,
    reverse,
)
from billing.ledger.refunds import refund_due, refund_paid, refund_returned
from tests.billing.invoice_samples import TERMS, invoice, line

RECEIVABLE = Account("receivable", "C-1001")
BANK = Account("bank", "ES9121000418450200051332")
DAY = date(2026, 3, 20)


def test_an_invoice_posts_receivable_revenue_vat_and_levy() -> None:
    transaction = post_invoice(invoice())
    assert transaction.key == "invoice:A28015865:AG2026/000123"
    assert {str(entry.account): entry.cents for entry in transaction.entries} == {
        "receivable/C-1001": 3536,
        "revenue/price/AGUA_SERV": -392,
        "revenue/price/AGUA_CONS": -1202,
        "levy/EPSAR": -1783,
        "vat/10": -159,
    }


def test_posting_twice_changes_nothing_and_a_different_one_is_refused() -> None:
    journal = Journal()
    assert journal.post(post_invoice(invoice()))
    assert not journal.post(post_invoice(invoice()))
    assert journal.balance(RECEIVABLE) == 3536
    with pytest.raises(LedgerError, match="AG2026/000123"):
        journal.post(post_invoice(invoice((line("AGUA_SERV", "Cuota", "1", "1", "1.00"),))))


def test_a_paid_bill_leaves_nothing_due_from_its_day_on() -> None:
    journal = Journal()
    journal.post(post_invoice(invoice()))
    journal.post(post_payment("remittance-7/12", DAY, "C-1001", 3536, BANK))
    assert journal.balance(RECEIVABLE) == 0
    assert journal.balance(RECEIVABLE, on=date(2026, 3, 19)) == 3536
    assert journal.balance(BANK) == 3536


def test_a_reversal_undoes_exactly() -> None:
    journal = Journal()
    payment = post_payment("remittance-7/12", DAY, "C-1001", 3536, BANK)
    journal.post(payment)
    journal.post(reverse(payment, date(2026, 3, 25), "MS03"))
    assert set(journal.balances().values()) == {0}


def test_a_cancelled_bill_leaves_every_account_at_zero() -> None:
    bill = invoice()
    credit = rectify(
        [bill],
        (),
        type=InvoiceType.R4,
        method="I",
        reason="Titular erróneo",
        series="RE2026",
        number=1,
        issued=date(2026, 4, 1),
        terms=TERMS,
    )
    journal = Journal()
    journal.post(post_invoice(bill))
    journal.post(post_invoice(credit))
    assert set(journal.balances().values()) == {0}


def test_bad_transactions_and_accounts_are_refused() -> None:
    with pytest.raises(ValueError, match="sum to 1 cents"):
        Transaction("k", DAY, "", (Entry(BANK, 1),))
    with pytest.raises(ValueError, match=r"^transaction key: \(empty\): must identify what is posted$"):
        Transaction("", DAY, "", ())
    with pytest.raises(ValueError, match="whole cents"):
        cents_of(Decimal("1.005"))
    for path in ("bank", "bank/", "/ES91", "/", ""):
        with pytest.raises(ValueError, match=rf"^account '{path}': must be kind/name$"):
            Account.parse(path)
    with pytest.raises(ValueError, match="issued"):
        post_invoice(replace(invoice(), issued=None))
    assert Account.parse("revenue/price/AGUA") == Account("revenue", "price/AGUA")


@given(
    st.lists(
        st.tuples(st.integers(-10_000, 100_000), st.sampled_from(["10", "21", "NS"]), st.sampled_from(["", "ACA"])),
        min_size=1,
        max_size=8,
    )
)
def test_any_invoice_sums_to_zero(charges: list[tuple[int, str, str]]) -> None:
    lines = tuple(
        line(f"C{number}", "Cargo", "1", "1", str(Decimal(cents) / 100), vat, beneficiary)
        for number, (cents, vat, beneficiary) in enumerate(charges)
    )
    bill = invoice(lines)
    transaction = post_invoice(bill)
    assert sum(entry.cents for entry in transaction.entries) == 0
    vat = sum(entry.cents for entry in transaction.entries if entry.account.kind == "vat")
    assert -vat == cents_of(sum((item.vat for item in sum_vat(lines)), Decimal(0)))


def test_every_transaction_says_what_it_is_about_and_when() -> None:
    bill = invoice()
    posted = post_invoice(bill)
    assert (posted.day, posted.memo) == (bill.issued, "AG2026/000123")
    paid = post_payment("remittance-7/12", DAY, "C-1001", 3536, BANK, "Remesa 7")
    assert (paid.key, paid.day, paid.memo) == ("payment:remittance-7/12", DAY, "Remesa 7")
    assert post_payment("x", DAY, "C-1001", 1, BANK).memo == ""
    undone = reverse(posted, date(2026, 4, 1), "Anulada")
    assert (undone.key, undone.day, undone.memo) == ("reversal:" + posted.key, date(2026, 4, 1), "Anulada")


def test_balances_include_their_day_and_know_what_never_moved() -> None:
    journal = Journal()
    journal.post(post_payment("x", DAY, "C-1001", 100, BANK))
    assert journal.balance(BANK, on=DAY) == 100
    assert journal.balance(BANK, on=date(2026, 3, 19)) == 0
    assert journal.balance(Account("bank", "nobody")) == 0


def test_a_credit_is_promised_sent_and_may_come_back() -> None:
    due = refund_due("7", DAY, "C-1001", 2500, "devolución: cobro duplicado")
    assert (due.key, due.day, due.memo) == ("refund:7", DAY, "devolución: cobro duplicado")
    assert due.entries == (Entry(RECEIVABLE, 2500), Entry(Account("refund", "C-1001"), -2500))
    sent = refund_paid("7", date(2026, 3, 23), "C-1001", 2500, BANK, "SGC-7")
    assert (sent.key, sent.day, sent.memo) == ("refund-paid:7", date(2026, 3, 23), "SGC-7")
    assert sent.entries == (Entry(Account("refund", "C-1001"), 2500), Entry(BANK, -2500))
    assert (refund_due("7", DAY, "C-1001", 1).memo, refund_paid("7", DAY, "C-1001", 1, BANK).memo) == ("", "")

    back = date(2026, 3, 26)
    assert refund_returned(due, sent, back, "AC04") == [reverse(sent, back, "AC04"), reverse(due, back, "AC04")]
    assert refund_returned(due, None, back, "AC04") == [reverse(due, back, "AC04")]
