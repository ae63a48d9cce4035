"""A contract that changed hands: what each person is owed is theirs, whatever the other owes or is owed."""

from datetime import UTC, date, datetime

import pytest

from billing.ledger import Account, Transaction
from billing.ledger.value import entries_of
from central import register
from central.collection import refunds as service
from central.collection.credits import Credit, credits_after, credits_of
from central.collection.owed import owed
from central.collection.posting import Postings
from central.register import contracts as deeds
from central.store import new_id, read_session, write_session
from central.store.models import Contract, Customer
from tests.central.collection.test_refunds import IBAN, PAYER, bill, clean, has_account, owes, sgc
from tests.central.collection.test_refunds import town as town  # a fixture, taken over
from tests.central.factories import NOW, RECORDED, UTILITY, Town

CODE = "K-0000001"
DAY = date(2026, 2, 6)


@pytest.fixture
def passed(town: Town) -> Town:
    """The first house's contract, whose holder has a credit, is now that of who also holds the second's."""
    changes_hands(town, 0, 1)
    return town


def changes_hands(town: Town, house: int, other: int) -> None:
    with write_session(town.engine) as session:
        contract = session.get_one(Contract, (UTILITY, town.contracts[house]))
        new = session.get_one(Customer, (UTILITY, town.customers[other]))
        deeds.change_holder(session, contract, new, date(2026, 2, 1), by=register.Change("clerk", RECORDED))


def deposit(town: Town, house: int, person: int, cents: int) -> None:
    """A deposit is charged to a person, or given back where ``cents`` is negative."""
    with write_session(town.engine) as session:
        contract = session.get_one(Contract, (UTILITY, town.contracts[house])).code
        name = f"{contract}/{session.get_one(Customer, (UTILITY, town.customers[person])).code}"
        entries = entries_of([(Account("receivable", name), cents), (Account("deposit", name), -cents)])
        postings = Postings(UTILITY, NOW)
        moved = Transaction(f"case:{new_id()}:deposit", DAY, "Fianza", entries)
        postings.add(moved, "deposit_charged", contract_id=town.contracts[house])
        postings.write(session)


def told(town: Town, house: int) -> list[Credit]:
    """The credits of a contract: by itself, among all, and page by page, which must agree."""
    with read_session(town.engine) as session:
        mine = credits_of(session, UTILITY, date(2026, 3, 1), [town.contracts[house]])
        every = credits_of(session, UTILITY, date(2026, 3, 1))
        paged: list[Credit] = []
        after = (0, 0)
        while part := credits_after(session, UTILITY, date(2026, 3, 1), after, 1):
            paged += part
            after = (part[0].contract_id, part[0].customer_id)
    assert [one for one in every if one.contract_id == town.contracts[house]] == mine
    assert sorted(paged, key=lambda one: (one.contract, one.customer)) == every
    return mine


def by_person(town: Town, house: int) -> dict[int, tuple[int, str]]:
    return {town.customers.index(one.customer_id): (one.cents, one.fate) for one in told(town, house)}


@pytest.mark.parametrize("over", [-1, 0, 10_000])
def test_what_the_next_holder_owes_does_not_hide_the_leavers_credit(passed: Town, over: int) -> None:
    credit = -owes(passed, 0)
    deposit(passed, 0, 1, credit + over)
    assert by_person(passed, 0) == {0: (credit, "refund")}
    has_account(passed, 0)
    (asked,) = sgc(passed, "ask", "--reason", "cambio de titular")
    assert (asked["cents"], asked["holder"]) == (credit, "Vecina 1")
    sgc(passed, "approve", str(asked["id"]), actor="jefa")
    assert told(passed, 0) == []
    with read_session(passed.engine) as session:
        assert owed(session, UTILITY, passed.contracts[:1]) == {
            passed.contracts[0]: {passed.customers[1]: credit + over}
        }
    assert clean(passed)


@pytest.mark.parametrize("over", [-1, 0, 10_000])
def test_what_the_leaver_owes_does_not_eat_the_next_holders_credit(town: Town, over: int) -> None:
    changes_hands(town, 1, 0)
    debt = bill(town, 1).total_cents
    deposit(town, 1, 0, -(debt + over))
    assert by_person(town, 1) == {0: (debt + over, "net")}
    assert clean(town)


def test_each_person_is_paid_their_own(passed: Town) -> None:
    credit = -owes(passed, 0)
    deposit(passed, 0, 1, -700)
    assert by_person(passed, 0) == {0: (credit, "refund"), 1: (700, "net")}
    leaver, holder = (one.customer for one in told(passed, 0))
    usual = ("ask", CODE, "--reason", "lo pide", "--iban", IBAN)
    sgc(passed, *usual, refused=f"must be who has a credit of {CODE}: {leaver}, {holder}")
    sgc(passed, *usual, "--customer", "C-9", refused="customer: C-9")
    sgc(passed, *usual, "--customer", holder, "--cents", "701", refused="must be 1 to 700")
    (mine,) = sgc(passed, *usual, "--customer", holder)
    assert (mine["cents"], mine["holder"]) == (700, "Vecina 2")
    (theirs,) = sgc(passed, "ask", CODE, "--reason", "x", "--iban", PAYER, "--customer", leaver)
    assert (theirs["cents"], theirs["holder"]) == (credit, "Vecina 1")
    assert {one.customer: one.asked for one in told(passed, 0)} == {leaver: credit, holder: 700}
    sgc(passed, "approve", str(mine["id"]), actor="jefa")
    assert by_person(passed, 0) == {0: (credit, "refund")}
    sgc(passed, "approve", str(theirs["id"]), actor="jefa")
    assert told(passed, 0) == []
    assert clean(passed)


def test_a_refund_is_not_approved_from_another_persons_credit(passed: Town) -> None:
    credit = -owes(passed, 0)
    leaver = told(passed, 0)[0].customer
    (asked,) = sgc(passed, "ask", CODE, "--reason", "x", "--iban", IBAN, "--customer", leaver)
    deposit(passed, 0, 0, credit)
    deposit(passed, 0, 1, -2 * credit)
    sgc(passed, "approve", str(asked["id"]), actor="jefa", refused=f"the credit of Vecina 1 in {CODE} is 0 by now")


def test_a_payment_that_names_a_bill_is_of_who_the_bill_is_of(passed: Town) -> None:
    """It was booked after the contract had passed to another."""
    with read_session(passed.engine) as session:
        assert set(owed(session, UTILITY, passed.contracts[:1])[passed.contracts[0]]) == {passed.customers[0]}
    with write_session(passed.engine) as session:
        made = service.ask(session, UTILITY, CODE, "ana", datetime.now(UTC), reason="lo pide", iban=IBAN)
        assert made.customer_id == passed.customers[0]
