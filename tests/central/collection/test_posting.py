"""The ledger's rows: written once, balances are projections, nothing is posted twice."""

from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from billing.ledger import Account, post_payment
from central.collection.posting import Postings, balance, balances, statement
from central.store import read_session, write_session
from central.store.models import Invoice
from tests.central.factories import NOW, UTILITY, Town
from tests.central.invoicing.conftest import town  # noqa: F401 - the fixture
from tests.central.invoicing.driving import issued

PAID_ON = date(2026, 2, 10)


def pay(town: Town, house: int, cents: int, key: str = "p1") -> None:  # noqa: F811 - the town the fixture gave
    postings = Postings(UTILITY, NOW)
    payment = post_payment(key, PAID_ON, f"K-{house + 1:07d}", cents, Account("bank", "ES00"), "Ventanilla")
    postings.add(payment, "payment", contract_id=town.contracts[house])
    with write_session(town.engine) as session:
        postings.write(session)


def test_a_contract_owes_what_was_invoiced_less_what_was_paid(town: Town) -> None:  # noqa: F811
    issued(town)
    pay(town, 0, 1_000)
    with read_session(town.engine) as session:
        total = session.scalars(select(Invoice.total_cents).where(Invoice.number == 1)).one()
        assert balance(session, UTILITY, town.contracts[0]) == total - 1_000
        assert balance(session, UTILITY, town.contracts[0], on=date(2026, 2, 9)) == total
        assert balance(session, UTILITY, town.contracts[0], on=date(2026, 1, 31)) == 0
        moves = statement(session, UTILITY, [town.contracts[0]])
    assert [(move.kind, move.cents, move.description) for move in moves] == [
        ("invoice", total, "AG2026/000001"),
        ("payment", -1_000, "Ventanilla"),
    ]


def test_all_accounts_together_sum_to_zero(town: Town) -> None:  # noqa: F811
    issued(town)
    pay(town, 0, 1_000)
    with read_session(town.engine) as session:
        found = balances(session, UTILITY)
        invoiced = balances(session, UTILITY, on=date(2026, 2, 9))
    assert sum(found.values()) == 0
    assert found["bank/ES00"] == 1_000
    assert "bank/ES00" not in invoiced
    assert {account.partition("/")[0] for account in found} == {"receivable", "revenue", "vat", "bank"}


def test_the_same_payment_is_not_posted_twice(town: Town) -> None:  # noqa: F811
    issued(town)
    pay(town, 0, 1_000)
    with pytest.raises(IntegrityError):
        pay(town, 0, 1_000)
    with read_session(town.engine) as session:
        assert balances(session, UTILITY)["bank/ES00"] == 1_000
