"""Rectifying issued bills: readings, tariffs and estimates corrected, bills cancelled; audited afterwards."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import DatabaseError

from billing.invoice import InvoiceType
from central.collection.posting import balance
from central.invoicing import rectify, run, tariffs
from central.invoicing.records import texts_of
from central.invoicing.rectify.decide import items_of
from central.invoicing.rectify.leak import Evidence
from central.invoicing.rectify.standing import rectifying
from central.invoicing.states import RunError
from central.ops.audit import audit
from central.store import read_session, write_session
from central.store.models import (
    Consumption,
    DraftBill,
    FiscalRecord,
    Invoice,
    InvoiceDocument,
    Reading,
    ReadingKind,
    Rectification,
)
from tests.central.factories import BILLING, EXAMPLES, NEXT_PERIOD, NOW, RECORDED, TARIFF, Town, found
from tests.central.invoicing.driving import CHECKER, MAKER, archived, issued, simulated

MARCH = date(2026, 3, 1)


def bills(town: Town, house: int) -> list[Invoice]:
    """The original bills of a house, oldest first."""
    with read_session(town.engine) as session:
        rows = select(Invoice).where(Invoice.contract_id == town.contracts[house], Invoice.kind == "F1")
        return list(session.scalars(rows.order_by(Invoice.period_from)))


def proposed(town: Town, invoices: list[Invoice], cause: str = "correct", **changes: Any) -> int:
    """A stored proposal's id."""
    values: dict[str, Any] = {
        "invoices": tuple(one.id for one in invoices),
        "cause": cause,
        "kind": InvoiceType.R4,
        "method": "I",
        "series": "AR2026",
        "reason": "Lectura errónea",
    }
    with write_session(town.engine) as session:
        return rectify.propose(session, town.utility_id, rectify.Request(**(values | changes)), MAKER, NOW).id


def decided(town: Town, rectification: int, actor: str = CHECKER) -> list[Invoice]:
    """The invoices a proposal is issued as."""
    with write_session(town.engine) as session:
        row = session.get_one(Rectification, (town.utility_id, rectification))
        day = date(2026, 4, 2)
        return rectify.issue(session, row, actor, NOW, issue_date=day, due_date=date(2026, 5, 2))


def owed(town: Town, house: int) -> int:
    """What a house owes, in cents."""
    with read_session(town.engine) as session:
        return balance(session, town.utility_id, town.contracts[house])


def breaches(town: Town) -> list[str]:
    """All that breaks a law."""
    return [f"{verdict.law}: {text}" for verdict in audit(town.engine) for text in verdict.breaches]


def follows_again(town: Town, invoice: Invoice) -> bool:
    """Whether an invoice comes out of its stored history again."""
    with read_session(town.engine) as session:
        return rectify.recompute(session, session.get_one(Invoice, (town.utility_id, invoice.id))).same


@pytest.mark.parametrize("method", ["I", "S"])
def test_a_corrected_reading_moves_the_bill_and_the_one_after_it(town: Town, method: str) -> None:
    issued(town)
    issued(town, NEXT_PERIOD)
    first, second = bills(town, 1)
    untouched = owed(town, 2)
    # The index of 1 February was typed 2 m3 too high: January comes to 8.1 m3 and February to 12.1 m3.
    town.read(1, date(2026, 2, 1), 9_100, revision=1)
    rectified = decided(town, proposed(town, [first], method=method))
    assert [(one.litres, one.kind, one.series) for one in rectified] == [
        (8_100, "R4", "AR2026"),
        (12_100, "R4", "AR2026"),
    ]
    assert [(one.rectifies or {})["method"] for one in rectified] == [method, method]
    # 4.46 + 5 x 0.4375 + 3.1 (or 7.1) x 1.3673 and 10 % of VAT.
    right = {8_100: 1198, 12_100: 1800}
    if method == "I":
        assert [one.total_cents for one in rectified] == [
            right[8_100] - first.total_cents,
            right[12_100] - second.total_cents,
        ]
    else:
        assert [one.total_cents for one in rectified] == list(right.values())
    assert owed(town, 1) == sum(right.values())
    assert owed(town, 2) == untouched
    assert breaches(town) == []
    assert all(follows_again(town, one) for one in (first, second, *rectified))


def test_a_rectifying_invoice_is_chained_documented_and_names_what_it_rectifies(town: Town) -> None:
    issued(town)
    (first,) = bills(town, 1)
    town.read(1, date(2026, 2, 1), 9_100, revision=1)
    (made,) = decided(town, proposed(town, [first], method="S"))
    with read_session(town.engine) as session:
        record = session.scalars(select(FiscalRecord).where(FiscalRecord.invoice_id == made.id)).one()
        declared = texts_of(session, [record])[record.id].decode()
        document = session.scalars(select(InvoiceDocument).where(InvoiceDocument.invoice_id == made.id)).one()
        assert session.scalar(select(func.max(FiscalRecord.position))) == record.position
    for said in ("<sf:TipoFactura>R4", "<sf:TipoRectificativa>S", "ImporteRectificacion", first.number_text):
        assert said.replace("sf:", "") in declared.replace("sf:", "").replace("sum1:", ""), said
    assert document.content.startswith(b"%PDF")
    assert made.number_text == "AR2026/000001"


def test_the_proposer_does_not_decide_and_nothing_is_decided_twice(town: Town) -> None:
    issued(town)
    town.read(1, date(2026, 2, 1), 9_100, revision=1)
    proposal = proposed(town, bills(town, 1))
    with pytest.raises(RunError, match="another person must decide"):
        decided(town, proposal, MAKER)
    decided(town, proposal)
    with pytest.raises(RunError, match="decided already"):
        decided(town, proposal)
    with town.engine.connect() as connection:
        with pytest.raises(DatabaseError, match="rectification: recorded rows"):
            connection.exec_driver_sql("UPDATE rectification SET reason = 'otra'")
        connection.rollback()


def test_of_two_proposals_for_one_bill_the_second_is_refused_once_the_first_is_issued(town: Town) -> None:
    issued(town)
    town.read(1, date(2026, 2, 1), 9_100, revision=1)
    one, other = (proposed(town, bills(town, 1), method="S") for _ in range(2))
    decided(town, one)
    with pytest.raises(RunError, match="was rectified meanwhile"):
        decided(town, other)
    assert breaches(town) == []


def test_a_cancelled_bill_owes_nothing_and_may_be_billed_again(town: Town) -> None:
    issued(town)
    (first,) = bills(town, 1)
    (cancelled,) = decided(town, proposed(town, [first], "cancel", reason="Emitida por error"))
    assert cancelled.total_cents == -first.total_cents
    assert owed(town, 1) == 0
    assert breaches(town) == []
    (again,) = decided(town, proposed(town, [first], reason="Se factura de nuevo"))
    assert again.total_cents == first.total_cents == owed(town, 1)
    assert again.litres == first.litres
    assert breaches(town) == []
    with read_session(town.engine) as session:
        assert [one.id for one in rectifying(session, first)] == [cancelled.id, again.id]


def test_a_tariff_corrected_after_the_fact_rectifies_every_period_by_its_difference(town: Town) -> None:
    issued(town)
    issued(town, NEXT_PERIOD)
    mine = bills(town, 0)
    text = (EXAMPLES / f"{TARIFF}.yaml").read_text()
    assert "0.4375" in text
    with write_session(town.engine) as session:
        tariffs.record(session, town.utility_id, text.replace("0.4375", "0.3375"), "clerk", NOW)
    made = decided(town, proposed(town, mine, kind=InvoiceType.R1, reason="Revisión de precios"))
    # 5 m3 at 0.10 euros less, and 10 % of VAT, in both months.
    assert [one.total_cents for one in made] == [-55, -55]
    with read_session(town.engine) as session:
        (bill,) = archived(session, Invoice.id == made[0].id)
    assert len(bill.invoice.lines) == 2
    assert all(line.why.get("clause") for line in bill.invoice.lines)
    assert breaches(town) == []
    assert all(follows_again(town, one) for one in (*mine, *made))


def test_what_is_right_is_not_rectified(town: Town) -> None:
    issued(town)
    with pytest.raises(RunError, match="nothing to rectify"):
        proposed(town, bills(town, 0))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"series": "AG2026"}, "one of their own"),
        ({"reason": " "}, "states its cause"),
        ({"kind": InvoiceType.R5}, "R1 to R4 rectify whole"),
        ({"cause": "cancel", "method": "S"}, "by differences"),
    ],
)
def test_what_the_law_forbids_is_refused(town: Town, changes: dict[str, Any], said: str) -> None:
    issued(town)
    with pytest.raises(RunError, match=said):
        proposed(town, bills(town, 0), **changes)


@pytest.mark.parametrize(("negative", "status"), [("credit", "parked"), ("carry", "ready")])
def test_an_estimate_that_was_too_high_is_spread_and_the_run_bills_the_rest(
    engine: Engine, negative: str, status: str
) -> None:
    town = found(engine, 3, {**BILLING, "volume": {"negative": negative}})
    for house in range(3):
        town.read(house, date(2026, 1, 1), 1_000)
        if house:
            town.read(house, date(2026, 2, 1), 11_000)
    issued(town)
    (estimated,) = bills(town, 0)
    # January was estimated; on 1 March the meter shows 2 m3 in all, less than the estimate.
    assert estimated.litres > 2_000
    for house, litres in enumerate((3_000, 21_000, 22_000)):
        town.read(house, MARCH, litres)
    parked = simulated(town, NEXT_PERIOD)
    draft = select(DraftBill).where(DraftBill.contract_id == town.contracts[0], DraftBill.run_id == parked)
    with read_session(engine) as session:
        assert session.scalars(draft).one().status == status
    (made,) = decided(town, proposed(town, [estimated], "spread", until=MARCH, reason="Estimación corregida"))
    # 2,000 litres over 31 and 28 days.
    assert made.litres == 1_051
    assert made.total_cents < 0
    run.simulate(engine, town.utility_id, parked, run.Operator(MAKER), NOW)
    with read_session(engine) as session:
        again = session.scalars(draft).one()
        assert (again.status, again.litres) == ("ready", 949)
        revisions = session.scalars(
            select(Reading.revision).where(Reading.kind == ReadingKind.ESTIMATED).order_by(Reading.revision)
        ).all()
        generations = session.scalars(
            select(Consumption.generation).where(Consumption.contract_id == town.contracts[0])
        ).all()
    assert revisions == [0, 1]
    assert sorted(generations) == [0, 1]
    assert breaches(town) == []
    assert follows_again(town, made)


def leaking(engine: Engine) -> Town:
    """A house that used 5 m3 in January and lost 45 more in February, under a tariff that prices leaks."""
    town = found(engine, 1)
    text = (EXAMPLES / "ES-JABALQUINTO-2024.yaml").read_text().replace("code: AGUA_", "code: JAB_")
    with write_session(engine) as session:
        tariffs.record(session, town.utility_id, text, "clerk", RECORDED)
        tariffs.assign(session, town.utility_id, "ES-JABALQUINTO-2024", date(2024, 1, 1), "clerk", RECORDED, position=1)
    for day, litres in ((date(2026, 1, 1), 1_000), (date(2026, 2, 1), 6_000), (MARCH, 56_000)):
        town.read(0, day, litres)
    issued(town)
    issued(town, NEXT_PERIOD)
    return town


def test_a_leak_is_claimed_with_evidence_and_its_excess_priced_as_the_tariff_says(engine: Engine) -> None:
    town = leaking(engine)
    _, leaked = bills(town, 0)
    with pytest.raises(RunError, match="La fuga no era oculta"):
        proposed(town, [leaked], "leak", leak=Evidence(False, MARCH))
    with pytest.raises(RunError, match="Falta la factura de la reparación"):
        proposed(town, [leaked], "leak", leak=Evidence(True, None))
    brought = Evidence(True, date(2026, 3, 10))
    (made,) = decided(town, proposed(town, [leaked], "leak", leak=brought, kind=InvoiceType.R1))
    assert made.total_cents < 0
    assert made.litres == leaked.litres == 50_000
    with read_session(engine) as session:
        (bill,) = archived(session, Invoice.id == made.id)
    case = bill.basis.case
    # 5 m3 in 31 days of January are 4,516 litres in the 28 of February.
    assert (case["leak"], case["reference_litres"]) == (True, 4_516)
    with read_session(engine) as session:
        leaks = session.scalars(select(Consumption.leak).order_by(Consumption.id)).all()
    assert "JAB_FUGA" in [line.code for line in bill.invoice.lines]
    assert leaks == [False, False, True]
    with pytest.raises(RunError, match="hace menos de 2 años"):
        proposed(town, [leaked], "leak", leak=brought)
    with pytest.raises(RunError, match="nothing to rectify"):
        proposed(town, [leaked])
    assert breaches(town) == []
    assert follows_again(town, made)


def test_a_proposal_keeps_its_preview(town: Town) -> None:
    issued(town)
    (first,) = bills(town, 1)
    town.read(1, date(2026, 2, 1), 9_100, revision=1)
    proposal = proposed(town, [first])
    with read_session(town.engine) as session:
        row = session.get_one(Rectification, (town.utility_id, proposal))
        (item,) = items_of(session, row)
    assert (item.before_cents, item.after_cents, item.result_id) == (first.total_cents, 1198, None)
