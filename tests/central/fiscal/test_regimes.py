"""The fiscal system by dates: proposed, confirmed by another, chosen by issue date in runs and rectifications."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine, select
from typer.testing import CliRunner

from billing.fiscal import FiscalConfig, SiiConfig, Software
from central.invoicing import regimes
from central.invoicing.records import hashes_before, texts_of
from central.invoicing.settings import FiscalSettings
from central.invoicing.states import RunError
from central.store import read_session, write_session
from central.store.models import AuditEntry, FiscalRecord, Invoice
from sgc import build_app
from tests.central.factories import BILLING, FISCAL, NEXT_PERIOD, NOW, Town, found
from tests.central.fiscal.conftest import DAYS, Office
from tests.central.fiscal.test_sii import Filer
from tests.central.invoicing.driving import CHECKER, MAKER, created, issued, run_row
from tests.central.invoicing.test_rectify import bills, breaches, decided, proposed
from tests.fixtures.agency import TaxAgency
from tests.fixtures.sii import SII, sii_service

NONE: dict[str, Any] = {"system": "none"}
MARCH = date(2026, 3, 1)


@pytest.fixture
def plain(engine: Engine) -> Town:
    """A town of three houses that records nothing yet."""
    town = found(engine, 3, {**BILLING, "fiscal": NONE})
    town.read_all(DAYS)
    return town


def change(town: Town, day: date, fiscal: dict[str, Any], *, by: str = CHECKER) -> None:
    with write_session(town.engine) as session:
        row = regimes.propose(session, town.utility_id, day, fiscal, MAKER, NOW, "Orden de la intervención")
        regimes.confirm(session, row, by, NOW)


def records(town: Town) -> list[tuple[str, str]]:
    """System and invoice of every record, in order."""
    with read_session(town.engine) as session:
        rows = select(FiscalRecord.system, Invoice.number_text).join(Invoice, Invoice.id == FiscalRecord.invoice_id)
        found = session.execute(rows.order_by(FiscalRecord.system, FiscalRecord.position))
        return [(row[0], row[1]) for row in found]


def test_each_run_is_recorded_in_the_system_of_its_issue_date(plain: Town) -> None:
    issued(plain)
    change(plain, MARCH, FISCAL)
    issued(plain, NEXT_PERIOD)
    assert records(plain) == [("verifactu", f"AG2026/{number:06d}") for number in (4, 5, 6)]
    assert breaches(plain) == []
    with read_session(plain.engine) as session:
        assert regimes.fiscal_on(session, plain.utility_id, date(2026, 2, 28)).system == "none"
        assert regimes.fiscal_on(session, plain.utility_id, MARCH).system == "verifactu"


def test_a_run_cannot_choose_another_system_than_the_one_in_force(plain: Town) -> None:
    change(plain, MARCH, FISCAL)
    with pytest.raises(RunError, match="settings state none, verifactu holds on 2026-03-01"):
        created(plain, NEXT_PERIOD, settings={"fiscal": NONE})


@pytest.mark.parametrize("method", ["S", "I"])
def test_an_invoice_from_before_the_switch_is_rectified_under_the_new_system(plain: Town, method: str) -> None:
    issued(plain)
    change(plain, MARCH, FISCAL)
    plain.read(1, date(2026, 2, 1), 9_100, revision=1)
    (made,) = decided(plain, proposed(plain, bills(plain, 1), method=method))
    assert records(plain) == [("verifactu", made.number_text)]
    with read_session(plain.engine) as session:
        record = session.scalars(select(FiscalRecord)).one()
        declared = texts_of(session, [record])[record.id].decode()
    assert bills(plain, 1)[0].number_text in declared
    assert "PrimerRegistro" in declared
    assert breaches(plain) == []


def test_from_verifactu_to_the_sii_what_is_left_is_still_submitted(town: Town, agency: TaxAgency) -> None:
    change(town, MARCH, {"system": "sii"})
    town.read(1, date(2026, 2, 1), 9_100, revision=1)
    (made,) = decided(town, proposed(town, bills(town, 1)))
    with sii_service() as service:
        filer = Filer(town, service)
        filer.verifactu_url = agency.url
        assert sorted(one.records for one in filer.send()) == [1, 7]
        entry = service.held[made.number_text][1]
    assert len(agency.stored) == 7
    assert entry.findtext(f".//{SII}IDFacturaRectificada/{SII}NumSerieFacturaEmisor") == bills(town, 1)[0].number_text
    assert [system for system, _ in records(town)] == ["sii", *["verifactu"] * 7]
    assert breaches(town) == []


def test_back_to_the_chain_it_goes_on_where_it_was(town: Town) -> None:
    change(town, MARCH, {"system": "sii"})
    issued(town, NEXT_PERIOD)
    change(town, date(2026, 3, 2), FISCAL)
    town.read(1, date(2026, 2, 1), 9_100, revision=1)
    first, second = decided(town, proposed(town, bills(town, 1)[:1]))
    assert [number for _, number in records(town)][-2:] == [first.number_text, second.number_text]
    with read_session(town.engine) as session:
        rows = select(FiscalRecord).where(FiscalRecord.system == "verifactu").order_by(FiscalRecord.position)
        chain = session.scalars(rows).all()
        before = hashes_before(session, chain)
    assert [before[row.id] for row in chain[1:]] == [row.hash for row in chain[:-1]]
    assert breaches(town) == []


def test_two_people_and_the_audit_log(plain: Town) -> None:
    with pytest.raises(RunError, match="another person must confirm"):
        change(plain, MARCH, FISCAL, by=MAKER)
    change(plain, MARCH, FISCAL)
    with read_session(plain.engine) as session:
        rows = select(AuditEntry).where(AuditEntry.subject == "fiscal_regime").order_by(AuditEntry.position)
        told = [(one.action, one.actor, one.before, one.after) for one in session.scalars(rows)]
        (row,) = regimes.regimes(session, plain.utility_id)
    after = {"from": "2026-03-01", "system": "verifactu"}
    assert told == [
        ("fiscal.system.proposed", MAKER, None, after),
        ("fiscal.system.confirmed", CHECKER, {"system": "none"}, after),
    ]
    with pytest.raises(RunError, match="is decided already"):
        rejected(plain, row.id)


def rejected(town: Town, regime_id: int) -> None:
    with write_session(town.engine) as session:
        regimes.reject(session, regimes.regime(session, town.utility_id, regime_id), CHECKER, NOW, "tarde")


def test_what_was_issued_or_is_under_way_is_not_recorded_anew(plain: Town) -> None:
    issued(plain)
    with pytest.raises(RunError, match="invoices were issued up to 2026-02-01"):
        change(plain, date(2026, 2, 1), FISCAL)
    run_id = created(plain, NEXT_PERIOD)
    with pytest.raises(RunError, match="run R-2026-02 of 2026-03-01 was made for none"):
        change(plain, MARCH, FISCAL)
    change(plain, date(2026, 3, 2), FISCAL)
    assert run_row(plain, run_id).settings["fiscal"]["system"] == "none"


def test_whoever_submits_goes_on_to_the_end_of_the_year(office: Office) -> None:
    office.send()
    with pytest.raises(RunError, match="end of the calendar year"):
        change(office.town, date(2026, 12, 31), NONE)
    change(office.town, date(2027, 1, 1), NONE)


def test_whoever_must_use_a_system_by_a_day_cannot_bill_without_one(engine: Engine) -> None:
    town = found(engine, 1, {**BILLING, "fiscal": {**NONE, "obligatory_from": "2026-03-01"}})
    town.read_all(DAYS)
    issued(town)
    with pytest.raises(RunError, match="from 2026-03-01 on invoices are recorded in a fiscal system"):
        created(town, NEXT_PERIOD)
    change(town, MARCH, FISCAL)
    issued(town, NEXT_PERIOD)


@pytest.mark.parametrize(
    ("fiscal", "said"),
    [
        ({"system": "verifactu"}, "fiscal.software: .missing."),
        ({"system": "ticketbai"}, "must be one of"),
        ({"system": "sii", "sii": {"deadline": {"days": "cuatro"}}}, r"\$\.sii\.deadline\.days"),
        ({"sistema": "sii"}, "unknown field"),
    ],
)
def test_settings_that_cannot_be_are_named(plain: Town, fiscal: dict[str, Any], said: str) -> None:
    with pytest.raises(RunError, match=said):
        change(plain, MARCH, fiscal)


def test_settings_come_back_as_they_were(plain: Town) -> None:
    stated = FiscalSettings("sii", None, SiiConfig())
    assert stated.registry().config == SiiConfig()  # type: ignore[attr-defined]
    config = FiscalConfig(Software("SGC", "A28015865", "SGC", "SG", "1", "1"), obligatory_from=date(2027, 7, 1))
    change(plain, MARCH, {"system": "verifactu", "config": msgspec.to_builtins(config)})
    with read_session(plain.engine) as session:
        kept = regimes.fiscal_on(session, plain.utility_id, MARCH)
    assert kept.config == config
    assert kept.config.compulsory_on(date(2027, 7, 1))


def test_on_the_command_line(plain: Town, tmp_path: Path) -> None:
    settings = tmp_path / "sii.json"
    settings.write_text(json.dumps({"system": "sii", "sii": {"levy_regime": "10", "deadline": {"days": 4}}}))
    made = run(plain, "propose", str(settings), "--from", "2026-03-01", "--reason", "Más de 6 M€", "--actor", "maria")
    refused = run(plain, "confirm", str(made["id"]), "--actor", "maria", code=2)
    assert "another person must confirm" in refused
    assert run(plain, "confirm", str(made["id"]), "--actor", "jefa")["decision"] == "confirmed"
    second = run(plain, "propose", str(settings), "--from", "2026-04-01", "--reason", "Otra vez", "--actor", "maria")
    assert run(plain, "reject", str(second["id"]), "--reason", "Sobra", "--actor", "jefa")["decision"] == "rejected"
    listed = run(plain, "list")
    assert listed["systems"] == [
        {"from": None, "until": "2026-03-01", "system": "none"},
        {"from": "2026-03-01", "until": None, "system": "sii"},
    ]
    assert [one["decision"] for one in listed["changes"]] == ["confirmed", "rejected"]
    settings.write_text("{")
    assert "sii.json" in run(plain, "propose", str(settings), "--from", "2026-05-01", "--reason", "x", code=2)


def run(town: Town, *arguments: str, code: int = 0) -> Any:
    url = town.engine.url.render_as_string(hide_password=False)
    done = CliRunner().invoke(build_app(), ["central", "fiscal", "system", *arguments, "--db", url, "--json"])
    assert done.exit_code == code, done.output
    return json.loads(done.stdout) if code == 0 else done.stderr


def test_the_sii_is_watched_on_the_command_line(plain: Town) -> None:
    change(plain, date(2026, 2, 1), {"system": "sii"})
    issued(plain)
    url = plain.engine.url.render_as_string(hide_password=False)
    shown = CliRunner().invoke(build_app(), ["central", "fiscal", "status", "--system", "sii", "--db", url, "--json"])
    told = json.loads(shown.stdout)
    assert shown.exit_code == 1
    assert (told["open"], told["first_due"], told["late"]) == (3, "2026-02-05", [f"AG2026/00000{n}" for n in (1, 2, 3)])
    odd = CliRunner().invoke(build_app(), ["central", "fiscal", "status", "--system", "ticketbai", "--db", url])
    assert "--system ticketbai: must be one of verifactu, sii" in odd.stderr
