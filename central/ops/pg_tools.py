"""PostgreSQL's own programs (``pg_dump``, ``pg_restore``), found and run with a database's URL."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.engine import make_url

HOMES = Path("/usr/lib/postgresql")


class ToolError(RuntimeError):
    """A program that is not there or fails; the text has its last words."""


def find(program: str) -> str:
    """The newest of the installed ones; raises :class:`ToolError`."""
    versions = sorted(HOMES.glob(f"*/bin/{program}"), key=lambda path: _number(path.parents[1].name))
    found = str(versions[-1]) if versions else shutil.which(program)
    if found is None:
        raise ToolError(f"{program}: not installed; install the postgresql-client package of the server's version")
    return found


def run(program: str, url: str, arguments: Sequence[str]) -> None:
    """Run a program on the database behind a SQLAlchemy URL. Its password goes by the environment, not by arguments."""
    parsed = make_url(url)
    plain = parsed.set(drivername="postgresql", password=None).render_as_string()
    environment = dict(os.environ)
    if parsed.password:
        environment["PGPASSWORD"] = str(parsed.password)
    command = [find(program), f"--dbname={plain}", "--no-password", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise ToolError(f"{program}: {' · '.join(said[-2:])}")


def _number(name: str) -> int:
    match = re.match(r"\d+", name)
    return int(match[0]) if match else 0
