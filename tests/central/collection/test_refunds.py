"""Credits: taken off the next bill, or paid back by two people; the printed bill says which, the ledger agrees."""

import json
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import lxml.etree as xml
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlalchemy.exc import DatabaseError
from typer import Typer
from typer.testing import CliRunner

from billing.document.layout import layout
from billing.document.words import words
from billing.invoice import InvoiceType
from billing.ledger import Account, Journal, post_payment
from billing.ledger.refunds import refund_due, refund_paid, refund_returned
from central import register
from central.collection import refunds as service
from central.collection.credits import credits_of
from central.collection.posting import Postings, balance, balances
from central.invoicing import rectify
from central.invoicing.deliver import views_of
from central.ops.audit import audit
from central.register import contracts as deeds
from central.store import new_id, read_session, write_session
from central.store.models import BankAccount, BillingRun, Contract, Customer, Invoice, Rectification, Refund, Utility
from sgc import build_app
from tests.central.factories import BILLING, NEXT_PERIOD, NOW, RECORDED, UTILITY, Town, found
from tests.central.invoicing.driving import CHECKER, MAKER, issued

PAYER, IBAN = "ES9121000418450200051332", "ES7921000813610123456789"
MARCH = date(2026, 3, 1)


@pytest.fixture
def town(engine: Engine) -> Town:
    """Two houses billed for January; the first one's bill was paid and then cancelled, so it has a credit."""
    town = found(engine, 2, {**BILLING, "documents": False})
    town.read_all((date(2026, 1, 1), date(2026, 2, 1), MARCH))
    issued(town)
    pays(town, 0)
    cancels(town, 0)
    return town


def bill(town: Town, house: int) -> Invoice:
    with read_session(town.engine) as session:
        rows = select(Invoice).where(Invoice.contract_id == town.contracts[house]).order_by(Invoice.id.desc())
        return session.scalars(rows.limit(1)).one()


def pays(town: Town, house: int) -> None:
    one = bill(town, house)
    postings = Postings(UTILITY, NOW)
    memo = post_payment(one.number_text, one.issue_date, "K-0000001", one.total_cents, Account("bank", "slips"))
    postings.add(memo, "payment", contract_id=town.contracts[house])
    with write_session(town.engine) as session:
        postings.write(session)


def cancels(town: Town, house: int) -> None:
    asked = rectify.Request((bill(town, house).id,), "cancel", InvoiceType.R4, "I", "AR2026", "Titular erróneo")
    with write_session(town.engine) as session:
        row = rectify.propose(session, UTILITY, asked, MAKER, datetime.now(UTC))
        mine = session.get_one(Rectification, (UTILITY, row.id))
        day = date(2026, 2, 10)
        rectify.issue(session, mine, CHECKER, datetime.now(UTC), issue_date=day, due_date=day)


def leaves(town: Town, house: int) -> None:
    with write_session(town.engine) as session:
        contract = session.get_one(Contract, (UTILITY, town.contracts[house]))
        deeds.cancel_contract(session, contract, date(2026, 2, 5), by=register.Change("clerk", RECORDED))


def has_account(town: Town, house: int) -> None:
    with write_session(town.engine) as session:
        account = BankAccount(utility_id=UTILITY, id=new_id(), customer_id=town.customers[house], iban=IBAN)
        account.valid_from, account.recorded_at, account.recorded_by = date(2024, 1, 1), RECORDED, "clerk"
        session.add(account)


@cache
def program() -> Typer:
    """The command, made once for all tests here."""
    return build_app()


def sgc(town: Town, *arguments: str, actor: str = "ana", refused: str = "") -> Any:
    """What a command of ``sgc central refunds`` prints, or how it refuses."""
    db = town.engine.url.render_as_string(hide_password=False)
    by = [] if arguments[0] in ("credits", "list", "file") else ["--actor", actor]
    result = CliRunner().invoke(program(), ["central", "refunds", *arguments, *by, "--db", db, "--json"])
    assert result.exit_code == (2 if refused else 0), result.output
    if refused:
        assert refused in result.stderr
        assert len(result.stderr.splitlines()) == 1
        return None
    return json.loads(result.stdout)


def owes(town: Town, house: int) -> int:
    with read_session(town.engine) as session:
        return balance(session, UTILITY, town.contracts[house])


def clean(town: Town) -> bool:
    assert [verdict.breaches for verdict in audit(town.engine) if verdict.breaches] == []
    with read_session(town.engine) as session:
        assert sum(balances(session, UTILITY).values()) == 0
    return True


def due(town: Town, invoice: Invoice) -> dict[str, Any]:
    """What an invoice's document says is to be paid."""
    with read_session(town.engine) as session:
        row = session.get_one(Invoice, (UTILITY, invoice.id))
        of_run = session.scalars(select(BillingRun)).first()
        assert of_run is not None
        (_, view), *_ = views_of(session, of_run, session.get_one(Utility, UTILITY), [row])
        said: dict[str, Any] = layout(view, words("es"))["due"]
    return said


# ---- what becomes of a credit ----------------------------------------------------------------------------------------


def test_a_credit_of_who_stays_is_taken_off_the_next_bill_and_says_so(town: Town) -> None:
    credit = -owes(town, 0)
    assert credit > 0
    assert sgc(town, "credits")[0]["fate"] == "net"
    assert due(town, bill(town, 0))["when"] == "Lo descontaremos de tu próxima factura"
    issued(town, NEXT_PERIOD, datetime.now(UTC))
    following = bill(town, 0)
    said = due(town, following)
    left = following.total_cents - credit
    if left > 0:
        assert said["amount"].replace("\u00a0€", "") == f"{left // 100},{left % 100:02d}"
        assert said["how"].startswith("Ya hemos descontado tu saldo a favor de")
    else:
        assert said["when"] == "Está pagada con tu saldo a favor"
    assert owes(town, 0) == left
    assert clean(town)


def test_a_credit_of_who_left_is_paid_back_and_says_where(town: Town) -> None:
    leaves(town, 0)
    has_account(town, 0)
    assert sgc(town, "credits")[0]["fate"] == "refund"
    assert due(town, bill(town, 0)) | {"label": "", "amount": ""} == {
        "label": "",
        "amount": "",
        "when": "Te lo devolveremos por transferencia",
        "how": f"En tu cuenta ES79{'*' * 16}6789",
    }


def test_without_an_account_the_document_asks_for_one(town: Town) -> None:
    leaves(town, 0)
    assert due(town, bill(town, 0))["how"] == "Dinos en qué cuenta: 965 000 000"


# ---- paying it back --------------------------------------------------------------------------------------------------


def test_from_asking_to_the_bank(town: Town, tmp_path: Path) -> None:
    leaves(town, 0)
    has_account(town, 0)
    credit = -owes(town, 0)
    (asked,) = sgc(town, "ask", "--reason", "baja del contrato")
    assert (asked["cents"], asked["state"]) == (credit, "asked")
    assert owes(town, 0) == -credit
    assert sgc(town, "ask", "--reason", "otra vez") == []
    sgc(town, "approve", str(asked["id"]), refused="another person must decide")
    assert sgc(town, "approve", str(asked["id"]), actor="jefa")["state"] == "approved"
    assert owes(town, 0) == 0
    sgc(town, "approve", str(asked["id"]), actor="jefa", refused="is 0 by now")
    file, again = tmp_path / "orden.xml", tmp_path / "otra.xml"
    order = sgc(town, "export", str(file), "--iban", PAYER, "--on", "2026-05-04")
    assert (order["transfers"], order["cents"]) == (1, credit)
    assert [one.text for one in xml.fromstring(file.read_bytes()).findall(".//{*}Cdtr/{*}Nm")] == ["Vecina 1"]
    sgc(town, "file", order["order"], str(again))
    assert again.read_bytes() == file.read_bytes()
    sgc(town, "export", str(file), "--iban", PAYER, "--on", "2026-05-04", refused="nothing is approved")
    assert sgc(town, "paid", order["order"], "--on", "2026-05-05")["paid"] == 1
    sgc(town, "paid", order["order"], "--on", "2026-05-05", refused="is paid already")
    assert [one["state"] for one in sgc(town, "list")] == ["paid"]
    with read_session(town.engine) as session:
        accounts = balances(session, UTILITY)
    assert (accounts["refund/K-0000001"], accounts["bank/transfers"]) == (0, -credit)
    assert clean(town)


def test_a_transfer_that_comes_back_is_a_credit_again(town: Town, tmp_path: Path) -> None:
    credit = -owes(town, 0)
    sgc(town, "ask", "K-0000001", "--reason", "lo pide", "--iban", IBAN)
    (asked,) = sgc(town, "list", "--state", "asked")
    sgc(town, "approve", str(asked["id"]), actor="jefa")
    order = sgc(town, "export", str(tmp_path / "o.xml"), "--iban", PAYER, "--on", "2026-05-04")
    sgc(town, "paid", order["order"], "--on", "2026-05-05")
    sgc(town, "returned", str(asked["id"]), "--on", "2026-05-08", "--reason", "AC04 cuenta cerrada")
    assert owes(town, 0) == -credit
    with read_session(town.engine) as session:
        assert balances(session, UTILITY)["bank/transfers"] == 0
    assert clean(town)
    sgc(town, "returned", str(asked["id"]), "--on", "2026-05-08", "--reason", "x", refused="came back already")
    assert sgc(town, "ask", "K-0000001", "--reason", "otra cuenta", "--iban", PAYER)[0]["cents"] == credit


def test_a_transfer_told_as_paid_meanwhile_comes_back_from_the_bank(town: Town, tmp_path: Path) -> None:
    credit = -owes(town, 0)
    (asked,) = sgc(town, "ask", "K-0000001", "--reason", "lo pide", "--iban", IBAN)
    sgc(town, "approve", str(asked["id"]), actor="jefa")
    order = sgc(town, "export", str(tmp_path / "o.xml"), "--iban", PAYER, "--on", "2026-05-04")
    with read_session(town.engine) as session:
        seen = service.refund_of(session, UTILITY, asked["id"])
    sgc(town, "paid", order["order"], "--on", "2026-05-05")
    with write_session(town.engine) as session:
        session.add(seen)
        service.returned(session, seen, "ana", datetime.now(UTC), date(2026, 5, 8), "AC04")
    with read_session(town.engine) as session:
        assert balances(session, UTILITY)["bank/transfers"] == 0
    assert owes(town, 0) == -credit
    assert clean(town)


def test_what_is_not_owed_is_not_paid_back(town: Town) -> None:
    credit = -owes(town, 0)
    sgc(town, "ask", "K-0000001", "--reason", "lo pide", refused="must be an account of Vecina 1")
    sgc(town, "ask", "K-0000001", "--reason", " ", "--iban", IBAN, refused="a refund says why")
    sgc(town, "ask", "K-0000002", "--reason", "lo pide", "--iban", IBAN, refused="has no credit")
    sgc(town, "ask", "K-9", "--reason", "lo pide", refused="does not exist")
    more = str(credit + 1)
    sgc(town, "ask", "K-0000001", "--reason", "x", "--iban", IBAN, "--cents", more, refused=f"must be 1 to {credit}")
    sgc(town, "ask", "K-0000001", "--reason", "parte", "--iban", IBAN, "--cents", "100")
    sgc(town, "ask", "K-0000001", "--reason", "x", "--iban", IBAN, "--cents", str(credit), refused="not asked for yet")


def test_a_rejected_refund_leaves_the_credit(town: Town) -> None:
    credit = -owes(town, 0)
    sgc(town, "ask", "K-0000001", "--reason", "lo pide", "--iban", IBAN)
    (asked,) = sgc(town, "list")
    sgc(town, "reject", str(asked["id"]), "--reason", "prefiere descontarlo", actor="jefa")
    assert owes(town, 0) == -credit
    assert [one["state"] for one in sgc(town, "list")] == ["rejected"]
    assert clean(town)


def test_a_credit_that_a_bill_used_up_meanwhile_is_not_approved(town: Town) -> None:
    sgc(town, "ask", "K-0000001", "--reason", "lo pide", "--iban", IBAN)
    (asked,) = sgc(town, "list")
    issued(town, NEXT_PERIOD, datetime.now(UTC))
    sgc(town, "approve", str(asked["id"]), actor="jefa", refused="by now")


def test_the_database_keeps_what_was_decided(town: Town) -> None:
    sgc(town, "ask", "K-0000001", "--reason", "lo pide", "--iban", IBAN)
    with pytest.raises(DatabaseError, match="refund"), write_session(town.engine) as session:
        session.scalars(select(Refund)).one().cents = 1


def test_the_audit_misses_a_refund_that_was_not_posted(town: Town) -> None:
    sgc(town, "ask", "K-0000001", "--reason", "lo pide", "--iban", IBAN)
    with write_session(town.engine) as session:
        row = session.scalars(select(Refund)).one()
        row.decision, row.decided_by, row.decided_at = "approved", "jefa", NOW
    breaches = [breach for verdict in audit(town.engine) for breach in verdict.breaches]
    assert len(breaches) == 1
    assert "must post" in breaches[0]


def test_the_credit_of_a_former_holder_is_not_the_next_ones(town: Town) -> None:
    with write_session(town.engine) as session:
        contract = session.get_one(Contract, (UTILITY, town.contracts[0]))
        other = session.get_one(Customer, (UTILITY, town.customers[1]))
        deeds.change_holder(session, contract, other, date(2026, 2, 1), by=register.Change("clerk", RECORDED))
    with read_session(town.engine) as session:
        (credit,) = credits_of(session, UTILITY, date(2026, 3, 1))
    assert (credit.customer_id, credit.fate) == (town.customers[0], "refund")
    issued(town, NEXT_PERIOD, datetime.now(UTC))
    following = bill(town, 0)
    assert following.customer_id == town.customers[1]
    assert "descontado" not in due(town, following)["how"]


# ---- laws ------------------------------------------------------------------------------------------------------------


@given(st.integers(1, 10**9), st.booleans())
def test_whatever_becomes_of_a_refund_the_books_balance(cents: int, was_paid: bool) -> None:
    day, bank = date(2026, 5, 4), Account("bank", "transfers")
    due_entry = refund_due("1", day, "K-1", cents)
    gone = refund_paid("1", day, "K-1", cents, bank) if was_paid else None
    journal = Journal()
    for one in (due_entry, *([gone] if gone else [])):
        assert journal.post(one)
    assert sum(journal.balances().values()) == 0
    assert journal.balance(Account("refund", "K-1")) == (0 if was_paid else -cents)
    for one in refund_returned(due_entry, gone, day, "vuelve"):
        assert journal.post(one)
    assert set(journal.balances().values()) == {0}


def test_what_does_not_exist_is_named(town: Town) -> None:
    with write_session(town.engine) as session, pytest.raises(service.RefundError, match="does not exist"):
        service.refund_of(session, UTILITY, 1)
    with read_session(town.engine) as session, pytest.raises(service.RefundError, match="does not exist"):
        service.order_named(session, UTILITY, "SGC-0")
