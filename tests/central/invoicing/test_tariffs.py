"""Tariffs kept as they were approved: a past bill keeps the text it was rated with."""

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select

from billing.tariff import TariffError
from billing.volume import Period
from central.invoicing import queries, tariffs
from central.invoicing.states import RunError
from central.invoicing.tariffs import Assignments
from central.store import read_session, write_session
from central.store.models import Invoice, TariffVersion
from tests.central.factories import EXAMPLES, NEXT_PERIOD, NOW, RECORDED, TARIFF, UTILITY, Town
from tests.central.invoicing.driving import archived, issued

TEXT = (EXAMPLES / f"{TARIFF}.yaml").read_text(encoding="utf-8")
LATER = RECORDED + timedelta(hours=1)


def record(town: Town, text: str, at: datetime = LATER) -> int:
    with write_session(town.engine) as session:
        return tariffs.record(session, UTILITY, text, "jefa", at).id


def test_the_same_text_again_is_the_same_row(town: Town) -> None:
    with read_session(town.engine) as session:
        first = session.scalars(select(TariffVersion)).one()
    assert record(town, TEXT) == first.id
    assert (first.series, first.version, first.valid_from) == ("ES-AGOST", 1, date(2023, 11, 30))


def test_a_corrected_text_rates_what_comes_and_not_what_was(town: Town) -> None:
    january = issued(town)
    corrected = record(town, TEXT.replace("price: 0.4375", "price: 0.5375"))
    february = issued(town, NEXT_PERIOD)
    with read_session(town.engine) as session:
        bills = archived(session, Invoice.contract_id == town.contracts[0])
        old, new = (tariffs.book_of(session, UTILITY, bill.basis.tariffs) for bill in bills)
        told = queries.bill(session, UTILITY, bills[1].row.id, customer_id=None)
    assert [bill.row.run_id for bill in bills] == [january, february]
    assert [str(bill.invoice.lines[1].unit_price) for bill in bills] == ["0.4375", "0.5375"]
    assert bills[1].lines[1].tariff == corrected
    assert old.book.get(TARIFF).digest != new.book.get(TARIFF).digest
    assert told is not None
    assert {line.tariff and line.tariff.version for line in told.lines} == {2}


def test_a_run_uses_what_was_recorded_up_to_its_cutoff(town: Town) -> None:
    record(town, TEXT.replace("price: 0.4375", "price: 0.5375"), at=NOW)
    with read_session(town.engine) as session:
        before = tariffs.book_at(session, UTILITY, NOW - timedelta(seconds=1))
        after = tariffs.book_at(session, UTILITY, NOW)
    assert before.versions != after.versions
    assert before.rows_of([TARIFF]) == before.rows_of(["ES-AGOST"]) == [before.versions[TARIFF]]
    assert before.rows_of(["ES-OTHER"]) == []


def test_a_text_that_is_no_tariff_is_refused_with_its_line(town: Town) -> None:
    with pytest.raises(TariffError, match=r"tariff\.yaml:\d+"):
        record(town, TEXT.replace("components:", "componentes:"))


def test_a_tariff_that_is_not_recorded_cannot_be_assigned(town: Town) -> None:
    with write_session(town.engine) as session, pytest.raises(RunError, match="tariff ES-NADA: is not recorded"):
        tariffs.assign(session, UTILITY, "ES-NADA", date(2026, 1, 1), "jefa", NOW)


def test_assignments_go_by_zone_position_and_date(town: Town) -> None:
    record(town, (EXAMPLES / "ES-GVA-CANON.yaml").read_text(encoding="utf-8"))
    with write_session(town.engine) as session:
        tariffs.assign(session, UTILITY, "ES-GVA-CANON", date(2026, 2, 1), "jefa", LATER, zone="norte", position=-1)
    with read_session(town.engine) as session:
        known = Assignments(session, UTILITY, NOW)
        earlier = Assignments(session, UTILITY, RECORDED)
    february = Period(date(2026, 2, 1), date(2026, 3, 1))
    assert known.of("norte", february) == ("ES-GVA-CANON", TARIFF)
    assert known.of("sur", february) == known.of(None, february) == (TARIFF,)
    assert earlier.of("norte", february) == (TARIFF,)
    with pytest.raises(RunError, match="ES-GVA-CANON: does not apply to all of"):
        known.of("norte", Period(date(2026, 1, 15), date(2026, 2, 15)))
    with pytest.raises(RunError, match="zone sur: no tariff is assigned"):
        known.of("sur", Period(date(2023, 1, 1), date(2023, 2, 1)))
