"""What the portal reads: bills with their whole story, scoped; drafts page by page."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from billing.invoice import check
from central.invoicing import desk, queries, run
from central.invoicing.queries import Filters, PageKeyError, Sort
from central.store import read_session, write_session
from central.store.bulk import changed
from central.store.models import Invoice, Reading, ReadingKind, ReadingStatus
from protocols import wmbus
from tests.central.factories import KEY, NEXT_PERIOD, NOW, Town, give_keys
from tests.central.invoicing.driving import CHECKER, MAKER, issued, simulated

HEARD = datetime(2026, 1, 31, 22, 59, 58, tzinfo=UTC)


def reject(session: Session, town: Town, house: int, litres: int) -> None:
    wrong = update(Reading).where(Reading.meter_id == town.meters[house], Reading.litres == litres)
    changed(session, wrong.values(status=ReadingStatus.REJECTED, reason="prueba"))


def first_bill(town: Town, house: int = 0) -> int:
    with read_session(town.engine) as session:
        ids = session.scalars(
            select(Invoice.id).where(Invoice.contract_id == town.contracts[house]).order_by(Invoice.period_from)
        ).all()
    return ids[0]


def test_a_bill_tells_its_lines_readings_and_tariff(town: Town) -> None:
    issued(town)
    with read_session(town.engine) as session:
        found = queries.bill(session, town.utility_id, first_bill(town), customer_id=town.customers[0])
    assert found is not None
    assert found.summary.number == "AG2026/000001"
    assert [line.code for line in found.lines] == ["AGUA_SERV", "AGUA_CONS", "AGUA_CONS"]
    assert sum((line.amount for line in found.lines), Decimal(0)) + Decimal("1.35") == found.summary.total
    for line in found.lines:
        assert line.tariff is not None
        assert (line.tariff.tariff, line.tariff.version) == ("ES-AGOST-2023", 1)
        assert "2023/11559" in line.tariff.source
    assert [(one.role, one.litres, one.kind) for one in found.readings] == [
        ("opening", 1_000, ReadingKind.RADIO_DUE),
        ("closing", 11_000, ReadingKind.RADIO_DUE),
    ]
    assert found.fiscal is not None
    assert "tike-cont" in found.fiscal.qr_url.lower()


def test_the_archived_invoice_is_the_value_that_was_issued(town: Town) -> None:
    issued(town)
    with read_session(town.engine) as session:
        found = queries.bill(session, town.utility_id, first_bill(town), customer_id=None)
    assert found is not None
    invoice = found.invoice
    assert check(invoice) == ()
    assert invoice.full_number == found.summary.number
    assert (invoice.total, invoice.litres) == (found.summary.total, 10_000)
    assert invoice.pieces[0].opening is not None
    assert invoice.pieces[0].opening.at == datetime(2025, 12, 31, 23, tzinfo=UTC)


def test_a_reading_heard_by_radio_opens_the_telegram_byte_by_byte(town: Town, tmp_path: Path) -> None:
    keys = give_keys(town, tmp_path / "keys")
    town.hear(1, HEARD, 11_090)
    with write_session(town.engine) as session:
        # The due-date value of house 1 turned out wrong, so the index heard two seconds before counts.
        reject(session, town, 1, 11_100)
    issued(town, keys=keys)
    with read_session(town.engine) as session:
        found = queries.bill(session, town.utility_id, first_bill(town, 1), customer_id=None)
    assert found is not None
    closing = found.readings[-1]
    assert (closing.role, closing.kind, closing.litres, closing.at) == ("closing", ReadingKind.RADIO, 11_090, HEARD)
    story = closing.telegram
    assert story is not None
    assert (story.device, story.receiver, story.rssi_dbm) == ("furgoneta-1", "im871a-1", -71)
    assert story.received_at == HEARD
    assert story.decoded["fields"]["total_m3"] == "11.090"
    again = wmbus.decode(bytes.fromhex(story.hex), KEY)
    assert again.total_litres == closing.litres
    covered = sorted((span["offset"], span["length"]) for span in story.spans if span["length"])
    assert covered[0][0] == 0
    assert all(span["meaning"] for span in story.spans)


def test_an_encrypted_telegram_is_not_issued_without_the_key_file(town: Town) -> None:
    town.hear(1, HEARD, 11_090)
    with write_session(town.engine) as session:
        reject(session, town, 1, 11_100)
    with pytest.raises(run.RunError, match=r"KAM-00000002-1B-16: is encrypted and no key file was given"):
        issued(town)


def test_a_subscriber_sees_nothing_of_others(town: Town) -> None:
    run_id = issued(town)
    run.deliver(town.engine, town.utility_id, run_id, run.Operator(CHECKER), NOW)
    mine, other = town.customers[0], town.customers[1]
    bill_id = first_bill(town)
    with read_session(town.engine) as session:
        assert len(queries.bills_of_customer(session, town.utility_id, mine)) == 1
        assert queries.bill(session, town.utility_id, bill_id, customer_id=other) is None
        assert queries.document(session, town.utility_id, bill_id, customer_id=other) is None
        assert queries.bill(session, town.utility_id + 1, bill_id, customer_id=None) is None
        contract, until = town.contracts[0], date(2026, 3, 1)
        assert queries.history(session, town.utility_id, contract, until, customer_id=other) == []
        document = queries.document(session, town.utility_id, bill_id, customer_id=mine)
    assert document is not None
    assert (document.name, document.media_type) == ("AG2026-000001.pdf", "application/pdf")
    assert document.content.startswith(b"%PDF")


def test_history_holds_the_periods_of_thirteen_months(town: Town) -> None:
    issued(town)
    issued(town, NEXT_PERIOD)
    with read_session(town.engine) as session:
        used = queries.history(session, town.utility_id, town.contracts[2], date(2026, 3, 1), customer_id=None)
        listed = queries.bills_of_customer(session, town.utility_id, town.customers[2], limit=1)
        rest = queries.bills_of_customer(
            session, town.utility_id, town.customers[2], before=(listed[0].issued, listed[0].id)
        )
    assert [(one.period_from, one.litres) for one in used] == [(date(2026, 1, 1), 10_200), (date(2026, 2, 1), 10_200)]
    assert [one.period_from for one in (*listed, *rest)] == [date(2026, 2, 1), date(2026, 1, 1)]


@pytest.mark.parametrize("sort", ["contract", "total", "litres", "change"])
@pytest.mark.parametrize("descending", [False, True])
def test_pages_of_drafts_show_each_row_once_in_order(town: Town, sort: Sort, descending: bool) -> None:
    run_id = simulated(town)
    filters = Filters(sort=sort, descending=descending)
    seen, after = [], None
    with read_session(town.engine) as session:
        while True:
            page = queries.drafts(session, town.utility_id, run_id, filters, after=after, limit=3)
            seen += [row.contract_id for row in page.rows]
            after = page.next
            if after is None:
                break
        assert page.count == 7
        with pytest.raises(PageKeyError):
            queries.drafts(session, town.utility_id, run_id, filters, after="; drop")
    # House by house everything grows, so all four orders are that of the houses.
    assert seen == (town.contracts[::-1] if descending else town.contracts)


def test_a_page_tells_the_sums_of_the_whole_run_at_every_stage(town: Town) -> None:
    def told(filters: Filters) -> tuple[int, Decimal, list[int]]:
        with read_session(town.engine) as session:
            page = queries.drafts(session, town.utility_id, run_id, filters)
        assert (page.count, page.total) == (len(page.rows), sum(row.total for row in page.rows))
        return page.count, page.total, [row.contract_id for row in page.rows]

    town.read(2, date(2026, 2, 1), 400, revision=1)  # less than before: estimated, to be looked at
    run_id = simulated(town)
    count, total, _ = told(Filters())
    assert count == 7
    assert told(Filters(open_only=True))[2] == [town.contracts[2]]
    assert told(Filters(status="parked"))[0] == 0
    with write_session(town.engine) as session:
        desk.hold(session, run.run_of(session, town.utility_id, run_id), town.contracts[2], MAKER, NOW, "prueba")
    assert told(Filters())[:2] == (count, total)
    assert told(Filters(open_only=True))[0] == 0
    assert told(Filters(status="parked"))[2] == told(Filters(code="held"))[2] == [town.contracts[2]]
    with write_session(town.engine) as session:
        row = run.run_of(session, town.utility_id, run_id)
        run.cancel(session, row, CHECKER, NOW, "prueba")
    assert told(Filters())[:2] == (count, total)


def test_counts_are_those_of_the_lists_they_open(town: Town) -> None:
    town.read(2, date(2026, 2, 1), 400, revision=1)
    town.read(4, date(2026, 2, 1), 300, revision=1)
    run_id = simulated(town)
    with read_session(town.engine) as session:
        counts = queries.exception_counts(session, town.utility_id, run_id)
        for code, count in counts.items():
            page = queries.drafts(session, town.utility_id, run_id, Filters(code=code))
            assert page.count == len(page.rows) == count
            assert all(code in [item.code for item in row.items] for row in page.rows)
        listed = queries.run_summary(session, town.utility_id, run_id)
    assert counts["estimated"] == 2
    assert listed is not None
    assert listed.open_exceptions == sum(counts.values())
    assert (listed.contracts, listed.status) == (7, "review")


def test_a_draft_stands_beside_the_last_bill(town: Town) -> None:
    issued(town)
    run_id = simulated(town, NEXT_PERIOD)
    with read_session(town.engine) as session:
        view = queries.draft(session, town.utility_id, run_id, town.contracts[1])
    assert view is not None
    assert view.invoice is not None
    assert view.previous is not None
    assert (view.previous.full_number, view.invoice.full_number) == ("AG2026/000002", "")
    assert view.row.previous_total == view.previous.total
    assert view.row.change == view.invoice.total - view.previous.total
