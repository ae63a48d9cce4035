"""Freezes the schema of a release: ``python -m central.store.release 0.1``, once, when a version goes out.

It writes ``migrations/released/<version>.sql``, the SQLite schema with its revision, and ``<version>.json``, the
revision and the SHA-256 of every migration up to it. From then on those migrations do not change (a test compares) and
0001 is not written anew (:mod:`central.store.revise` refuses); a test reaches every later schema from this one.
"""

import hashlib
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import msgspec

from central.store.engine import open_engine
from central.store.migrate import MIGRATIONS, migrate, newest_version

RELEASED = MIGRATIONS / "released"


class Release(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A released schema: the program's version, its revision, and the digests of its migrations by file name."""

    version: str
    revision: str
    migrations: dict[str, str]


def main(arguments: list[str]) -> None:
    """Freeze the schema and say where."""
    if len(arguments) != 1 or not all(part.isdigit() for part in arguments[0].split(".")):
        raise SystemExit("release: one argument, the version that is released, like 0.1")
    sys.stdout.write(f"{freeze(arguments[0])}\n")


def freeze(version: str, folder: Path = RELEASED) -> Path:
    """Write a release's two files and return the schema's path; a version is frozen once (FileExistsError)."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{version}.sql"
    with path.open("x", encoding="utf-8") as file:
        file.write(schema_text())
    release = Release(version, newest_version(), migration_digests(newest_version()))
    path.with_suffix(".json").write_bytes(msgspec.json.format(msgspec.json.encode(release)) + b"\n")
    return path


def releases(folder: Path = RELEASED) -> list[Release]:
    """Every released schema, the oldest first."""
    found = [msgspec.json.decode(path.read_bytes(), type=Release) for path in folder.glob("*.json")]
    return sorted(found, key=lambda release: [int(part) for part in release.version.split(".")])


def migration_digests(revision: str) -> dict[str, str]:
    """The SHA-256 of every migration up to a revision."""
    files = sorted((MIGRATIONS / "versions").glob("[0-9]*.py"))
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.stem.split("_")[0] <= revision
    }


def schema_text() -> str:
    """The newest schema as SQL that makes it in an empty SQLite file."""
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{folder}/schema.db")
        migrate(engine)
        engine.dispose()
        with closing(sqlite3.connect(f"{folder}/schema.db")) as connection:
            return "\n".join(connection.iterdump()) + "\n"


if __name__ == "__main__":
    main(sys.argv[1:])
