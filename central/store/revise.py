"""Writes the migration that a change of the models needs: ``python -m central.store.revise "Say what changes"``.

The new revision is the difference between the models and what the revisions so far make of an empty SQLite file; read
it before you commit it. ``--initial`` writes 0001 anew from the models, for as long as no schema has been released.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Literal

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from alembic.operations.ops import MigrateOperation, UpgradeOps
from sqlalchemy import JSON, Connection

from central.store import guards, release
from central.store.base import Digest, UtcDateTime
from central.store.engine import open_engine
from central.store.migrate import MIGRATIONS, migrate, newest_version
from central.store.models import Base
from central.store.partitions import is_partition

INITIAL = "Every table of the road from a telegram to a paid bill"


def main(arguments: list[str]) -> None:
    """Write one revision file and say its name."""
    initial = arguments == ["--initial"]
    if not initial and len(arguments) != 1:
        raise SystemExit('revise: one argument, what changes in words ("Add …"), or --initial')
    frozen = release.releases(release.RELEASED)
    if initial and frozen:
        raise SystemExit(f"revise: 0001 was released with version {frozen[0].version}; say what changes instead")
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{folder}/schema.db")
        if not initial:
            migrate(engine)
        with engine.connect() as connection:
            body = _operations(connection)
        engine.dispose()
    path = _write(INITIAL if initial else arguments[0], None if initial else newest_version(), body)
    sys.stdout.write(f"{path}\n")


def comparing_context(connection: Connection) -> MigrationContext:
    """A context that compares a database with the models, leaving guards and partitions aside."""
    return MigrationContext.configure(
        connection,
        opts={
            "target_metadata": Base.metadata,
            "include_object": _belongs_to_models,
            "render_item": _render_item,
            "render_as_batch": True,
            "compare_type": True,
        },
    )


def _belongs_to_models(_item: Any, name: str | None, kind: str, _reflected: bool, _other: Any) -> bool:
    if name is None:
        return True
    return not (name.startswith(guards.PREFIX) or (kind == "table" and is_partition(name)))


def _render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    if kind == "type" and isinstance(item, UtcDateTime):
        return "UtcDateTime()"
    if kind == "type" and isinstance(item, Digest):
        return "sa.LargeBinary()"
    return "Json" if kind == "type" and isinstance(item, JSON) else False


def _operations(connection: Connection) -> str:
    """The text of ``upgrade`` and its helpers: a function for each table, called in the order of their keys."""
    context = comparing_context(connection)
    script = produce_migrations(context, Base.metadata)
    if script.upgrade_ops is None or script.upgrade_ops.is_empty():
        raise SystemExit("revise: the models and the newest revision agree, there is nothing to write")
    by_table: dict[str, list[MigrateOperation]] = {}
    for operation in script.upgrade_ops.ops:
        by_table.setdefault(getattr(operation, "table_name", "schema"), []).append(operation)
    calls = "".join(f"    _{table}()\n" for table in by_table)
    helpers = "".join(_table_function(table, group, context) for table, group in by_table.items())
    return f"def upgrade() -> None:\n{calls}\n\n{helpers}"


def _table_function(table: str, operations: list[MigrateOperation], context: MigrationContext) -> str:
    text = render_python_code(
        UpgradeOps(operations), render_as_batch=True, render_item=_render_item, migration_context=context
    )
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    return "\n".join([f"def _{table}() -> None:", *lines, "", "", ""])


def _write(message: str, previous: str | None, body: str) -> Path:
    number = f"{int(previous or 0) + 1:04}"
    slug = "_".join(message.lower().split()[:4])
    path = MIGRATIONS / "versions" / (f"{number}_initial.py" if previous is None else f"{number}_{slug}.py")
    header = (MIGRATIONS / "script.py.mako").read_text()
    for name, value in {
        "${message}": message + ".",
        "${repr(up_revision)}": f'"{number}"',
        "${repr(down_revision)}": repr(previous) if previous is None else f'"{previous}"',
        "${upgrades}": body,
    }.items():
        header = header.replace(name, value)
    path.write_text(header)
    for command in (["format", "--quiet"], ["check", "--fix", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *command, str(path)], check=True)  # noqa: S603
    return path


if __name__ == "__main__":
    main(sys.argv[1:])
