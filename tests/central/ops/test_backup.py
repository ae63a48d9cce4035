"""Backups: equal to the last row on both databases, and refused where anything is damaged, newer or in the way."""

import json
import shutil
import stat
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import typer
from sqlalchemy import Engine, delete, text
from typer.testing import CliRunner

from central import cli
from central.ops.backup import BackupError, back_up, newest_backup, read_manifest, restore
from central.ops.checksums import differences, table_sums
from central.store import migrate, open_engine, read_session, write_session
from central.store.models import Base, Finding
from central.store.partitions import ensure_partitions
from tests.central.conftest import Town
from tests.central.factories import found
from tests.fixtures.postgres import Postgres

MADE_AT = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def lived_in(engine: Engine) -> Engine:
    """A database with readings, JSON, dates, bytes and money in it."""
    town = found(engine, 4)
    town.read_all([date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)])
    with write_session(engine) as session:
        session.add(
            Finding(
                utility_id=town.utility_id, id=7, rule="spike", severity="high", subject="KAM-1", since_ms=1,
                until_ms=2, text="ñandú €", numbers={"z": 1, "a": [1.5, None, "ü"]}, status="open", opened_at=MADE_AT,
            )
        )  # fmt: skip
    return engine


def fresh_url(engine: Engine, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The URL of an empty database of the same kind."""
    if engine.dialect.name == "sqlite":
        return f"sqlite:///{tmp_path / 'restored' / 'sgc.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    url = server.create()
    request.addfinalizer(lambda: server.drop(url))
    return url


def sums_of(url: str) -> dict[str, object]:
    engine = open_engine(url)
    with engine.connect() as connection:
        sums = table_sums(connection)
    engine.dispose()
    return dict(sums)


def test_what_is_restored_is_equal_table_by_table(
    lived_in: Engine, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    made = back_up(lived_in, tmp_path / "backup", MADE_AT)
    with lived_in.connect() as connection:
        before = table_sums(connection)
    assert before["reading"].rows == 12
    assert before["finding"].rows == 1
    url = fresh_url(lived_in, tmp_path, request)
    manifest = restore(made, url)
    assert manifest.tables == before
    assert sums_of(url) == before
    # It is a whole database, guards and all: nothing is left to migrate.
    restored = open_engine(url)
    migrate(restored)
    with pytest.raises(Exception, match="recorded rows are not deleted"), write_session(restored) as session:
        session.execute(text("DELETE FROM tariff_version"))
    restored.dispose()


@pytest.mark.postgres
def test_the_same_rows_have_the_same_checksums_on_both_databases(sqlite_database: str, postgres_database: str) -> None:
    source, target = open_engine(sqlite_database), open_engine(postgres_database)
    town = found(source, 4)
    town.read_all([date(2026, 1, 1), date(2026, 2, 1)])
    with read_session(source) as reading, write_session(target) as writing:
        connection = writing.connection()
        ensure_partitions(connection, [row[0] for row in reading.execute(text("SELECT at_ms FROM reading"))])
        for table in Base.metadata.sorted_tables:
            rows = [dict(row._mapping) for row in reading.execute(table.select())]
            if rows:
                writing.execute(table.insert(), rows)
    one, two = sums_of(sqlite_database), sums_of(postgres_database)
    assert one["reading"] == two["reading"]
    assert one == two
    with write_session(target) as session:
        session.execute(text("UPDATE reading SET reason = 'x' WHERE at_ms = (SELECT min(at_ms) FROM reading)"))
    changed = differences(one, sums_of(postgres_database))  # type: ignore[arg-type]
    assert [difference.table for difference in changed] == ["reading"]
    source.dispose()
    target.dispose()


def test_a_backup_is_for_its_owner_only_and_says_what_is_in_it(lived_in: Engine, tmp_path: Path) -> None:
    made = back_up(lived_in, tmp_path, MADE_AT)
    assert made.name == "sgc-20261124T120000Z"
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in [made, made / read_manifest(made).file]} == {0}
    manifest = read_manifest(made)
    assert (manifest.schema, manifest.database) == ("0001", lived_in.dialect.name)
    assert manifest.rows == sum(table.rows for table in manifest.tables.values())
    with pytest.raises(BackupError, match="exists already"):
        back_up(lived_in, tmp_path, MADE_AT)
    later = back_up(lived_in, tmp_path, MADE_AT + timedelta(hours=1))
    newest = newest_backup(tmp_path)
    assert newest is not None
    assert newest[0] == later


def test_the_key_encryption_keys_a_backup_needs_are_named(town: Town, tmp_path: Path) -> None:
    assert read_manifest(back_up(town.engine, tmp_path, MADE_AT)).key_names == ["k1"]


def test_a_database_that_is_not_empty_is_refused_and_stays(lived_in: Engine, tmp_path: Path) -> None:
    made = back_up(lived_in, tmp_path, MADE_AT)
    url = lived_in.url.render_as_string(hide_password=False)
    before = sums_of(url)
    with pytest.raises(BackupError, match=r"into a new file|into an empty one"):
        restore(made, url)
    assert sums_of(url) == before


@pytest.mark.parametrize("place", [0, 5000, -1])
def test_one_changed_byte_is_noticed(
    lived_in: Engine, tmp_path: Path, request: pytest.FixtureRequest, place: int
) -> None:
    made = back_up(lived_in, tmp_path, MADE_AT)
    file = made / read_manifest(made).file
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)
    url = fresh_url(lived_in, tmp_path, request)
    with pytest.raises(BackupError, match="damaged, its SHA-256"):
        restore(made, url)
    if lived_in.dialect.name == "sqlite":
        assert not (tmp_path / "restored").exists()


def test_a_truncated_file_a_missing_one_and_a_broken_manifest_are_refused(
    lived_in: Engine, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    made = back_up(lived_in, tmp_path, MADE_AT)
    url = fresh_url(lived_in, tmp_path, request)
    file = made / read_manifest(made).file
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(BackupError, match="bytes, the manifest says"):
        restore(made, url)
    file.unlink()
    with pytest.raises(BackupError, match="is missing"):
        restore(made, url)
    (made / "manifest.json").write_text("{")
    with pytest.raises(BackupError, match=r"manifest\.json"):
        restore(made, url)


def with_manifest(folder: Path, **changes: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_newer_schema_and_another_database_are_refused(
    lived_in: Engine, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    made = back_up(lived_in, tmp_path, MADE_AT)
    other = "postgresql+psycopg://nobody@/none" if lived_in.dialect.name == "sqlite" else f"sqlite:///{tmp_path}/x"
    with pytest.raises(BackupError, match="the database is"):
        restore(made, other)
    with_manifest(made, schema="9999")
    with pytest.raises(BackupError, match="schema 9999, this program knows 0001"):
        restore(made, fresh_url(lived_in, tmp_path, request))


def test_rows_that_are_not_those_of_the_manifest_are_told(
    lived_in: Engine, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    made = back_up(lived_in, tmp_path, MADE_AT)
    tables = json.loads((made / "manifest.json").read_text())["tables"]
    tables["reading"]["rows"] += 1
    with_manifest(made, tables=tables)
    with pytest.raises(BackupError, match=r"table reading: 12 rows .*, must be 13 rows"):
        restore(made, fresh_url(lived_in, tmp_path, request))


def test_a_backup_is_one_state_while_rows_are_written(lived_in: Engine, tmp_path: Path) -> None:
    """What the manifest says of the tables is what the copy holds, whatever came in meanwhile."""
    made = back_up(lived_in, tmp_path, MADE_AT)
    before = read_manifest(made).tables
    with write_session(lived_in) as session:
        session.execute(delete(Finding))
    after = read_manifest(back_up(lived_in, tmp_path, MADE_AT + timedelta(hours=1))).tables
    assert [one.table for one in differences(before, after)] == ["finding"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_commands(town: Town, database: str, tmp_path: Path) -> None:
    made = sgc("backup", "--db", database, "--to", str(tmp_path / "b"), "--json")
    folder = json.loads(made)["folder"]
    shutil.move(folder, tmp_path / "moved")
    url = f"sqlite:///{tmp_path / 'new.db'}"
    assert json.loads(sgc("restore", str(tmp_path / "moved"), "--db", url, "--json"))["key_names"] == ["k1"]
    assert "exists already" in sgc("restore", str(tmp_path / "moved"), "--db", url, code=2)
    assert "no such file" in sgc("backup", "--db", f"sqlite:///{tmp_path}/none.db", "--to", str(tmp_path), code=2)
    assert "backup.folder: not configured" in sgc("backup", "--db", database, code=2)


def sgc(*arguments: str, code: int = 0) -> str:
    app = typer.Typer()
    cli.register(app)
    app.command("nothing")(lambda: None)
    result = CliRunner().invoke(app, ["central", *arguments], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.stderr if code == 2 else result.stdout
