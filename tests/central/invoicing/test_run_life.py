"""A run from its creation to delivered documents, and who may do what when."""

from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import DatabaseError

from billing.ledger import cents_of
from central.invoicing import desk, run
from central.invoicing.records import texts_of
from central.invoicing.states import RunError
from central.store import read_session, write_session
from central.store.models import (
    AuditEntry,
    Customer,
    DraftBill,
    DraftException,
    FiscalRecord,
    Invoice,
    InvoiceDocument,
    LedgerEntry,
    Series,
)
from tests.central.factories import FISCAL, NEXT_PERIOD, NOW, Town
from tests.central.invoicing.driving import (
    CHECKER,
    LEGAL,
    LEGAL_TOO,
    MAKER,
    approved,
    archived,
    contents,
    created,
    issued,
    run_row,
    simulated,
    status,
)
from tests.central.locks import locking


def test_simulation_leaves_every_legal_table_as_it_was(town: Town) -> None:
    before = contents(town, *LEGAL, *LEGAL_TOO)
    run_id = simulated(town)
    assert status(town, run_id) == "review"
    assert contents(town, *LEGAL, *LEGAL_TOO) == before
    with read_session(town.engine) as session:
        drafts = session.execute(select(DraftBill.litres, DraftBill.total_cents).order_by(DraftBill.contract_id)).all()
    assert [draft.litres for draft in drafts] == [10_000 + 100 * house for house in range(7)]
    # Agost, calibre 13, one month, 10 m3: 4.46 + 5 x 0.4375 + 5 x 1.3673 = 13.49 euros and 10 % of VAT.
    assert drafts[0].total_cents == 1484


def test_what_is_issued_is_what_was_reviewed(town: Town) -> None:
    run_id = simulated(town)
    with write_session(town.engine) as session:
        drafts = session.execute(
            select(DraftBill.contract_id, DraftBill.litres, DraftBill.total_cents).order_by(DraftBill.contract_id)
        ).all()
        run.approve(session, run.run_of(session, town.utility_id, run_id), CHECKER, NOW)
    # A reading that arrives after the approval changes nothing.
    town.read(0, date(2026, 2, 1), 99_000, revision=1)
    run.issue(town.engine, town.utility_id, run_id, run.Operator(CHECKER), NOW)
    with read_session(town.engine) as session:
        bills = session.execute(
            select(Invoice.contract_id, Invoice.litres, Invoice.total_cents).order_by(Invoice.contract_id)
        ).all()
    assert [tuple(row) for row in bills] == [tuple(row) for row in drafts]


@pytest.mark.parametrize("change", [update, delete])
@pytest.mark.parametrize("model", [DraftBill, DraftException])
def test_approval_freezes_the_drafts_in_the_database_itself(town: Town, change: Any, model: Any) -> None:
    town.read(2, date(2026, 2, 1), 400, revision=1)
    run_id = simulated(town)
    statement = change(model)
    statement = statement if change is delete else statement.values(contract_id=model.contract_id)
    with town.engine.connect() as connection:
        connection.execute(statement)
        connection.rollback()
    with write_session(town.engine) as session:
        row = run.run_of(session, town.utility_id, run_id)
        desk.waive_all(session, row, list(row.summary["exceptions"]), MAKER, NOW, "visto")
        run.approve(session, row, CHECKER, NOW)
    with town.engine.connect() as connection:
        with pytest.raises(DatabaseError, match="the drafts of a run do not change once it is approved"):
            connection.execute(statement)
        connection.rollback()


@pytest.mark.parametrize(
    "table",
    [
        "consumption",
        "fiscal_record",
        "invoice",
        "ledger_entry",
        "ledger_transaction",
    ],
)
def test_issued_rows_refuse_to_change_in_the_database_itself(town: Town, table: str) -> None:
    issued(town)
    for statement in (f"UPDATE {table} SET utility_id = 2", f"DELETE FROM {table}"):  # noqa: S608 - our own tables
        with town.engine.connect() as connection:
            with pytest.raises(DatabaseError, match=f"{table}: recorded rows"):
                connection.exec_driver_sql(statement)
            connection.rollback()


def test_an_issued_run_is_numbered_chained_and_posted_in_one_order(town: Town) -> None:
    run_id = issued(town)
    with read_session(town.engine) as session:
        invoices = session.scalars(select(Invoice).order_by(Invoice.number)).all()
        records = session.scalars(select(FiscalRecord).order_by(FiscalRecord.position)).all()
        owed = session.scalar(select(func.sum(LedgerEntry.amount_cents)).where(LedgerEntry.amount_cents > 0))
        balance = session.scalar(select(func.sum(LedgerEntry.amount_cents)))
        lines = sum((line.amount for bill in archived(session) for line in bill.invoice.lines), Decimal(0))
        texts = texts_of(session, records)
        series = session.get_one(Series, (town.utility_id, "AG2026"))
    assert [row.number for row in invoices] == list(range(1, 8))
    assert [row.number_text for row in invoices] == [f"AG2026/{number:06d}" for number in range(1, 8)]
    assert [row.contract_id for row in invoices] == sorted(town.contracts)
    assert [record.invoice_id for record in records] == [row.id for row in invoices]
    assert b"<PrimerRegistro>S" in texts[records[0].id].replace(b"sf:", b"").replace(b"sum1:", b"")
    assert all(one.hash.encode() in texts[after.id] for one, after in pairwise(records))
    assert records[-1].hash.encode() in texts[records[-1].id]
    assert (balance, owed) == (0, sum(row.total_cents for row in invoices))
    assert cents_of(lines) == sum(row.base_cents for row in invoices)
    assert (series.next_number, series.last_date) == (8, date(2026, 2, 1))
    assert run_row(town, run_id).summary["invoices"] == 7


def test_each_bill_gets_its_document(town: Town) -> None:
    run_id = issued(town, partition_size=100)
    run.deliver(town.engine, town.utility_id, run_id, run.Operator(CHECKER), NOW)
    assert status(town, run_id) == "delivered"
    with read_session(town.engine) as session:
        documents = session.scalars(select(InvoiceDocument)).all()
    assert len(documents) == 7
    assert all(document.content.startswith(b"%PDF") for document in documents)


def test_whoever_made_a_run_may_not_approve_it(town: Town) -> None:
    run_id = simulated(town)
    with write_session(town.engine) as session, pytest.raises(RunError, match=f"{MAKER} made it; another person"):
        run.approve(session, run.run_of(session, town.utility_id, run_id), MAKER, NOW)
    assert status(town, run_id) == "review"


def test_a_run_with_open_exceptions_is_not_approved_until_each_is_waived_with_a_reason(town: Town) -> None:
    town.read(2, date(2026, 2, 1), 400, revision=1)
    run_id = simulated(town)
    with read_session(town.engine) as session:
        found = session.scalars(select(DraftException)).all()
    assert {(row.contract_id, row.code) for row in found} >= {(town.contracts[2], "estimated")}
    with write_session(town.engine) as session:
        row = run.run_of(session, town.utility_id, run_id)
        with pytest.raises(RunError, match="exceptions are open"):
            run.approve(session, row, CHECKER, NOW)
        for exception in found:
            with pytest.raises(RunError, match="waiving needs a reason"):
                desk.waive(session, row, exception.contract_id, exception.code, MAKER, NOW, "  ")
            desk.waive(session, row, exception.contract_id, exception.code, MAKER, NOW, "visto")
        with pytest.raises(RunError, match="is not open"):
            desk.waive(session, row, found[0].contract_id, found[0].code, MAKER, NOW, "otra vez")
        run.approve(session, row, CHECKER, NOW)
    assert status(town, run_id) == "approved"


@pytest.mark.parametrize("database", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_who_approves_and_who_holds_a_draft_lock_the_run_before_the_log(town: Town) -> None:
    run_id = simulated(town)
    with write_session(town.engine) as session, locking(town.engine) as holding:
        desk.hold(session, run.run_of(session, town.utility_id, run_id), town.contracts[3], MAKER, NOW, "releer")
    with write_session(town.engine) as session, locking(town.engine) as approving:
        run.approve(session, run.run_of(session, town.utility_id, run_id), CHECKER, NOW)
    assert holding == approving == ["billing_run", "utility"]


def test_a_held_contract_is_left_out_and_its_number_is_not_missed(town: Town) -> None:
    run_id = simulated(town)
    with write_session(town.engine) as session:
        row = run.run_of(session, town.utility_id, run_id)
        desk.hold(session, row, town.contracts[3], MAKER, NOW, "releer")
        run.approve(session, row, CHECKER, NOW)
    run.issue(town.engine, town.utility_id, run_id, run.Operator(CHECKER), NOW)
    with read_session(town.engine) as session:
        invoices = session.scalars(select(Invoice).order_by(Invoice.number)).all()
    assert town.contracts[3] not in [row.contract_id for row in invoices]
    assert [row.number for row in invoices] == list(range(1, 7))


def test_a_cancelled_run_goes_no_further_and_frees_its_contracts(town: Town) -> None:
    run_id = approved(town)
    with write_session(town.engine) as session:
        run.cancel(session, run.run_of(session, town.utility_id, run_id), CHECKER, NOW, "tarifa equivocada")
    with pytest.raises(RunError, match="is cancelled; only an approved run is issued"):
        run.issue(town.engine, town.utility_id, run_id, run.Operator(CHECKER), NOW)
    again = issued(town, code="R-2026-01-bis")
    assert run_row(town, again).summary["invoices"] == 7


def test_an_approved_run_can_not_be_simulated_again(town: Town) -> None:
    run_id = approved(town)
    with pytest.raises(RunError, match="approved → simulating: not allowed"):
        run.simulate(town.engine, town.utility_id, run_id, run.Operator(MAKER), NOW)


def test_the_next_period_opens_with_the_reading_that_closed_this_one(town: Town) -> None:
    issued(town)
    issued(town, NEXT_PERIOD)
    with read_session(town.engine) as session:
        found = archived(session)
    by_contract = {
        contract: [
            (end.role, end.source.at_ms, end.source.litres)
            for bill in found
            for end in bill.evidence.ends
            if bill.row.contract_id == contract
        ]
        for contract in town.contracts
    }
    for first_opening, first_closing, second_opening, second_closing in by_contract.values():
        assert first_closing[1:] == second_opening[1:]
        assert (first_opening[0], second_closing[0]) == ("opening", "closing")


def test_a_period_that_is_billed_already_is_not_billed_again(town: Town) -> None:
    issued(town)
    run_id = simulated(town, code="otra")
    assert run_row(town, run_id).summary["bills"] == 0
    with write_session(town.engine) as session, pytest.raises(RunError, match="has no bill to issue"):
        run.approve(session, run.run_of(session, town.utility_id, run_id), CHECKER, NOW)


def test_numbers_go_on_from_run_to_run_and_dates_never_fall(town: Town) -> None:
    issued(town, issue_date=date(2026, 3, 20))
    run_id = approved(town, NEXT_PERIOD, issue_date=date(2026, 3, 19))
    with pytest.raises(RunError, match="issue date 2026-03-19 must not precede the date of the last number"):
        run.issue(town.engine, town.utility_id, run_id, run.Operator(CHECKER), NOW)
    assert status(town, run_id) == "approved"


def test_what_cannot_be_billed_is_parked_with_the_reason_and_the_others_go_on(town: Town) -> None:
    run_id = simulated(town, settings={"supply_facts": {"calibre_mm": 14}})
    with read_session(town.engine) as session:
        texts = session.scalars(select(DraftException.text).where(DraftException.code == "cannot_bill")).all()
    assert len(texts) == 7
    assert "calibre_mm" in texts[0]
    assert run_row(town, run_id).summary["parked"] == 7


@pytest.mark.parametrize("system", ["verifactu", "no_verifactu", "sii"])
@pytest.mark.parametrize(
    ("name", "rule"),
    [("N" * 121, "must have 1 to 120 characters"), ("Ana\x07", "must not hold the character U+0007")],
)
def test_what_no_fiscal_record_can_carry_is_parked_before_it_has_a_number(
    town: Town, system: str, name: str, rule: str
) -> None:
    with write_session(town.engine) as session:
        session.get_one(Customer, (town.utility_id, town.customers[2])).name = name
    run_id = simulated(town, settings={"fiscal": {**FISCAL, "system": system}})
    with read_session(town.engine) as session:
        (found,) = session.scalars(select(DraftException).where(DraftException.code == "cannot_bill")).all()
    assert found.contract_id == town.contracts[2]
    assert "recipient.name" in found.text
    assert rule in found.text
    assert (run_row(town, run_id).summary["bills"], run_row(town, run_id).summary["parked"]) == (6, 1)


def test_every_move_of_a_run_is_in_the_audit_log_with_who_and_why(town: Town) -> None:
    run_id = approved(town)
    with write_session(town.engine) as session:
        run.cancel(session, run.run_of(session, town.utility_id, run_id), CHECKER, NOW, "prueba")
    with read_session(town.engine) as session:
        entries = session.scalars(
            select(AuditEntry).where(AuditEntry.subject == "billing_run").order_by(AuditEntry.position)
        ).all()
    assert [(entry.action, entry.actor) for entry in entries] == [
        ("run.created", MAKER),
        ("run.simulating", MAKER),
        ("run.review", MAKER),
        ("run.approved", CHECKER),
        ("run.cancelled", CHECKER),
    ]
    assert (entries[-1].before, entries[-1].after) == ({"status": "approved"}, {"status": "cancelled"})
    assert entries[-1].reason == "prueba"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"settings": {"colour": "blue"}}, "unknown field `colour`"),
        ({"settings": {"volume": {"unit_litres": "x"}}}, r"Expected `int`, got `str` - at `\$.volume.unit_litres`"),
        ({"settings": {"fiscal": {"system": "verifactu"}}}, "verifactu records name the invoicing system"),
        ({"due_date": date(2025, 1, 1)}, "due date 2025-01-01 must not precede the issue date"),
        ({"issue_date": date(2026, 1, 15)}, "must not precede the period's end"),
        ({"settings": {"zones": ["norte"]}}, "no contract is in force"),
    ],
)
def test_a_run_that_cannot_be_is_refused_by_name(town: Town, changes: dict[str, Any], text: str) -> None:
    with pytest.raises(RunError, match=text):
        created(town, **changes)


def test_lines_keep_the_exact_quantities_and_prices_of_the_tariff(town: Town) -> None:
    issued(town)
    with read_session(town.engine) as session:
        (first,) = archived(session, Invoice.number == 1)
    assert [(str(one.quantity), one.unit_price, cents_of(one.amount)) for one in first.invoice.lines] == [
        ("1", Decimal("4.46"), 446),
        ("5", Decimal("0.4375"), 219),
        ("5", Decimal("1.3673"), 684),
    ]
    assert all(one.tariff is not None and one.line.why["clause"] for one in first.lines)
