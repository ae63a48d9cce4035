"""Runs every parser on damaged input, compiled with AddressSanitizer, for as long as asked.

    .venv/bin/python -m tools.fuzz [--seconds 60] [--seed N] [TARGET ...]

A target is a file ``tests/fuzz/<name>.py`` with ``SEEDS`` (good inputs) and ``fuzz(data)``, which must return
whatever the bytes: it catches the errors that its parser promises, and nothing else. An input that breaks it is
kept in ``build/fuzz``. ``make test`` runs the same targets for a moment, without the sanitizer.
"""

import argparse
import hashlib
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tools import bootstrap
from tools.fuzz_one import noted

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "fuzz"
TREE = WORK / "tree"
COPIED = (*bootstrap.ROOMS, "tools", "tests/fuzz", "tests/protocols/wmbus/samples.py", "setup.py")
SHOWN = 4000  # characters of a report; what matters is at its end


def targets() -> list[str]:
    """The names of all targets."""
    return sorted(path.stem for path in (ROOT / "tests" / "fuzz").glob("*.py") if not path.stem.startswith("test_"))


def main(arguments: Sequence[str]) -> int:
    """Fuzz the named targets, or all, sharing the time; exit status 1 if one was broken."""
    parser = argparse.ArgumentParser(prog="fuzz")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(targets()))
    parser.add_argument("--seconds", type=float, default=60.0, help="for all targets together")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    options = parser.parse_args(arguments)
    chosen: list[str] = options.targets or targets()
    if unknown := set(chosen) - set(targets()):
        parser.error(f"unknown target {min(unknown)!r}; one of: {', '.join(targets())}")
    _build()
    sys.stdout.write(f"seed {options.seed}\n")
    sys.stdout.flush()
    broken = [name for name in chosen if not _survives(name, options.seconds / len(chosen), options.seed)]
    return 1 if broken else 0


def _build() -> None:
    """A copy of the rooms whose extensions are built with AddressSanitizer; only what changed is built again."""
    sys.stdout.write("building with AddressSanitizer\n")
    sys.stdout.flush()
    for name in COPIED:
        source, copy = ROOT / name, TREE / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            # Extensions of the ordinary build must not be taken for sanitized ones.
            shutil.copytree(source, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
        else:
            shutil.copy2(source, copy)
    for copy in TREE.rglob("*.py*"):
        if copy.suffix in (".py", ".pyx", ".pxd") and not (ROOT / copy.relative_to(TREE)).exists():
            copy.unlink()
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace", "-j2"]
    subprocess.run(command, cwd=TREE, env=os.environ | {"SGC_ASAN": "1"}, check=True, stdout=subprocess.DEVNULL)


def _survives(name: str, seconds: float, seed: int) -> bool:
    """Run one target in a process of its own; keep and show the input that ends it."""
    note = WORK / "trying"
    environment = os.environ | {
        "LD_PRELOAD": _runtime_library(),
        "ASAN_OPTIONS": "detect_leaks=0",  # CPython itself keeps memory until the end
        "PYTHONPATH": str(TREE),
    }
    command = [sys.executable, "-m", "tools.fuzz_one", name, str(seconds), str(seed), str(note)]
    done = subprocess.run(command, cwd=TREE, env=environment, check=False, stderr=subprocess.PIPE, text=True)
    if done.returncode == 0:
        return True
    data = noted(note)
    kept = WORK / f"{name}-{hashlib.sha256(data).hexdigest()[:12]}.hex"
    kept.write_text(data.hex() + "\n")
    sys.stdout.write(
        f"{done.stderr[-SHOWN:]}\n{name}: broken by {data.hex()}\n"
        f"again: .venv/bin/python -m tools.fuzz_one {name} {kept.relative_to(ROOT)}\n"
    )
    return False


def _runtime_library() -> str:
    command = ["gcc", "-print-file-name=libasan.so"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
