"""The closing bill of who leaves: at once, up to their last day, and no day or litre of it billed again."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from fractions import Fraction
from threading import Barrier

import pytest
from sqlalchemy import select

from billing.invoice import InvoiceType
from billing.ledger import Account, post_payment
from central.collection import refunds
from central.collection.credits import credits_of, shown_credits
from central.collection.posting import Postings
from central.invoicing import desk, run
from central.invoicing.closing import ClosingPlan, Ended, create_closing
from central.invoicing.rectify import Request, propose
from central.invoicing.states import RunError
from central.lifecycle import Asked, Closing, Details, standing
from central.lifecycle.final_bill import Asked as Bill
from central.lifecycle.final_bill import FinalBill, final_bill, make_final_bill
from central.register import Change
from central.register.sharing import set_shares
from central.store import read_session, write_session
from central.store.models import AuditEntry, Contract, DraftBill, Invoice, InvoiceDocument, SupplyPoint
from tests.central.factories import NEXT_PERIOD, NOW, Town
from tests.central.invoicing.driving import CHECKER, MAKER, approved, issued, simulated
from tests.central.invoicing.test_rectify import decided, proposed
from tests.central.lifecycle.support import (
    BOSS,
    CLERK,
    IBAN,
    JOAN,
    MARTA,
    MID,
    case_of,
    done,
    holder_change,
    leaving,
    real,
    signing,
)
from tests.central.lifecycle.test_billing import LATER, MARCH, bills, old_nif, owed, total

FEBRUARY = date(2026, 2, 1)
USUAL = Bill()


def made(town: Town, case: int = 1, bill: Bill = USUAL) -> int:
    """The simulated closing run of a case."""
    with write_session(town.engine) as session:
        row = case_of(session, town, case)
        run_id = make_final_bill(session, row, bill, by=CLERK).id
    run.simulate(town.engine, town.utility_id, run_id, run.Operator(MAKER), NOW)
    return run_id


def waived(town: Town, run_id: int) -> None:
    """Whatever stood out in a run is let pass."""
    with write_session(town.engine) as session:
        row = run.run_of(session, town.utility_id, run_id)
        if codes := list(row.summary["exceptions"]):
            desk.waive_all(session, row, codes, MAKER, NOW, "revisado en la prueba")


def passed(town: Town, run_id: int) -> None:
    """Waived where need be and approved by another person."""
    waived(town, run_id)
    with write_session(town.engine) as session:
        run.approve(session, run.run_of(session, town.utility_id, run_id), CHECKER, NOW)


def closed(town: Town, case: int = 1, bill: Bill = USUAL) -> int:
    """The closing run of a case, to its documents."""
    run_id = made(town, case, bill)
    passed(town, run_id)
    by = run.Operator(CHECKER)
    run.issue(town.engine, town.utility_id, run_id, by, NOW)
    run.deliver(town.engine, town.utility_id, run_id, by, NOW)
    return run_id


def shown(town: Town, case: int = 1) -> FinalBill:
    with read_session(town.engine) as session:
        found = final_bill(session, case_of(session, town, case))
    assert found is not None
    return found


def test_a_cancellation_is_billed_at_once_and_the_periodic_run_bills_only_the_others(town: Town) -> None:
    issued(town)
    done(town, leaving())
    closed(town)
    last = (FEBRUARY, MID, old_nif(town), 3_000)
    assert bills(town, "K-0000001")[1:] == [last]
    assert [len(bills(town, code)) for code in ("K-0000002", "K-0000003")] == [1, 1]
    issued(town, NEXT_PERIOD)
    town.read_all((date(2026, 4, 1),))
    issued(town, MARCH, LATER)
    assert bills(town, "K-0000001")[1:] == [last]
    assert [len(bills(town, code)) for code in ("K-0000002", "K-0000003")] == [3, 3]


def test_of_a_change_of_holder_the_old_one_is_billed_at_once_and_the_new_one_later(town: Town) -> None:
    issued(town)
    done(town, holder_change())
    closed(town)
    old = old_nif(town)
    assert bills(town, "K-0000001")[1:] == [(FEBRUARY, MID, old, 3_000)]
    issued(town, NEXT_PERIOD)
    assert bills(town, "K-0000001")[1:] == [
        (FEBRUARY, MID, old, 3_000),
        (MID, date(2026, 3, 1), JOAN.nif, 7_000),
    ]


def test_the_closing_bill_is_the_bill_the_periodic_run_would_have_made(town: Town) -> None:
    issued(town)
    done(town, leaving())
    done(town, holder_change(2))
    simulated(town, NEXT_PERIOD, code="R-TRIAL")
    with read_session(town.engine) as session:
        trial = run.run_named(session, town.utility_id, "R-TRIAL")
        drafted = {
            (row.contract_id, row.period_from): (row.period_to, row.litres, row.total_cents)
            for row in session.scalars(select(DraftBill).where(DraftBill.run_id == trial.id))
        }
    for case in (1, 2):
        closed(town, case)
    with read_session(town.engine) as session:
        for row in session.scalars(select(Invoice).where(Invoice.period_from == FEBRUARY)):
            assert drafted[row.contract_id, FEBRUARY] == (row.period_to, row.litres, row.total_cents)


def with_deposit(town: Town) -> str:
    """A contract that Joan signed on 6 February with a deposit of 60 euros, which he paid."""
    done(town, leaving(on=date(2026, 2, 5), closing=real(12_000)))
    code: str = done(town, signing("PS-0000001", date(2026, 2, 6), deposit_cents=6_000, closing=real(12_000)))[
        "contract"
    ]
    with write_session(town.engine) as session:
        contract = standing.contracts_at(session, town.utility_id, town.points[0])[-1]
        postings = Postings(town.utility_id, CLERK.at)
        payment = post_payment("1", date(2026, 2, 6), code, 6_000, Account("bank", "main"))
        postings.add(payment, "payment", contract_id=contract.id)
        postings.write(session)
    return code


def taken_off(town: Town, invoice: Invoice) -> int:
    """The cents that the bill says are taken off it."""
    with read_session(town.engine) as session:
        return shown_credits(session, town.utility_id, [invoice])[invoice.id].before


def test_the_deposit_pays_the_closing_bill_and_the_rest_is_paid_back(town: Town) -> None:
    code = with_deposit(town)
    done(town, Asked("cancellation", date(2026, 2, 16), Details(closing=real(15_000)), contract=code))
    closed(town, 3, Bill(series="AG2026"))
    bill = total(town, code, JOAN.nif)
    assert 0 < bill < 6_000
    assert owed(town, code) == {JOAN.nif: bill - 6_000}
    found = shown(town, 3)
    assert (found.deposit_cents, found.balance_cents, found.lines[0].total_cents) == (6_000, bill - 6_000, bill)
    with read_session(town.engine) as session:
        row = session.scalars(select(Invoice)).one()
        (credit,) = credits_of(session, town.utility_id, date(2026, 2, 20))
        assert (credit.contract, credit.cents, credit.fate) == (code, 6_000 - bill, "refund")
        assert session.scalar(select(InvoiceDocument.invoice_id)) == row.id
    assert taken_off(town, row) == 6_000


def test_of_a_change_of_holder_each_ones_deposit_is_their_own(town: Town) -> None:
    code = with_deposit(town)
    details = Details(holder=MARTA, closing=real(15_000), deposit_cents=9_000)
    done(town, Asked("change_of_holder", date(2026, 2, 16), details, contract=code))
    closed(town, 3, Bill(series="AG2026"))
    with read_session(town.engine) as session:
        row = session.scalars(select(Invoice)).one()
    assert owed(town, code) == {JOAN.nif: row.total_cents - 6_000, MARTA.nif: 9_000}
    assert shown(town, 3).balance_cents == row.total_cents - 6_000
    assert taken_off(town, row) == 6_000


def test_what_is_paid_back_to_who_left_is_no_debt_of_who_came(town: Town) -> None:
    code = with_deposit(town)
    details = Details(holder=MARTA, closing=real(15_000))
    done(town, Asked("change_of_holder", date(2026, 2, 16), details, contract=code))
    closed(town, 3, Bill(series="AG2026"))
    assert owed(town, code) == {JOAN.nif: shown(town, 3).balance_cents}
    with write_session(town.engine) as session:
        row = refunds.ask(session, town.utility_id, code, MAKER, NOW, reason="baja", iban=IBAN)
        refunds.approve(session, row, CHECKER, NOW)
        sent = refunds.export(session, town.utility_id, CHECKER, NOW, iban=IBAN, execute_on=NOW.date())
    assert owed(town, code) == {}
    assert shown(town, 3).balance_cents == 0
    with write_session(town.engine) as session:
        row = refunds.refund_of(session, town.utility_id, row.id)
        assert row.order_id == sent.id
        refunds.returned(session, row, MAKER, NOW, NOW.date(), "AC04")
    assert owed(town, code) == {JOAN.nif: -row.cents}


def test_what_replaces_the_bills_of_who_left_is_no_credit_of_who_came(town: Town) -> None:
    issued(town)
    done(town, holder_change())
    closed(town)
    with read_session(town.engine) as session:
        first = session.scalars(select(Invoice).where(Invoice.contract_id == town.contracts[0])).first()
    assert first is not None
    town.read(0, FEBRUARY, 10_000, revision=1)
    made = decided(town, proposed(town, [first], method="S"))
    assert [one.litres for one in made] == [9_000, 4_000]
    assert owed(town, "K-0000001") == {old_nif(town): sum(one.total_cents for one in made)}


def test_a_periodic_run_simulated_before_is_not_approved_after_the_closing_bill(town: Town) -> None:
    issued(town)
    done(town, leaving())
    stale = simulated(town, NEXT_PERIOD)
    closing = made(town)
    passed(town, closing)
    with pytest.raises(RunError) as refused:
        passed(town, stale)
    assert str(refused.value) == (
        "run R-2026-02: contract K-0000001: run CIERRE-000001 bills [2026-02-01, 2026-02-11) of the same days; "
        "issue or cancel that run and simulate this one again"
    )
    run.issue(town.engine, town.utility_id, closing, run.Operator(CHECKER), NOW)
    run.simulate(town.engine, town.utility_id, stale, run.Operator(MAKER), NOW)
    passed(town, stale)
    run.issue(town.engine, town.utility_id, stale, run.Operator(CHECKER), NOW)
    assert len(bills(town, "K-0000001")) == 2


def test_a_closing_run_is_not_approved_once_a_periodic_run_bills_its_days(town: Town) -> None:
    issued(town)
    done(town, leaving())
    closing = made(town)
    periodic = approved(town, NEXT_PERIOD)
    with pytest.raises(RunError, match=r"run CIERRE-000001: contract K-0000001: run R-2026-02 bills"):
        passed(town, closing)
    run.issue(town.engine, town.utility_id, periodic, run.Operator(CHECKER), NOW)
    run.simulate(town.engine, town.utility_id, closing, run.Operator(MAKER), NOW)
    with pytest.raises(RunError, match="has no bill to issue"):
        passed(town, closing)
    assert len(bills(town, "K-0000001")) == 2


def test_a_case_has_one_closing_run_until_that_is_given_up(town: Town) -> None:
    issued(town)
    done(town, leaving())
    first = made(town)
    with pytest.raises(RunError, match="case 1: run CIERRE-000001 makes its closing bill and is review"):
        made(town)
    with write_session(town.engine) as session:
        run.cancel(session, run.run_of(session, town.utility_id, first), MAKER, NOW, "otra fecha")
    made(town)
    found = shown(town)
    assert (found.run.code, found.run.period_from, found.run.period_to) == ("CIERRE-000001-2", FEBRUARY, MID)
    with read_session(town.engine) as session:
        said = session.scalars(select(AuditEntry.after).where(AuditEntry.action == "closing_bill")).all()
    assert said == [{"run": "CIERRE-000001"}, {"run": "CIERRE-000001-2"}]


def test_of_two_who_make_a_closing_bill_at_the_same_time_one_does(town: Town) -> None:
    issued(town)
    done(town, leaving())
    ready = Barrier(2)

    def work(by: Change) -> str:
        ready.wait()
        try:
            with write_session(town.engine) as session:
                return make_final_bill(session, case_of(session, town, 1), USUAL, by=by).code
        except RunError as refused:
            return str(refused)

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(work, (CLERK, BOSS)))
    assert said == ["CIERRE-000001", "case 1: run CIERRE-000001 makes its closing bill and is created"]


def test_who_makes_the_closing_bill_does_not_approve_it(town: Town) -> None:
    issued(town)
    done(town, leaving())
    run_id = made(town)
    with write_session(town.engine) as session, pytest.raises(RunError, match="clerk made it; another person"):
        run.approve(session, run.run_of(session, town.utility_id, run_id), CLERK.actor, NOW)


def test_what_cannot_be_closed_is_refused_by_name(town: Town) -> None:
    issued(town)
    done(town, leaving())
    plan = ClosingPlan("C-1")
    for contract, text in (
        ("K-9", "contract K-9: does not exist"),
        ("K-0000002", "contract K-0000002: has no end and never changed holder; the periodic run bills it"),
    ):
        with write_session(town.engine) as session, pytest.raises(RunError) as refused:
            create_closing(session, town.utility_id, [Ended(contract)], plan, "clerk", CLERK.at)
        assert str(refused.value) == text
    for bill, text in (
        (Bill(since=date(2026, 1, 31)), "since 2026-01-31: must not precede 2026-02-01, up to which it is billed"),
        (Bill(since=date(2026, 2, 5)), "since 2026-02-05: must be 2026-02-01, up to which it is billed"),
        (Bill(since=MID), "is billed up to 2026-02-11; nothing is left to bill before 2026-02-11"),
        (Bill(issue_date=date(2026, 2, 10)), "issue date 2026-02-10 must not precede the period's end 2026-02-11"),
    ):
        with pytest.raises(RunError) as refused:
            made(town, bill=bill)
        assert text in str(refused.value)
    closed(town)
    with write_session(town.engine) as session, pytest.raises(RunError, match="nothing is left to bill"):
        create_closing(session, town.utility_id, [Ended("K-0000001")], plan, "clerk", CLERK.at)


def test_a_contract_of_unknown_past_is_billed_from_the_day_that_is_stated(town: Town) -> None:
    done(town, leaving())
    with pytest.raises(RunError, match="more than 366; state from which day on"):
        made(town, bill=Bill("AG2026"))
    with pytest.raises(RunError, match="there is no run before it to take one from; state it"):
        made(town, bill=Bill(since=FEBRUARY))
    closed(town, bill=Bill("AG2026", since=FEBRUARY))
    assert bills(town, "K-0000001") == [(FEBRUARY, MID, old_nif(town), 3_000)]


def test_several_contracts_close_in_one_run_each_its_own_days(town: Town) -> None:
    issued(town)
    done(town, leaving(on=date(2026, 2, 5), closing=real(12_000)))
    done(town, leaving(3, on=MID, closing=real(14_500)))
    with write_session(town.engine) as session:
        ended = [Ended("K-0000003"), Ended("K-0000001")]
        run_id = create_closing(session, town.utility_id, ended, ClosingPlan("C-1"), MAKER, CLERK.at).id
    run.simulate(town.engine, town.utility_id, run_id, run.Operator(MAKER), NOW)
    passed(town, run_id)
    run.issue(town.engine, town.utility_id, run_id, run.Operator(CHECKER), NOW)
    assert bills(town, "K-0000001")[1:] == [(FEBRUARY, date(2026, 2, 5), old_nif(town), 1_000)]
    assert bills(town, "K-0000003")[1:] == [(FEBRUARY, MID, old_nif(town, 2), 3_300)]
    assert len(bills(town, "K-0000002")) == 1


def test_supplies_that_settle_litres_with_others_wait_for_the_periodic_run(town: Town) -> None:
    issued(town)
    with write_session(town.engine) as session:
        point = session.get_one(SupplyPoint, (town.utility_id, town.points[0]))
        parts = {session.get_one(Contract, (town.utility_id, town.contracts[at])): Fraction(1, 2) for at in (0, 1)}
        set_shares(session, point, parts, FEBRUARY, shared="litres", by=CLERK)
    done(town, leaving())
    with pytest.raises(RunError, match="contract K-0000001: its supply settles litres with others"):
        made(town)


def test_a_closing_bill_made_again_takes_the_same_closing(town: Town) -> None:
    issued(town)
    done(town, leaving(closing=Closing("agreed", 14_000)))
    # A telegram of that very midnight comes in late, beside the index that both sides agreed on.
    town.read(0, MID, 14_100)
    closed(town)
    assert bills(town, "K-0000001")[1:] == [(FEBRUARY, MID, old_nif(town), 3_000)]
    with read_session(town.engine) as session:
        bill = session.scalars(select(Invoice).where(Invoice.period_from == FEBRUARY)).one()
    asked = Request((bill.id,), "correct", InvoiceType.R4, "I", "AR2026", "Por si acaso")
    with write_session(town.engine) as session, pytest.raises(RunError, match="there is nothing to rectify"):
        propose(session, town.utility_id, asked, MAKER, NOW)


def test_of_two_runs_over_the_same_days_approved_at_the_same_time_one_is(town: Town) -> None:
    issued(town)
    done(town, leaving())
    both, ready = (made(town), simulated(town, NEXT_PERIOD)), Barrier(2)
    for run_id in both:
        waived(town, run_id)

    def approve(run_id: int) -> str:
        ready.wait()
        try:
            with write_session(town.engine) as session:
                run.approve(session, run.run_of(session, town.utility_id, run_id), CHECKER, NOW)
        except RunError as refused:
            return str(refused)
        return ""

    with ThreadPoolExecutor(2) as pool:
        approved_one, refused_one = sorted(pool.map(approve, both))
    assert approved_one == ""
    assert "of the same days" in refused_one
    with read_session(town.engine) as session:
        assert sorted(run.run_of(session, town.utility_id, one).status for one in both) == ["approved", "review"]
