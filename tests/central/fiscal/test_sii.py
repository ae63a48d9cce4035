"""Issued invoices on their way to the SII: the same durable queue, another service, days instead of seconds."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from billing.fiscal import FiscalError
from billing.invoice import Party
from central.config import AgencyConfig, Config
from central.fiscal import queries, queue, supply
from central.fiscal.agency import HttpAgency
from central.fiscal.desk import correct, withdraw
from central.fiscal.sending import Sent, send_all
from central.fiscal.systems import SII as SYSTEM
from central.invoicing.archive import rebuild
from central.ops import doctor
from central.store import read_session, write_session
from central.store.models import FiscalChain, FiscalOutcome, FiscalRecord, Invoice
from tests.central.factories import BILLING, NEXT_PERIOD, NOW, Town, found
from tests.central.fiscal.conftest import DAYS
from tests.central.invoicing.driving import issued
from tests.central.invoicing.test_rectify import bills, breaches, decided, proposed
from tests.fixtures.agency import CLIENT_FAULT, CUT_AFTER, CUT_BEFORE, SERVER_FAULT, UNAVAILABLE
from tests.fixtures.sii import SII, SiiService, sii_service

LARGE: dict[str, Any] = {**BILLING, "fiscal": {"system": SYSTEM}}


class Filer:
    """A large filer's town, with its line to the service."""

    def __init__(self, town: Town, service: SiiService) -> None:
        self.town, self.service, self.now = town, service, NOW
        self.verifactu_url: str | None = None

    def send(self) -> list[Sent]:
        """Everything that is due now."""
        config = AgencyConfig(timeout_s=30, url=self.verifactu_url, sii_url=self.service.url)
        with HttpAgency(config) as line:
            return send_all(self.town.engine, line, config, lambda: self.now)

    def outcomes(self) -> dict[str, str]:
        """The newest verdict on each invoice."""
        with read_session(self.town.engine) as session:
            rows = (
                select(Invoice.number_text, FiscalOutcome.verdict)
                .join(FiscalRecord, FiscalRecord.id == FiscalOutcome.record_id)
                .join(Invoice, Invoice.id == FiscalRecord.invoice_id)
                .order_by(FiscalRecord.position)
            )
            return {row[0]: row[1] for row in session.execute(rows)}

    def rejected(self) -> int:
        """The record that was rejected."""
        with read_session(self.town.engine) as session:
            return queries.records(session, self.town.utility_id, "rejected", system=SYSTEM)[0].record_id


@pytest.fixture
def filer(engine: Engine) -> Iterator[Filer]:
    town = found(engine, 7, LARGE)
    town.read_all(DAYS)
    issued(town)
    with sii_service() as service:
        yield Filer(town, service)


def numbers(count: int = 7) -> list[str]:
    return [f"AG2026/{number:06d}" for number in range(1, count + 1)]


def test_issued_invoices_are_entered_and_supplied_once(filer: Filer) -> None:
    with read_session(filer.town.engine) as session:
        assert session.scalars(select(FiscalRecord)).all() == []
        assert session.scalars(select(FiscalChain)).all() == []
    (sent,) = filer.send()
    assert (sent.records, sent.verdicts) == (7, {"accepted": 7})
    assert list(filer.service.held) == numbers()
    assert filer.send() == []
    issued(filer.town, NEXT_PERIOD, issue_date=NEXT_PERIOD.end)
    assert [one.records for one in filer.send()] == [7]
    assert filer.service.communications == ["A0", "A0"]
    assert set(filer.outcomes().values()) == {"accepted"}
    assert len(filer.outcomes()) == 14
    assert breaches(filer.town) == []


def test_the_bill_is_what_is_supplied_and_it_bears_no_qr(filer: Filer) -> None:
    filer.send()
    with read_session(filer.town.engine) as session:
        rows = session.scalars(select(Invoice)).all()
        for row in rows:
            entry = filer.service.held[row.number_text][1]
            total = entry.findtext(f".//{SII}ImporteTotal") or ""
            assert total.replace(".", "").lstrip("0") == str(row.total_cents)
        assert {one.fiscal and one.fiscal.qr_url for one in rebuild(session, rows)} == {""}


def test_messages_are_of_one_period_and_of_no_more_entries_than_allowed(
    filer: Filer, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued(filer.town, NEXT_PERIOD, issue_date=NEXT_PERIOD.end)
    monkeypatch.setattr(supply, "PAGE", 3)
    assert [one.records for one in filer.send()] == [7, 7]
    periods = [{item.text for item in message.iter(f"{SII}Periodo")} for message in filer.service.messages]
    assert periods == [{"01"}, {"02"}]


@pytest.mark.parametrize("mishap", [CUT_BEFORE, CUT_AFTER, SERVER_FAULT, CLIENT_FAULT, UNAVAILABLE])
def test_whatever_breaks_on_the_way_everything_arrives_once(filer: Filer, mishap: str) -> None:
    filer.service.mishaps = [mishap]
    (failed,) = filer.send()
    assert failed.error
    assert filer.send() == []
    filer.now += timedelta(seconds=queue.FIRST_RETRY_S)
    (sent,) = filer.send()
    assert (sent.attempt, sent.verdicts) == (2, {"accepted": 7})
    assert list(filer.service.held) == numbers()


def test_what_was_rejected_is_mended_and_supplied_anew(filer: Filer) -> None:
    filer.service.rejects = {numbers()[2]: (1117, "El NIF no está identificado")}
    (sent,) = filer.send()
    assert sent.verdicts == {"accepted": 6, "rejected": 1}
    mended = Party("Ana García Pérez", "12345678Z")
    mend(filer, filer.rejected(), mended)
    filer.service.rejects = {}
    assert [one.verdicts for one in filer.send()] == [{"accepted": 1}]
    assert filer.service.communications == ["A0", "A0"]
    entry = filer.service.held[numbers()[2]][1]
    assert entry.findtext(f".//{SII}Contraparte/{SII}NIF") == "12345678Z"
    with read_session(filer.town.engine) as session:
        assert queries.counts(session, filer.town.utility_id, system=SYSTEM)["mended"] == 1
    assert breaches(filer.town) == []


def test_what_was_accepted_with_errors_is_changed_in_place(filer: Filer) -> None:
    filer.service.doubts = {numbers()[0]: (2011, "El nombre no coincide con el censo")}
    filer.send()
    filer.service.doubts = {}
    with read_session(filer.town.engine) as session:
        (doubted,) = queries.records(session, filer.town.utility_id, "accepted_with_errors", system=SYSTEM)
    mend(filer, doubted.record_id, None)
    assert [one.verdicts for one in filer.send()] == [{"accepted": 1}]
    assert filer.service.communications == ["A0", "A1"]


def mend(filer: Filer, record_id: int, recipient: Party | None) -> None:
    with write_session(filer.town.engine) as session:
        correct(session, filer.town.utility_id, record_id, recipient, "jefa", filer.now, "NIF corregido")


@pytest.mark.parametrize("mishap", ["", CUT_AFTER])
def test_an_entry_is_taken_back(filer: Filer, mishap: str) -> None:
    filer.send()
    withdrawn(filer, numbers()[3])
    filer.service.mishaps = [mishap] if mishap else []
    filer.send()
    filer.now += timedelta(seconds=queue.FIRST_RETRY_S)
    filer.send()
    assert filer.service.held[numbers()[3]][0] == "Anulada"
    assert set(filer.outcomes().values()) == {"accepted"}
    assert set(filer.service.communications) == {"A0", "baja"}
    with pytest.raises(FiscalError, match="takes it back already"):
        withdrawn(filer, numbers()[3])
    assert breaches(filer.town) == []


def withdrawn(filer: Filer, number: str) -> None:
    with write_session(filer.town.engine) as session:
        withdraw(session, filer.town.utility_id, number, "jefa", filer.now, "Emitida por error")


def test_only_what_the_agency_holds_is_taken_back(filer: Filer) -> None:
    with pytest.raises(FiscalError, match="holds no record"):
        withdrawn(filer, numbers()[0])
    with pytest.raises(FiscalError, match="must be one that was issued"):
        withdrawn(filer, "AG2026/999999")
    with pytest.raises(FiscalError, match="reason"), write_session(filer.town.engine) as session:
        withdraw(session, filer.town.utility_id, numbers()[0], "jefa", filer.now, " ")


@pytest.mark.parametrize("method", ["S", "I"])
def test_a_rectifying_invoice_is_supplied_naming_what_it_rectifies(filer: Filer, method: str) -> None:
    filer.send()
    town = filer.town
    town.read(1, date(2026, 2, 1), 9_100, revision=1)
    (made,) = decided(town, proposed(town, bills(town, 1), method=method))
    number = made.number_text
    assert [one.records for one in filer.send()] == [1]
    entry = filer.service.held[number][1]
    assert entry.findtext(f".//{SII}TipoRectificativa") == method
    assert entry.findtext(f".//{SII}IDFacturaRectificada/{SII}NumSerieFacturaEmisor") == numbers()[1]
    assert entry.findtext(f".//{SII}Periodo") == "04"
    assert breaches(town) == []


def test_whoever_is_late_is_named(filer: Filer) -> None:
    town = filer.town
    with read_session(town.engine) as session:
        due = list(supply.open_entries(session, town.utility_id))
    assert [one.number for one in due] == numbers()
    last = date(2026, 2, 5)  # issued on Sunday the 1st
    assert {one.due for one in due} == {last}
    assert late(town, last) == 0
    assert late(town, last + timedelta(days=1)) == 7
    assert "7 invoices are late for the SII" in diagnosed(town, Config())
    filer.send()
    assert late(town, date(2027, 1, 1)) == 0


def late(town: Town, today: date) -> int:
    with read_session(town.engine) as session:
        return len(supply.overdue(session, town.utility_id, today))


def diagnosed(town: Town, config: Config) -> str:
    with read_session(town.engine) as session:
        return doctor._fiscal(config, session).text


def test_entries_of_a_transaction_that_ended_late_are_made_and_old_ones_when_asked(filer: Filer) -> None:
    filer.send()
    town = filer.town
    issued(town, NEXT_PERIOD, issue_date=NEXT_PERIOD.end)
    with write_session(town.engine) as session:
        chain = session.get_one(FiscalChain, (town.utility_id, SYSTEM))
        chain.head = {"invoice_id": (1 << 62)}
    assert supply.enlist(town.engine, town.utility_id, filer.now).entries == 0
    assert supply.enlist(town.engine, town.utility_id, filer.now, everything=True).entries == 7


def test_an_invoice_that_cannot_be_entered_is_named_and_stops_nobody(
    filer: Filer, monkeypatch: pytest.MonkeyPatch
) -> None:
    town, make = filer.town, supply._row

    def lacking(registry: Any, archived: Any, *others: Any) -> FiscalRecord:
        if archived.row.number_text in numbers(2):
            archived = replace(archived, invoice=replace(archived.invoice, recipient=Party("Sin NIF")))
        return make(registry, archived, *others)

    monkeypatch.setattr(supply, "_row", lacking)
    monkeypatch.setattr(supply, "PAGE", 2)
    found = supply.enlist(town.engine, town.utility_id, filer.now)
    assert found.entries == 5
    assert list(found.refused) == numbers(2)
    assert "recipient.nif: (empty)" in found.refused[numbers()[0]]
    assert [one.records for one in filer.send()] == [5]
    with read_session(town.engine) as session:
        assert [one.number for one in supply.open_entries(session, town.utility_id)] == numbers(2)
