"""A utility that keeps its records: signed, with a log of events that is chained, checked, audited and exported."""

import asyncio
import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from sqlalchemy import Engine, select, text
from typer.testing import CliRunner
from verifactu_lint.cli import main as lint

from billing.fiscal import FiscalError
from central.config import BrokerConfig, Config, ConfigError, DatabaseConfig, SealConfig
from central.fiscal import integrity
from central.fiscal.events import SUMMARY_EVERY, Keeper
from central.fiscal.signatures import holds, seal_records
from central.fiscal.signing import seal
from central.invoicing.records import texts_of
from central.invoicing.states import RunError
from central.ops import service
from central.ops.audit import audit
from central.ops.backup import back_up
from central.store import guards, open_engine, read_session, write_session
from central.store.models import FiscalEvent, FiscalRecord, FiscalSignature
from sgc import build_app
from tests.central.factories import BILLING, FISCAL, NEXT_PERIOD, NOW, Town, found
from tests.central.fiscal.conftest import DAYS
from tests.central.fiscal.test_line import certificate
from tests.central.fiscal.test_regimes import change
from tests.central.fiscal.test_sii import diagnosed
from tests.central.invoicing.driving import archived, issued
from tests.central.invoicing.test_rectify import breaches

SILENT: dict[str, Any] = {**FISCAL, "system": "no_verifactu"}
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def sealed(tmp_path: Path) -> SealConfig:
    _, packed, secret = certificate(tmp_path, "sello")
    return SealConfig(str(packed), str(secret))


@pytest.fixture
def silent(engine: Engine) -> Town:
    """Three houses billed by a system that keeps its records."""
    town = found(engine, 3, {**BILLING, "fiscal": SILENT})
    town.read_all(DAYS)
    issued(town)
    return town


@pytest.fixture
def keeper(silent: Town, sealed: SealConfig) -> Keeper:
    return Keeper(silent.engine, seal(sealed))


def log(town: Town) -> list[FiscalEvent]:
    with read_session(town.engine) as session:
        return list(session.scalars(select(FiscalEvent).order_by(FiscalEvent.position)))


def schema(shared: Path) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(shared / "data/billing/xsd/verifactu/EventosSIF.xsd"))


def said(row: FiscalEvent, name: str) -> str | None:
    return etree.fromstring(row.record.encode()).findtext(f".//{{*}}{name}")


def check(town: Town, keeper: Keeper, at: datetime = LATER) -> tuple[list[str], list[str]]:
    with write_session(town.engine) as session:
        records = integrity.check_records(session, town.utility_id, keeper.signer, at)
        events = integrity.check_events(session, town.utility_id, keeper.signer, at)
    return [one.code for one in records], [one.code for one in events]


def test_records_say_that_they_are_kept_and_are_signed(silent: Town, keeper: Keeper) -> None:
    assert seal_records(silent.engine, silent.utility_id, keeper.signer, NOW) == 3
    assert seal_records(silent.engine, silent.utility_id, keeper.signer, NOW) == 0
    with read_session(silent.engine) as session:
        records = session.scalars(select(FiscalRecord)).all()
        documents = session.scalars(select(FiscalSignature.document)).all()
        texts = texts_of(session, records).values()
        found = archived(session)
    assert {row.system for row in records} == {"no_verifactu"}
    assert all("ValidarQRNoVerifactu" in one.fiscal.qr_url for one in found if one.fiscal)
    assert all(b"TipoUsoPosibleSoloVerifactu>N<" in text for text in texts)
    assert all(holds(document.encode()) for document in documents)
    assert not any(holds(document.replace("TipoFactura>F1", "TipoFactura>F2").encode()) for document in documents)
    assert breaches(silent) == []


def test_a_day_of_the_log(silent: Town, keeper: Keeper, shared: Path, tmp_path: Path) -> None:
    keeper.begin(NOW)
    keeper.tick(NOW + SUMMARY_EVERY - timedelta(seconds=1))
    keeper.tick(NOW + SUMMARY_EVERY)
    check(silent, keeper, NOW + SUMMARY_EVERY + timedelta(minutes=5))
    keeper.restored(NOW + timedelta(hours=7), "copia de ayer")
    keeper.end(NOW + timedelta(hours=8))
    rows = log(silent)
    assert [row.kind for row in rows] == ["01", "10", "03", "05", "07", "10", "02"]
    official = schema(shared)
    for row in rows:
        official.assertValid(etree.fromstring(row.record.encode()))
        assert holds(row.record.encode())
    first, last = rows[1], rows[5]
    assert said(first, "NumeroDeRegistrosFacturacionAltaGenerados") == "3"
    assert said(last, "NumeroDeRegistrosFacturacionAltaGenerados") == "0"
    counted = [item.text for item in etree.fromstring(last.record.encode()).iterfind(".//{*}TipoEvento/{*}TipoEvento")]
    assert counted == ["03", "05", "07", "10"]
    assert said(rows[4], "OtrosDatosEvento") == "copia de ayer"
    assert breaches(silent) == []
    file = tmp_path / "eventos.xml"
    with write_session(silent.engine) as session:
        at = NOW + timedelta(hours=9)
        until = NOW + timedelta(days=1)
        signer = keeper.signer
        since = NOW - timedelta(days=1)
        file.write_bytes(integrity.export_events(session, silent.utility_id, signer, at, since, until))
    assert lint([str(file)]) == 0


def test_sums_of_a_summary_are_those_of_the_invoices(silent: Town, keeper: Keeper) -> None:
    keeper.begin(NOW)
    keeper.tick(NOW + SUMMARY_EVERY)
    with read_session(silent.engine) as session:
        cents = session.execute(text("SELECT sum(vat_cents), sum(total_cents) FROM invoice")).one()
        records = session.scalars(select(FiscalRecord).order_by(FiscalRecord.position)).all()
    summary = log(silent)[-1]
    assert said(summary, "SumaCuotaTotalAlta") == f"{int(cents[0]) / 100:.2f}"
    assert said(summary, "SumaImporteTotalAlta") == f"{int(cents[1]) / 100:.2f}"
    root = etree.fromstring(summary.record.encode())
    assert root.findtext(".//{*}RegistroFacturacionInicialPeriodo/{*}Huella") == records[0].hash
    assert root.findtext(".//{*}RegistroFacturacionFinalPeriodo/{*}Huella") == records[-1].hash


TAMPERED = (
    ("UPDATE fiscal_record SET hash = 'QQQQ' WHERE position = 2", ["01", "02", "08"]),
    ("DELETE FROM fiscal_signature WHERE record_id = (SELECT id FROM fiscal_record WHERE position = 1)", ["02"]),
    ("UPDATE fiscal_record SET generated_at = '2020-01-01 00:00:00' WHERE position = 2", ["01", "11"]),
    ("UPDATE fiscal_record SET generated_at = '2090-01-01 00:00:00' WHERE position = 3", ["01", "13"]),
    ("UPDATE fiscal_signature SET document = replace(document, 'TipoFactura>F1', 'TipoFactura>F2')", ["02"] * 3),
)


@pytest.mark.parametrize(("statement", "codes"), TAMPERED)
def test_an_anomaly_is_found_and_logged(
    silent: Town, keeper: Keeper, shared: Path, statement: str, codes: list[str]
) -> None:
    keeper.begin(NOW)
    keeper.tick(NOW)
    tamper(silent, statement)
    assert check(silent, keeper) == (codes, [])
    rows = log(silent)
    assert [row.kind for row in rows] == ["01", "03", *["04"] * len(codes), "05"]
    assert [said(row, "TipoAnomalia") for row in rows if row.kind == "04"] == codes
    official = schema(shared)
    assert all(official.validate(etree.fromstring(row.record.encode())) for row in rows)


def tamper(town: Town, statement: str) -> None:
    with town.engine.begin() as connection:
        guards.remove(connection)
        connection.execute(text(statement))
        guards.install(connection)


@pytest.mark.parametrize(
    ("statement", "codes", "told"),
    [
        ("UPDATE fiscal_event SET record = replace(record, '0.1<', '0.2<') WHERE position = 2", ["01", "02"], "huella"),
        ("UPDATE fiscal_event SET previous_hash = 'X' WHERE position = 2", ["08"], "huella anterior"),
        ("DELETE FROM fiscal_event WHERE position = 2", ["04", "08"], "falta el registro anterior"),
    ],
)
def test_a_log_that_was_tampered_with_is_known_to_itself_and_to_the_audit(
    silent: Town, keeper: Keeper, statement: str, codes: list[str], told: str
) -> None:
    keeper.begin(NOW)
    keeper.tick(NOW)
    check(silent, keeper)
    tamper(silent, statement)
    (verdict,) = (one for one in audit(silent.engine) if one.law == "fiscal_events")
    assert told in " ".join(verdict.breaches)
    assert check(silent, keeper, LATER)[1] == codes


def test_export_of_records(silent: Town, keeper: Keeper, tmp_path: Path) -> None:
    keeper.begin(NOW)
    since, until = NOW - timedelta(days=1), NOW + timedelta(days=1)
    with pytest.raises(FiscalError, match="is not signed yet"):
        exported(silent, keeper, since, until)
    keeper.tick(NOW)
    file = tmp_path / "registros.xml"
    file.write_bytes(exported(silent, keeper, since, until))
    root = etree.parse(file).getroot()
    assert [etree.QName(one).localname for one in root] == ["RegistroAlta"] * 3
    assert all(holds(etree.tostring(one)) for one in root)
    assert lint([str(file)]) == 0
    last = log(silent)[-1]
    assert (last.kind, said(last, "NumeroDeRegistrosFacturacionAltaExportados")) == ("08", "3")
    with pytest.raises(FiscalError, match="records: none was made"):
        exported(silent, keeper, until, until + timedelta(days=1))


def exported(town: Town, keeper: Keeper, since: datetime, until: datetime) -> bytes:
    with write_session(town.engine) as session:
        return integrity.export_records(session, town.utility_id, keeper.signer, LATER, since, until)


def test_whoever_begins_to_keep_or_to_submit_needs_another_installation(town: Town) -> None:
    again = {"system": "no_verifactu", "config": json.loads(json.dumps(FISCAL["config"]))}
    with pytest.raises(RunError, match="installation TEST-1 has a chain of verifactu"):
        change(town, date(2027, 1, 1), again)
    again["config"]["software"]["installation"] = "TEST-2"
    change(town, date(2027, 1, 1), again)


def test_the_service_starts_the_log_of_who_changes_while_it_runs(engine: Engine, sealed: SealConfig) -> None:
    town = found(engine, 2, {**BILLING, "fiscal": {"system": "none"}})
    town.read_all(DAYS)
    keeper = Keeper(engine, seal(sealed))
    keeper.begin(NOW)
    keeper.tick(NOW)
    assert log(town) == []
    change(town, NEXT_PERIOD.end, SILENT)
    keeper.tick(NOW)
    assert [row.kind for row in log(town)] == ["01"]
    keeper.end(NOW)
    keeper.end(NOW)
    assert [row.kind for row in log(town)] == ["01", "10", "02"]


def test_on_the_command_line(silent: Town, sealed: SealConfig, tmp_path: Path) -> None:
    file, out = tmp_path / "central.toml", tmp_path / "export.xml"
    file.write_text('[seal]\ncertificate_file = "sello.p12"\npassword_file = "sello.password"\n')
    assert ordered(silent, "tick", "--config", str(file))["done"]
    assert ordered(silent, "check", "--config", str(file)) == {"anomalies": []}
    period = ("--since", "2026-04-01", "--until", "2026-05-01", "--out", str(out))
    assert ordered(silent, "export", *period, "--config", str(file))["bytes"] == out.stat().st_size
    listed = ordered(silent, "list")
    assert [row["kind"] for row in listed] == ["08", "05", "03", "01"]
    assert "[seal] is missing" in ordered(silent, "check", code=2)
    assert "--what todo: must be one of" in ordered(
        silent, "export", *period, "--what", "todo", "--config", str(file), code=2
    )


def ordered(town: Town, *arguments: str, code: int = 0) -> Any:
    url = town.engine.url.render_as_string(hide_password=False)
    done = CliRunner().invoke(build_app(), ["central", "fiscal", "events", *arguments, "--db", url, "--json"])
    assert done.exit_code == code, done.output
    return json.loads(done.stdout) if code == 0 else done.stderr


def test_a_restored_backup_is_an_event(
    silent: Town, keeper: Keeper, sqlite_database: str, tmp_path: Path, engine: Engine
) -> None:
    if engine.dialect.name != "sqlite":
        pytest.skip("one database is enough to see that the command tells the log")
    keeper.begin(NOW)
    folder = back_up(engine, tmp_path / "copias", NOW)
    file = tmp_path / "central.toml"
    file.write_text('[seal]\ncertificate_file = "sello.p12"\npassword_file = "sello.password"\n')
    other = f"sqlite:///{tmp_path / 'otra.db'}"
    command = ["central", "restore", str(folder), "--db", other, "--config", str(file)]
    done = CliRunner().invoke(build_app(), command)
    assert done.exit_code == 0, done.output
    restored = open_engine(other)
    with read_session(restored) as session:
        rows = session.scalars(select(FiscalEvent).order_by(FiscalEvent.position)).all()
    restored.dispose()
    assert [row.kind for row in rows] == ["01", "07"]
    assert folder.name in (said(rows[-1], "OtrosDatosEvento") or "")


async def test_the_service_keeps_the_log(
    silent: Town, sealed: SealConfig, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "EVENTS_EVERY_S", 0.05)
    config = Config(DatabaseConfig(database), broker=BrokerConfig("127.0.0.1", 1), seal=sealed)
    running = service.Service(config, silent.engine)
    assert running._keeper is not None
    keeping = asyncio.create_task(running._events(running._keeper))
    while signed(silent) < 3:  # noqa: ASYNC110 - a row gives no sign when it is written
        await asyncio.sleep(0.02)
    running._stop.set()
    await keeping
    assert [row.kind for row in log(silent)] == ["01", "10", "02"]


def signed(town: Town) -> int:
    with read_session(town.engine) as session:
        return len(session.scalars(select(FiscalSignature.record_id)).all())


def test_whoever_keeps_records_without_a_certificate_is_told(silent: Town, sealed: SealConfig) -> None:
    assert "no [seal] is configured" in diagnosed(silent, Config())
    assert diagnosed(silent, Config(seal=sealed)) == "0 records wait"


def test_a_certificate_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"seal\.certificate_file"):
        seal(SealConfig(str(tmp_path / "ninguno.p12")))
