"""Everything that can be said about the code without running it: style, types, floor plan, house rules.

    .venv/bin/python -m tools.check [NAME ...]

Runs every check even when one fails, prints the findings of those that did, and exits 1 on any.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"

# Longest first: with two cores the short ones run beside it.
CHECKS: dict[str, tuple[str, ...]] = {
    "types": ("mypy",),
    "floor plan": ("lint-imports",),
    "house rules": ("python", "-m", "tools.lints"),
    "cython": ("cython-lint", "protocols", "billing", "firmware_sim", "edge", "central", "tests"),
    "style": ("ruff", "check", "."),
    "format": ("ruff", "format", "--check", "."),
}


class Outcome(NamedTuple):
    """How one check went."""

    name: str
    status: int
    seconds: float
    output: str


def run(name: str) -> Outcome:
    """Run one check to its end, keeping what it printed."""
    program, *arguments = CHECKS[name]
    started = time.monotonic()
    done = subprocess.run(
        [BIN / program, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env=os.environ | {"NO_COLOR": "1", "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
    )
    return Outcome(name, done.returncode, time.monotonic() - started, done.stdout)


def main(names: Sequence[str]) -> int:
    """Run the named checks, or all; returns the exit status."""
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        sys.stderr.write(f"check: unknown {unknown[0]!r}; one of: {', '.join(CHECKS)}\n")
        return 2
    failed = 0
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for outcome in pool.map(run, names or CHECKS):
            failed += outcome.status != 0
            _report(outcome)
    return 1 if failed else 0


def _report(outcome: Outcome) -> None:
    verdict = "FAILED" if outcome.status else "ok"
    sys.stdout.write(f"{outcome.name:20} {verdict:6} {outcome.seconds:5.1f} s\n")
    if outcome.status:
        sys.stdout.write(outcome.output.rstrip() + "\n\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
