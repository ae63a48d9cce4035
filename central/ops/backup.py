"""Backups that prove themselves: a folder with the database's copy and a manifest of what is in it.

SQLite is copied by its online backup and PostgreSQL by ``pg_dump``, while the service goes on; each copy is one state.
The manifest has the schema's version, the file's SHA-256 and a checksum of each table (:mod:`central.ops.checksums`)
taken of that same state. A restore reckons them again: what comes back is equal, or the restore fails and says where.
"""

import hashlib
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import msgspec
from sqlalchemy import Connection, Engine, create_engine, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from central.ops import pg_tools
from central.ops.checksums import TableSum, differences, table_sums
from central.store import open_engine, schema_version
from central.store.migrate import newest_version
from central.store.models import MeterKey

FORMAT = 1
MANIFEST = "manifest.json"
FILES = {"sqlite": "sgc.db", "postgresql": "sgc.dump"}
_CHUNK = 1 << 20


class BackupError(RuntimeError):
    """A backup that cannot be made or restored; the text names the file or database, and what is wrong with it."""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a backup holds. ``key_names`` are the key-encryption keys without which its meter keys stay sealed."""

    format: Literal[1]
    program: str
    made_at: datetime
    database: Literal["sqlite", "postgresql"]
    schema: str
    file: str
    bytes: int
    sha256: str
    key_names: list[str]
    tables: dict[str, TableSum]

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(table.rows for table in self.tables.values())


def back_up(engine: Engine, folder: Path, now: datetime) -> Path:
    """Make a backup below ``folder`` and return its own folder, named by its instant (UTC).

    It appears under its name when it is whole. Raises :class:`BackupError`.
    """
    target = folder / f"sgc-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    if target.exists():
        raise BackupError(f"{target}: exists already")
    schema = schema_version(engine)
    if schema is None:
        raise BackupError("database: has no schema, there is nothing to back up")
    unfinished = folder / f".{target.name}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    # Bills, bank accounts and sealed keys are in it.
    unfinished.chmod(0o700)
    try:
        _fill(engine, unfinished, schema, now)
        unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return target


def restore(folder: Path, url: str) -> Manifest:
    """Bring a backup into an empty database; raises :class:`BackupError` and leaves a database with rows untouched.

    The schema stays the backup's: ``migrate`` brings it forward.
    """
    manifest = read_manifest(folder)
    kind = make_url(url).get_backend_name()
    if kind != manifest.database:
        raise BackupError(f"{folder}: a backup of {manifest.database}, the database is {kind}")
    if manifest.schema > newest_version():
        raise BackupError(
            f"{folder}: schema {manifest.schema}, this program knows {newest_version()}; use a newer program"
        )
    file = _verified(folder, manifest)
    if kind == "sqlite":
        _restore_sqlite(file, make_url(url).database or "", manifest)
    else:
        _restore_postgresql(file, url, manifest)
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a backup; raises :class:`BackupError`."""
    path = folder / MANIFEST
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise BackupError(f"{path}: {error}") from error


def newest_backup(folder: Path) -> tuple[Path, Manifest] | None:
    """The newest whole backup below a folder, or None; raises :class:`BackupError` for a damaged manifest."""
    found = [(path.parent, read_manifest(path.parent)) for path in folder.glob(f"sgc-*/{MANIFEST}")]
    return max(found, key=lambda one: one[1].made_at, default=None)


def _fill(engine: Engine, folder: Path, schema: str, now: datetime) -> None:
    kind = engine.dialect.name
    file = folder / FILES[kind]
    make = _copy_sqlite if kind == "sqlite" else _dump_postgresql
    sums, key_names = make(engine, file)
    file.chmod(0o600)
    manifest = Manifest(
        1, version("sgc"), now.astimezone(UTC), "sqlite" if kind == "sqlite" else "postgresql", schema, file.name,
        file.stat().st_size, _sha256(file), key_names, sums,
    )  # fmt: skip
    (folder / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")


def _contents(connection: Connection) -> tuple[dict[str, TableSum], list[str]]:
    sums = table_sums(connection)
    names = connection.scalars(select(MeterKey.kek).distinct()).all() if "meter_key" in sums else []
    return sums, sorted(names)


def _verified(folder: Path, manifest: Manifest) -> Path:
    """The backup's file, whose bytes are those that were written."""
    file = folder / FILES[manifest.database]
    if manifest.file != file.name or not file.is_file():
        raise BackupError(f"{folder}: the file {manifest.file} is missing")
    found = file.stat().st_size
    if found != manifest.bytes:
        raise BackupError(f"{file}: damaged, {found} bytes, the manifest says {manifest.bytes}")
    digest = _sha256(file)
    if digest != manifest.sha256:
        raise BackupError(f"{file}: damaged, its SHA-256 is {digest}, the manifest says {manifest.sha256}")
    return file


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _equal(manifest: Manifest, connection: Connection, where: str) -> None:
    wrong = differences(manifest.tables, table_sums(connection))
    if wrong:
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise BackupError(f"{where}: {wrong[0]}{more}")


# SQLite -------------------------------------------------------------------------------------------------------------


def _copy_sqlite(engine: Engine, file: Path) -> tuple[dict[str, TableSum], list[str]]:
    source_uri = f"file:{engine.url.database}?mode=ro"
    with closing(sqlite3.connect(source_uri, uri=True)) as source, closing(sqlite3.connect(file)) as target:
        source.backup(target)
        # One file without a log beside it: what is moved is whole.
        target.execute("PRAGMA journal_mode = DELETE")
    _sound(file)
    with _reading(file) as connection:
        return _contents(connection)


def _restore_sqlite(file: Path, database: str, manifest: Manifest) -> None:
    target = Path(database)
    if not database or database == ":memory:":
        raise BackupError("database: a backup is restored into a file, name it")
    if target.exists():
        raise BackupError(f"database {target}: exists already; a backup is restored into a new file")
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.unfinished")
    try:
        shutil.copyfile(file, unfinished)
        unfinished.chmod(0o600)
        _sound(unfinished)
        with _reading(unfinished) as connection:
            _equal(manifest, connection, str(file))
        unfinished.rename(target)
    finally:
        unfinished.unlink(missing_ok=True)


def _sound(file: Path) -> None:
    """SQLite's own checks of a file."""
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            said = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            broken = connection.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.DatabaseError as error:
        raise BackupError(f"{file}: {error}") from error
    if said != "ok":
        raise BackupError(f"{file}: {said}")
    if broken:
        raise BackupError(f"{file}: a row of {broken[0]} points at no row of {broken[2]}")


@contextmanager
def _reading(file: Path) -> Iterator[Connection]:
    engine = create_engine(f"sqlite:///file:{file.absolute()}?mode=ro&uri=true")
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


# PostgreSQL ---------------------------------------------------------------------------------------------------------


def _dump_postgresql(engine: Engine, file: Path) -> tuple[dict[str, TableSum], list[str]]:
    with engine.connect().execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    ) as connection:  # fmt: skip
        snapshot = connection.scalar(text("SELECT pg_export_snapshot()"))
        _run(engine.url.render_as_string(hide_password=False), "pg_dump", [
            "--format=custom", f"--snapshot={snapshot}", "--no-owner", "--no-privileges", "--no-comments",
            f"--file={file}",
        ])  # fmt: skip
        return _contents(connection)


def _restore_postgresql(file: Path, url: str, manifest: Manifest) -> None:
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            tables = inspect(connection).get_table_names()
        if tables:
            raise BackupError(
                f"database {engine.url.database}: has {len(tables)} tables; a backup is restored into an empty one"
            )
        _run(url, "pg_restore", [
            "--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges", str(file),
        ])  # fmt: skip
        with engine.connect() as connection:
            _equal(manifest, connection, f"database {engine.url.database}, restored but not to be used")
        # Without statistics the first queries would read whole tables.
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
    except SQLAlchemyError as error:
        raise BackupError(f"database: {str(error).splitlines()[0]}") from error
    finally:
        engine.dispose()


def _run(url: str, program: str, arguments: list[str]) -> None:
    try:
        pg_tools.run(program, url, arguments)
    except pg_tools.ToolError as error:
        raise BackupError(str(error)) from error
