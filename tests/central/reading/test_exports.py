"""Exports of other systems: each row has its fate, the same file twice changes nothing, a dry run changes nothing."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from sqlalchemy import func, select
from typer.testing import CliRunner

from central import cli, readings_cli
from central.reading.exports import Fate, MappingError, import_export, read_mapping
from central.reading.hourly import hours
from central.store import read_session
from central.store.models import AuditEntry, Reading, ReadingDay, ReadingKind
from central.times import HOUR_MS, midnight_ms
from tests.central.conftest import NOW, Town
from tests.central.reading.support import NOW_MS, FakeDevice, readings

EXAMPLES = Path(__file__).parents[3] / "examples" / "readings"
HEAD = "Nº de serie;Fecha lectura;Lectura (m3);Estado\n"


def due(town: Town, text: str, *, commit: bool = True) -> list[tuple[str, str]]:
    mapping = read_mapping((EXAMPLES / "semicolon-cubic-metres.yaml").read_text(), "example")
    return fates(town, mapping, (HEAD + text).encode("cp1252"), commit=commit)


def fates(town: Town, mapping: object, payload: bytes, *, commit: bool = True) -> list[tuple[str, str]]:
    with town.engine.connect() as connection, connection.begin() as transaction:
        found: list[Fate] = import_export(connection, town.utility_id, mapping, payload, NOW)  # type: ignore[arg-type]
        if not commit:
            transaction.rollback()
    return [(fate.fate, fate.reason) for fate in found]


def test_every_row_has_its_fate(town: Town) -> None:
    text = (
        "K1;01/11/2026 08:00;1.234,567;OK\n"
        "K9;01/11/2026 08:00;1,000;OK\n"
        "K2;31/02/2026 08:00;1,000;OK\n"
        "K2;01/11/2026 08:00;uno;OK\n"
        "K2;01/11/2026 08:00;;SIN LECTURA\n"
        "K2;29/03/2026 02:30;1,000;OK\n"
        "K2;01/12/2026 08:00;1,000;OK\n"
        "K3;01/11/2026 08:00;999999,999;OK\n"
        "K1;01/11/2026 08:00;1.234,567;OK\n"
        "K1;01/11/2026 08:00;1.234,568;OK\n"
    )
    assert due(town, text, commit=False) == due(town, text)
    found = due(town, text)
    assert [fate for fate, _ in found] == [
        "unchanged", *["refused"] * 3, "skipped", *["refused"] * 3, "unchanged", "refused",
    ]  # fmt: skip
    reasons = [reason for _, reason in found]
    for row, part in ((1, "'K9'"), (2, "must be written %d"), (3, "'uno'"), (5, "leave it out"), (6, "later than"),
                      (7, "shows 0 to"), (9, "is 1234567")):  # fmt: skip
        assert part in reasons[row]
    with read_session(town.engine) as session:
        rows = session.execute(select(Reading.meter_id, Reading.at_ms, Reading.litres, Reading.kind)).all()
    at_ms = int(datetime(2026, 11, 1, 7, tzinfo=UTC).timestamp() * 1000)
    assert [tuple(row) for row in rows] == [(town.meter_ids[0], at_ms, 1_234_567, ReadingKind.THIRD_PARTY)]


def test_the_first_import_says_new_and_the_repeated_hour_counts_twice(town: Town) -> None:
    text = "K1;25/10/2026 02:30;1,000;OK\nK1;25/10/2026 02:30;1,001;OK\n"
    assert [fate for fate, _ in due(town, text)] == ["new", "new"]
    with read_session(town.engine) as session:
        first, second = session.scalars(select(Reading.at_ms).order_by(Reading.at_ms)).all()
    assert second - first == HOUR_MS


def curve(town: Town, first: datetime, count: int, step: int = 7) -> bytes:
    lines = [
        f"{town.meters[0]},{(first + timedelta(hours=hour)).isoformat()},{1000 + step * hour}" for hour in range(count)
    ]
    return "\n".join(["meter_id,timestamp,value", *lines]).encode()


def test_hourly_indices_become_a_series_for_each_whole_day(town: Town) -> None:
    mapping = read_mapping((EXAMPLES / "hourly-litres.yaml").read_text(), "example")
    # From midnight in Madrid: the day of 25 hours, a whole one, and a piece of a third.
    payload = curve(town, datetime(2026, 10, 24, 22, tzinfo=UTC), 25 + 24 + 5)
    first = fates(town, mapping, payload)
    assert [fate for fate, _ in first] == ["new"] * 49 + ["refused"] * 5
    assert "hourly indices are missing" in first[-1][1]
    assert [fate for fate, _ in fates(town, mapping, payload)] == ["unchanged"] * 49 + ["refused"] * 5
    start = midnight_ms(datetime(2026, 10, 25, tzinfo=UTC).date())
    with town.engine.connect() as connection:
        found = hours(connection, town.utility_id, town.meter_ids[0], start, start + 60 * HOUR_MS)
        assert connection.scalar(select(func.count()).select_from(ReadingDay)) == 2
    assert [hour.litres for hour in found] == [7] * 49
    assert found[-1].total == 1000 + 49 * 7
    other = fates(town, mapping, curve(town, datetime(2026, 10, 24, 22, tzinfo=UTC), 26, step=8))
    assert {fate for fate, _ in other} == {"refused"}
    assert "another series" in other[0][1]


@pytest.mark.parametrize(
    ("change", "reason"),
    [("by: serial", "by: colour"), ("unit: m3", "unit: gallons"), ("delimiter:", "delimeter:"), ("cp1252", "no-such")],
)
def test_a_wrong_mapping_is_refused_by_name(change: str, reason: str) -> None:
    text = (EXAMPLES / "semicolon-cubic-metres.yaml").read_text()
    with pytest.raises(MappingError, match=r"^example: "):
        read_mapping(text.replace(change, reason), "example")


def test_a_file_without_the_column_is_refused(town: Town) -> None:
    mapping = read_mapping((EXAMPLES / "hourly-litres.yaml").read_text(), "example")
    with pytest.raises(MappingError, match="has no column 'value'"):
        fates(town, mapping, b"meter_id,timestamp\n")


def sgc(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    cli.register(app)
    readings_cli.register(app)
    app.command("nothing")(lambda: None)
    result = CliRunner().invoke(app, ["central", "readings", *arguments], catch_exceptions=False)
    return result.exit_code, result.output


def test_the_command_tells_imports_and_writes_it_down(town: Town, database: str, tmp_path: Path) -> None:
    file = tmp_path / "export.csv"
    file.write_bytes((HEAD + "K1;01/11/2026 08:00;1,5;OK\n").encode("cp1252"))
    arguments = (str(file), "--mapping", str(EXAMPLES / "semicolon-cubic-metres.yaml"), "--db", database, "--json")
    code, output = sgc(*arguments, "--dry-run")
    assert (code, json.loads(output)["counts"]) == (0, {"new": 1})
    code, output = sgc(*arguments)
    assert (code, json.loads(output)["counts"]) == (0, {"new": 1})
    assert json.loads(sgc(*arguments)[1])["counts"] == {"unchanged": 1}
    with read_session(town.engine) as session:
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.action == "readings.imported")).all()
    assert len(actions) == 2


def test_a_stick_with_batches_is_read_whole_and_again(town: Town, database: str, tmp_path: Path) -> None:
    device, stick = FakeDevice(), tmp_path / "stick"
    stick.mkdir()
    for number in range(3):
        payload = device.sealed(device.telegram(town.meters[0], 1000 + number, NOW_MS - 10**8 + number))
        (stick / f"{number}.sgc").write_bytes(payload)
    code, output = sgc(str(stick), "--db", database, "--json")
    assert (code, json.loads(output)["counts"]) == (0, {"committed": 3})
    (stick / "photo.jpg").write_bytes(b"something else")
    code, output = sgc(str(stick), "--db", database, "--json")
    assert (code, json.loads(output)["counts"]) == (1, {"repeated": 3, "refused": 1})
    assert len(readings(town.engine)) == 3
