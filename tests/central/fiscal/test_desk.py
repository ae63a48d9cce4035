"""Staff mend what the agency rejected or took with errors."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from billing.fiscal import FiscalError
from billing.invoice import ForeignId, Party
from central.fiscal import desk, queries
from central.fiscal.queries import Shown, State
from central.ops.audit import audit
from central.store import read_session, write_session
from sgc import build_app
from tests.central.factories import NEXT_PERIOD
from tests.central.fiscal.conftest import Office
from tests.central.invoicing.driving import issued
from tests.fixtures.agency import SF

REJECTED, DOUBTED = "AG2026/000001", "AG2026/000002"
NEIGHBOUR = Party("Ana Ruiz", foreign_id=ForeignId("07", "X1234", "ES"))


@pytest.fixture
def answered(office: Office) -> Office:
    """One record rejected, one taken with errors."""
    office.agency.rejects = {REJECTED: (1110, "El NIF no está identificado en el censo de la AEAT.")}
    office.agency.doubts = {DOUBTED: (2001, "El NIF del destinatario no está identificado.")}
    office.send()
    office.clock.advance(60)
    return office


def shown(office: Office, state: State) -> list[Shown]:
    with read_session(office.town.engine) as session:
        return queries.records(session, office.town.utility_id, state)


def mend(office: Office, state: State, recipient: Party | None) -> Shown:
    (found,) = shown(office, state)
    with write_session(office.town.engine) as session:
        desk.correct(
            session, office.town.utility_id, found.record_id, recipient, "maria", office.clock.now, "NIF corregido"
        )
    return found


def test_a_rejected_record_is_mended_with_the_right_recipient(answered: Office) -> None:
    found = mend(answered, "rejected", NEIGHBOUR)
    assert (found.number, found.code, found.csv) == (REJECTED, 1110, None)
    (sent,) = answered.send()
    assert sent.verdicts == {"accepted": 1}
    record = answered.agency.messages[-1].find(f".//{SF}RegistroAlta")
    assert record is not None
    said = [record.findtext(f"{SF}{name}") for name in ("Subsanacion", "RechazoPrevio")]
    assert said == ["S", "X"]
    assert record.findtext(f".//{SF}IDOtro/{SF}ID") == "X1234"
    assert shown(answered, "rejected") == []
    assert [one.number for one in shown(answered, "mended")] == [REJECTED]


def test_one_taken_with_errors_is_known_to_the_agency(answered: Office) -> None:
    mend(answered, "accepted_with_errors", None)
    (sent,) = answered.send()
    assert sent.verdicts == {"accepted": 1}
    record = answered.agency.messages[-1].find(f".//{SF}RegistroAlta")
    assert record is not None
    assert [record.findtext(f"{SF}{name}") for name in ("Subsanacion", "RechazoPrevio")] == ["S", None]


def test_the_chain_goes_on_through_a_mending_record(answered: Office) -> None:
    mend(answered, "rejected", NEIGHBOUR)
    issued(answered.town, NEXT_PERIOD, series="AG2026", issue_date=NEXT_PERIOD.end)
    answered.send()
    with read_session(answered.town.engine) as session:
        assert queries.counts(session, answered.town.utility_id) == {
            "waiting": 0,
            "accepted": 13,
            "accepted_with_errors": 1,
            "rejected": 0,
            "mended": 1,
        }
    assert [law.breaches for law in audit(answered.town.engine) if law.breaches] == []


def test_what_needs_no_mending_is_refused(answered: Office) -> None:
    mend(answered, "rejected", NEIGHBOUR)
    with pytest.raises(FiscalError, match="mends it already"):
        mend(answered, "mended", NEIGHBOUR)
    with read_session(answered.town.engine) as session:
        fine = queries.records(session, answered.town.utility_id, "accepted")[0]
        waiting = queries.records(session, answered.town.utility_id, "waiting")[0]
    for record, text in ((fine.record_id, "nothing to mend"), (waiting.record_id, "must be one"), (1, "must be one")):
        with pytest.raises(FiscalError, match=text), write_session(answered.town.engine) as session:
            desk.correct(session, answered.town.utility_id, record, None, "maria", answered.clock.now, "x")
    with pytest.raises(FiscalError, match="reason"), write_session(answered.town.engine) as session:
        desk.correct(session, answered.town.utility_id, fine.record_id, None, "maria", answered.clock.now, " ")


def test_the_depth_of_the_queue_is_known(office: Office) -> None:
    with read_session(office.town.engine) as session:
        before = queries.depth(session)
    office.send()
    with read_session(office.town.engine) as session:
        after = queries.depth(session)
    assert (before.records, before.oldest, after) == (7, office.clock.now, queries.Depth(0, None, 0))


def test_the_command_line(answered: Office, database: str) -> None:
    app, runner = build_app(), CliRunner()

    def sgc(*arguments: str, code: int = 0) -> str:
        result = runner.invoke(app, ["central", "fiscal", *arguments, "--db", database])
        assert result.exit_code == code, result.output
        return result.output

    status = json.loads(sgc("status", "--json", code=1))
    assert status["records"]["rejected"] == 1
    (row,) = json.loads(sgc("list", "--state", "rejected", "--json"))
    assert (row["number"], row["code"]) == (REJECTED, 1110)
    who = ("--name", "Ana Ruiz", "--not-in-census", "X1234", "--reason", "No censada")
    made = json.loads(sgc("correct", str(row["record_id"]), *who, "--json"))
    assert made["position"] == 8
    assert json.loads(sgc("status", "--json"))["records"]["waiting"] == 1
    assert "must be one of" in sgc("list", "--state", "lost", code=2)
    assert "[agency] is missing" in sgc("send", code=2)
    assert "--name" in sgc("correct", str(row["record_id"]), "--nif", "X", "--reason", "x", code=2)
    sgc("retry")


def test_a_second_correction_of_the_same_record_is_refused(answered: Office) -> None:
    (found,) = shown(answered, "rejected")
    twin = replace(NEIGHBOUR, name="Otra")
    made = []
    for recipient in (NEIGHBOUR, twin):
        try:
            with write_session(answered.town.engine) as session:
                later = answered.clock.now + timedelta(seconds=1)
                made.append(
                    desk.correct(session, answered.town.utility_id, found.record_id, recipient, "maria", later, "x")
                )
        except FiscalError:
            continue
    assert len(made) == 1
