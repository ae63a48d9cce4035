"""Looks for inputs that break a parser: libFuzzer, guided by the coverage of the compiled code, with AddressSanitizer.

    .venv/bin/python -m tools.fuzz [--seconds 60] [--seed N] [TARGET ...]

A target is a file ``tests/fuzz/<name>.py`` with ``SEEDS`` (good inputs) and ``fuzz(data)``, which must return
whatever the bytes: it catches the errors that its parser promises, and nothing else. ``wmbus.LAYER`` are the
decoder's layers, each by itself. What a run learns is kept in ``build/fuzz/corpus`` for the next one; an input
that breaks a target is kept in ``build/fuzz``. ``make test`` runs the same targets for a moment.
"""

import argparse
import hashlib
import importlib
import os
import platform
import random
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools import bootstrap, system
from tools.fuzz_one import LAYERS, load
from tools.system import BlockedError, Need

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "fuzz"
TREE = WORK / "guided"
COPIED = (*bootstrap.ROOMS, "tools", "tests/fuzz", "tests/protocols/wmbus/samples.py", "setup.py")
SHOWN = 4000  # characters of a report
LONGEST = 4096
# One input may take so many seconds: none takes a hundredth of one, however slow the machine.
HANGS = 60


def fuzzer_library() -> Path | None:
    """libFuzzer as a static library, where a clang is installed that has it."""
    folder = _clang("-print-runtime-dir")
    return next(Path(folder).glob("libclang_rt.fuzzer_no_main*.a"), None) if folder else None


CLANG = Need("clang", ("clang", "libclang-rt-dev"), lambda: fuzzer_library() is not None)


@dataclass(frozen=True)
class Outcome:
    """How a target's run ended: what broke it, if anything did, and libFuzzer's own report."""

    broken_by: bytes | None
    report: str


def targets() -> list[str]:
    """The names of all targets."""
    names = [path.stem for path in (ROOT / "tests" / "fuzz").glob("*.py") if not path.stem.startswith("test_")]
    layers = importlib.import_module(f"tests.fuzz.{LAYERS}").SEEDS
    return sorted({*names, *(f"wmbus.{layer}" for layer in layers)} - {LAYERS})


def main(arguments: Sequence[str]) -> int:
    """Fuzz the named targets, or all, sharing the time; exit status 1 if one was broken."""
    parser = argparse.ArgumentParser(prog="fuzz")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(targets()))
    parser.add_argument("--seconds", type=float, default=60.0, help="for all targets together")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 2**31))
    options = parser.parse_args(arguments)
    chosen: list[str] = options.targets or targets()
    if unknown := set(chosen) - set(targets()):
        parser.error(f"unknown target {min(unknown)!r}; one of: {', '.join(targets())}")
    try:
        system.provide([CLANG], _say)
    except BlockedError as blocked:
        sys.stderr.write(f"fuzz: {blocked}\n")
        return 2
    _say(f"building with coverage and AddressSanitizer; seed {options.seed}")
    build()
    share = max(1, round(options.seconds / len(chosen)))
    broken = [name for name in chosen if not _survives(name, share, options.seed)]
    return 1 if broken else 0


def build() -> None:
    """A copy of the rooms whose extensions are built by clang for libFuzzer; only what changed is built again."""
    for name in COPIED:
        source, copy = ROOT / name, TREE / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            # Extensions of the ordinary build must not be taken for instrumented ones.
            shutil.copytree(source, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
        else:
            shutil.copy2(source, copy)
    for copy in TREE.rglob("*.py*"):
        if copy.suffix in (".py", ".pyx", ".pxd") and not (ROOT / copy.relative_to(TREE)).exists():
            copy.unlink()
    environment = os.environ | {"SGC_FUZZ": "1", "CC": "clang", "LDSHARED": "clang -shared"}
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace", "-j2"]
    subprocess.run(command, cwd=TREE, env=environment, check=True, stdout=subprocess.DEVNULL)
    # A library to be loaded first: extensions count into it from the moment they are loaded themselves.
    command = ["clang", "-shared", "-fsanitize=address", "-shared-libasan", "-o", str(_runtime())]
    command += ["-Wl,--whole-archive", str(fuzzer_library()), "-Wl,--no-whole-archive", "-lstdc++", "-lm"]
    subprocess.run(command, check=True)


def run(name: str, *limits: str, corpus: Path | None = None) -> Outcome:
    """Run one target in a process of its own until one of libFuzzer's ``limits``, say ``-runs=1000``."""
    corpus = corpus or WORK / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in load(name).seeds:
        (corpus / hashlib.sha1(seed, usedforsecurity=False).hexdigest()).write_bytes(seed)
    artefact = WORK / f"{name}.broken"
    artefact.unlink(missing_ok=True)
    environment = os.environ | {
        # libFuzzer first: the sanitizer's own library has the same names, counting nothing.
        "LD_PRELOAD": f"{_runtime()} {_clang('-print-file-name=libclang_rt.asan-' + platform.machine() + '.so')}",
        # CPython itself keeps memory until the end; an allocation that fails is an error that Python knows.
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:verify_asan_link_order=0",
        # Objects, too, get memory of their own, whose end the sanitizer watches.
        "PYTHONMALLOC": "malloc",
        "PYTHONPATH": str(TREE),
    }
    command = [sys.executable, "-m", "tools.fuzz_one", name, str(corpus), f"-exact_artifact_path={artefact}"]
    command += [f"-max_len={LONGEST}", f"-timeout={HANGS}", "-rss_limit_mb=4096", "-print_final_stats=1", *limits]
    done = subprocess.run(command, cwd=TREE, env=environment, check=False, capture_output=True)
    report = done.stderr.decode(errors="replace")
    if done.returncode and not artefact.exists():
        raise RuntimeError(f"{name} did not run: {shlex.join(command)}\n{report[-SHOWN:]}")
    return Outcome(artefact.read_bytes() if done.returncode else None, report)


def _survives(name: str, seconds: int, seed: int) -> bool:
    """Run one target; keep and show the input that ends it."""
    outcome = run(name, f"-max_total_time={seconds}", f"-seed={seed}")
    data = outcome.broken_by
    if data is None:
        _say(f"{name}: {', '.join(figures(outcome.report))}")
        return True
    kept = WORK / f"{name}-{hashlib.sha256(data).hexdigest()[:12]}.hex"
    kept.write_text(data.hex() + "\n")
    _say(
        f"{_reason(outcome.report)}\n{name}: broken by {data.hex()}\n"
        f"again: .venv/bin/python -m tools.fuzz_one {name} {kept.relative_to(ROOT)}"
    )
    return False


def _reason(report: str) -> str:
    """What a report says from where it starts to complain."""
    starts = [at for word in ("Traceback", "ERROR: ") if (at := report.find(word)) >= 0]
    return report[min(starts, default=0) :][:SHOWN]


def figures(report: str) -> list[str]:
    """Inputs tried and edges covered, from libFuzzer's report."""
    tried = [line.split()[-1] for line in report.splitlines() if "number_of_executed_units" in line]
    covered = [
        word for line in report.splitlines() if " cov: " in line for word in [line.split(" cov: ")[1].split()[0]]
    ]
    return [f"{int(count):,} inputs" for count in tried] + [f"{int(count):,} edges covered" for count in covered[-1:]]


def _runtime() -> Path:
    return WORK / "libfuzzer.so"


def _clang(question: str) -> str:
    clang = system.find_program("clang")
    if clang is None:
        return ""
    return subprocess.run([clang, question], capture_output=True, text=True, check=True).stdout.strip()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
