"""The queue against the agency's service: nothing lost, nothing doubled, whatever breaks on the way."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from central.fiscal import queue
from central.fiscal.systems import SYSTEMS, VERIFACTU
from central.store import read_session, write_session
from central.store.models import FiscalOutcome, FiscalRecord, FiscalSender, FiscalSubmission
from tests.central.factories import NEXT_PERIOD, Town
from tests.central.fiscal.conftest import Office
from tests.central.invoicing.driving import approved, issued
from tests.central.invoicing.test_resumption import number_only
from tests.fixtures.agency import (
    CLIENT_FAULT,
    CUT_AFTER,
    CUT_BEFORE,
    SERVER_FAULT,
    SF,
    UNAVAILABLE,
)

ROOT = Path(__file__).resolve().parents[3]


def hashes(town: Town) -> list[str]:
    """The chain as it is stored."""
    with read_session(town.engine) as session:
        return list(session.scalars(select(FiscalRecord.hash).order_by(FiscalRecord.position)))


def outcomes(town: Town) -> list[FiscalOutcome]:
    with read_session(town.engine) as session:
        ordered = select(FiscalOutcome).join(FiscalRecord, FiscalRecord.id == FiscalOutcome.record_id)
        return list(session.scalars(ordered.order_by(FiscalRecord.position)))


def sender(town: Town) -> FiscalSender:
    with read_session(town.engine) as session:
        return session.get_one(FiscalSender, (town.utility_id, VERIFACTU))


def submissions(town: Town) -> list[FiscalSubmission]:
    with read_session(town.engine) as session:
        return list(session.scalars(select(FiscalSubmission).order_by(FiscalSubmission.first_position)))


def numbers(town: Town) -> list[str]:
    return [f"AG2026/{number:06d}" for number in range(1, 8)]


def assert_all_arrived_once(office: Office) -> None:
    assert office.agency.stored == hashes(office.town)
    assert {one.verdict for one in outcomes(office.town)} == {"accepted"}
    assert len(outcomes(office.town)) == len(hashes(office.town))


def test_a_runs_records_arrive_in_chain_order_with_their_receipt(office: Office) -> None:
    (sent,) = office.send()
    assert (sent.records, sent.verdicts, sent.incident) == (7, {"accepted": 7}, False)
    assert_all_arrived_once(office)
    (submission,) = submissions(office.town)
    assert (submission.verdict, submission.csv, submission.attempts) == ("Correcto", "A-TEST0001", 1)
    assert office.send() == []


def test_the_agencys_wait_holds_between_messages(office: Office) -> None:
    office.agency.wait_s = 120
    office.send()
    issued(office.town, NEXT_PERIOD, series="AG2026", issue_date=NEXT_PERIOD.end)
    assert office.send() == []
    office.clock.advance(119)
    assert office.send() == []
    office.clock.advance(1)
    assert [sent.records for sent in office.send()] == [7]
    assert_all_arrived_once(office)


def test_messages_are_no_larger_than_the_agency_allows_and_a_full_one_need_not_wait(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "SYSTEMS", {VERIFACTU: replace(SYSTEMS[VERIFACTU], most=3)})
    assert [sent.records for sent in office.send()] == [3, 3]
    office.clock.advance(60)
    assert [sent.records for sent in office.send()] == [1]
    assert_all_arrived_once(office)


def test_records_of_a_run_that_is_still_being_issued_wait_for_those_before_them(town: Town, office: Office) -> None:
    run_id = approved(town, NEXT_PERIOD, series="AG2026", issue_date=NEXT_PERIOD.end)
    number_only(town, run_id)
    with write_session(town.engine) as session:
        kept = session.scalars(select(FiscalRecord).where(FiscalRecord.position == 7)).one()
        later = FiscalRecord(
            utility_id=kept.utility_id, id=kept.id + 1, system=kept.system, position=9, kind=kept.kind,
            invoice_id=kept.invoice_id, generated_at=kept.generated_at, hash="A" * 64,
            config_id=kept.config_id,
        )  # fmt: skip
        session.add(later)
    assert [sent.records for sent in office.send()] == [7]
    assert sender(town).next_position == 8


@pytest.mark.parametrize("mishap", [CUT_BEFORE, CUT_AFTER, SERVER_FAULT, UNAVAILABLE])
def test_after_an_interruption_the_message_goes_again_and_says_so(office: Office, mishap: str) -> None:
    office.agency.mishaps = [mishap]
    (failed,) = office.send()
    assert failed.error
    assert office.send() == []
    assert outcomes(office.town) == []
    office.clock.advance(queue.FIRST_RETRY_S)
    (sent,) = office.send()
    assert (sent.attempt, sent.incident, sent.verdicts) == (2, True, {"accepted": 7})
    assert office.agency.messages[-1].findtext(f".//{SF}Incidencia") == "S"
    assert_all_arrived_once(office)
    assert {one.duplicate for one in outcomes(office.town)} == {mishap == CUT_AFTER}
    assert (sender(office.town).failures, sender(office.town).error) == (0, "")


def test_an_ordinary_message_does_not_speak_of_an_incident(office: Office) -> None:
    office.send()
    assert office.agency.messages[-1].find(f".//{SF}Incidencia") is None


def test_waits_grow_with_each_failure_up_to_an_hour(office: Office) -> None:
    office.agency.mishaps = [CUT_BEFORE] * 10
    waits = []
    for _ in range(10):
        office.send()
        until = sender(office.town).not_before
        assert until is not None
        waits.append((until - office.clock.now).total_seconds())
        office.clock.now = until
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    office.send()
    assert_all_arrived_once(office)


def test_a_refused_message_is_no_incident_and_its_reason_is_kept(office: Office) -> None:
    office.agency.mishaps = [CLIENT_FAULT]
    office.send()
    assert "20009" in sender(office.town).error
    with write_session(office.town.engine) as session:
        queue.retry_now(session, office.town.utility_id, VERIFACTU)
    (sent,) = office.send()
    assert (sent.incident, sent.error) == (False, "")
    assert_all_arrived_once(office)


def test_each_record_has_its_own_verdict(office: Office) -> None:
    first, second, *_ = numbers(office.town)
    office.agency.rejects = {first: (1110, "El NIF no está identificado en el censo de la AEAT.")}
    office.agency.doubts = {second: (2001, "El NIF del destinatario no está identificado.")}
    (sent,) = office.send()
    assert sent.verdicts == {"rejected": 1, "accepted_with_errors": 1, "accepted": 5}
    found = [(one.verdict, one.code) for one in outcomes(office.town)[:3]]
    assert found == [("rejected", 1110), ("accepted_with_errors", 2001), ("accepted", None)]
    assert outcomes(office.town)[0].text == "El NIF no está identificado en el censo de la AEAT."


def test_a_lost_answer_keeps_what_the_agency_had_found_wrong(office: Office) -> None:
    first, *_ = numbers(office.town)
    office.agency.doubts = {first: (2001, "El NIF del destinatario no está identificado.")}
    office.agency.mishaps = [CUT_AFTER]
    office.send()
    office.clock.advance(queue.FIRST_RETRY_S)
    office.send()
    found = outcomes(office.town)[0]
    assert (found.verdict, found.code, found.duplicate) == ("accepted_with_errors", 2001, True)


def test_a_duplicate_nobody_sent_from_here_is_for_staff_to_look_at(office: Office) -> None:
    office.agency.held[numbers(office.town)[0], "Alta"] = ("Correcto", None, "")
    office.send()
    found = outcomes(office.town)[0]
    assert (found.verdict, found.code, found.duplicate) == ("rejected", 3000, False)


def test_a_worker_that_wakes_late_records_nothing(office: Office) -> None:
    town, now = office.town, office.clock.now
    with write_session(town.engine) as session:
        stale = queue.take(session, town.utility_id, VERIFACTU, now)
    assert stale is not None
    assert office.send() == []  # the claim holds
    office.clock.advance(queue.LEASE_S)
    (sent,) = office.send()
    assert (sent.attempt, sent.incident) == (2, True)
    with pytest.raises(queue.LostClaimError), write_session(town.engine) as session:
        queue.put_back(session, stale, "late", now, interrupted=True)
    assert_all_arrived_once(office)


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from central.config import AgencyConfig
from central.fiscal import queue, sending
from central.fiscal.agency import HttpAgency
from central.store import open_engine

where, database, utility, url = sys.argv[1:]
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
class Dying(HttpAgency):
    def send(self, url, envelope):
        if where == "before sending":
            die()
        answer = super().send(url, envelope)
        die()
if where == "before its answer is committed":
    settle = queue.settle
    queue.settle = lambda *given: (settle(*given), die())
    Dying = HttpAgency
with Dying(AgencyConfig()) as agency:
    now = datetime(2026, 4, 2, 9, tzinfo=UTC)
    list(sending.send_due(open_engine(database), int(utility), agency, url, lambda: now))
"""


@pytest.mark.parametrize("where", ["before sending", "after sending", "before its answer is committed"])
def test_a_sender_killed_at_any_point_neither_loses_nor_doubles(office: Office, database: str, where: str) -> None:
    arguments = [where, database, str(office.town.utility_id), office.agency.url]
    killed = subprocess.run([sys.executable, "-c", KILLED, *arguments], cwd=ROOT, env=os.environ, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert outcomes(office.town) == []
    office.clock.advance(queue.LEASE_S)
    office.send()
    assert_all_arrived_once(office)
    assert len(submissions(office.town)) == 1


def test_what_was_answered_is_never_changed(office: Office) -> None:
    office.send()
    for statement in (
        update(FiscalOutcome).values(verdict="rejected"),
        update(FiscalSubmission).values(csv="A-OTHER"),
        update(FiscalSubmission).values(answered_at=office.clock.now + timedelta(days=1)),
    ):
        with (
            pytest.raises(Exception, match="recorded rows do not change"),
            write_session(office.town.engine) as session,
        ):
            session.execute(statement)
