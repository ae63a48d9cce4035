"""Sets the project up from nothing: environment, packages, extensions, the ``sgc`` command.

    python3 -m tools.bootstrap [runtime|dev]    # what make setup and make setup-dev run
    python3 -m tools.bootstrap uv               # prints the path of the pinned uv in the environment

Needs only Python 3.11 and, for the first run, a way to get packages. Each step leaves a stamp and is
skipped while what it depends on is unchanged. An interrupted run leaves no half-made environment.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools import system
from tools.system import BlockedError

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
# uv lives in a folder of its own inside the environment: synchronising to a lock must not remove it.
UV_HOME = VENV / "uv"
UV_LOCK = ROOT / "tools" / "uv.lock"
STAMP = VENV / "setup.json"
UNFINISHED = VENV / "unfinished"
BUILD_UNFINISHED = ROOT / "build" / "unfinished"
LOCKS = {"runtime": ROOT / "requirements.lock", "dev": ROOT / "requirements-dev.lock"}
ROOMS = ("protocols", "billing", "firmware_sim", "edge", "central")
EXTENSION_SOURCES = (".pyx", ".pxd", ".pxi", ".h")
Command = Sequence[str | Path]


def main(arguments: Sequence[str]) -> int:
    """Bring the environment to the asked level; returns the exit status."""
    level = arguments[0] if arguments else "runtime"
    if level not in (*LOCKS, "uv"):
        return _fail(f"nivel desconocido / unknown level {level!r}: runtime, dev, uv")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    os.chdir(ROOT)
    try:
        with _only_one():
            if level == "uv":
                return _print_uv()
            set_up(level)
    except KeyboardInterrupt:
        return _fail("interrumpido; repita la orden para continuar / interrupted; run it again to go on", 130)
    except BlockedError as blocked:
        return _fail(str(blocked))
    except subprocess.CalledProcessError as failed:
        command = " ".join(map(str, failed.cmd))
        return _fail(f"falló / failed ({failed.returncode}): {command}")
    return 0


def set_up(level: str) -> None:
    """Run the steps that are due, in order."""
    started = time.monotonic()
    _remove_unusable_environment(Stamp.read())
    stamp = Stamp.read()
    if stamp.facts.get("level") == "dev":
        level = "dev"
    due = stamp.stale(_wanted(level))
    if not _all_built():
        due.add("extensions")
    if "packages" in due or not (VENV / "bin" / "sgc").exists():
        due.add("project")  # synchronising to the lock takes the project itself out of the environment
    if due & {"packages", "extensions", "toolchain"}:
        system.provide([system.VENV] * (not PYTHON.exists()) + [system.COMPILER], _say)
    if "packages" in due:
        _install_packages(level)
        stamp.note(level=level, place=str(ROOT), packages=_wanted(level)["packages"])
    if due & {"extensions", "toolchain"}:
        _build_extensions(force="toolchain" in due)
        stamp.note(extensions=_wanted(level)["extensions"], toolchain=_wanted(level)["toolchain"])
    if "project" in due:
        _install_project()
        stamp.note(project=_wanted(level)["project"])
    if due:
        _say(f"listo en / ready in {time.monotonic() - started:.0f} s: .venv/bin/sgc")


def _wanted(level: str) -> dict[str, str]:
    """What each step depends on, as one text each; a step is due when its text is not the stamped one."""
    lock = LOCKS[level].read_text()
    compilers = re.findall(r"^(?:cython|numpy|setuptools)==\S+", lock, re.MULTILINE)
    return {
        "packages": _fingerprint([LOCKS[level]]),
        # setup.py holds the compiler's options, which no file's date tells the build about.
        "toolchain": " ".join([sys.version.split()[0], *compilers, _fingerprint([ROOT / "setup.py"])]),
        "extensions": _fingerprint(extension_sources()),
        "project": _fingerprint([ROOT / "pyproject.toml"]),
    }


class Stamp:
    """What the environment was last made from, kept in the environment itself."""

    def __init__(self, facts: dict[str, str]) -> None:
        self.facts = facts

    @classmethod
    def read(cls) -> "Stamp":
        """The stamp on disk; an empty one when there is none or it cannot be read."""
        try:
            facts = json.loads(STAMP.read_text())
        except (OSError, ValueError):
            facts = {}
        return cls(facts if isinstance(facts, dict) else {})

    def stale(self, wanted: dict[str, str]) -> set[str]:
        """The steps whose inputs differ from what is stamped."""
        return {step for step, text in wanted.items() if self.facts.get(step) != text}

    def note(self, **facts: str) -> None:
        """Record a finished step at once, so that a later failure does not repeat it."""
        self.facts.update(facts)
        STAMP.write_text(json.dumps(self.facts, indent=1))


# --- the environment -------------------------------------------------------------------------------


def _remove_unusable_environment(stamp: Stamp) -> None:
    """Remove an environment that a killed run left behind, or that belongs to another place or Python."""
    if not VENV.exists():
        return
    moved = stamp.facts.get("place", str(ROOT)) != str(ROOT)
    if UNFINISHED.exists() or moved or not _belongs_here():
        _say("entorno inservible, se rehace / unusable environment, making it again")
        _remove_environment()


def _remove_environment() -> None:
    """Out of the way first, then away: an interruption must not leave half of it in its place."""
    doomed = ROOT / "build" / "old-environment"
    shutil.rmtree(doomed, ignore_errors=True)
    if VENV.exists():
        VENV.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def _belongs_here() -> bool:
    probe = "import sys; print(sys.prefix); print(sys.version.split()[0])"
    try:
        done = subprocess.run([PYTHON, "-c", probe], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return done.stdout.split() == [str(VENV), sys.version.split()[0]]


def _base_python() -> str:
    """The interpreter outside any environment: make may have been called from inside this one."""
    return str(getattr(sys, "_base_executable", sys.executable))


def _install_packages(level: str) -> None:
    """Create the environment if need be and make its packages exactly those of the lock."""
    fresh = not PYTHON.exists()
    try:
        if fresh:
            _say("entorno de Python / Python environment")
            VENV.mkdir(exist_ok=True)
            UNFINISHED.touch()
            _run([_base_python(), "-m", "venv", VENV])
        _say(f"paquetes / packages: {LOCKS[level].name}")
        _synchronise(LOCKS[level])
        UNFINISHED.unlink(missing_ok=True)
    except BaseException:
        if fresh:
            _remove_environment()
        raise


def _synchronise(lock: Path) -> None:
    uv = uv_program()
    if uv:
        command: Command = [uv, "pip", "sync", "--require-hashes", "--python", PYTHON, lock]
        if subprocess.run(command, check=False).returncode == 0:
            return
        _say("uv no ha podido; se prueba con pip / uv could not; trying pip")
    if not (VENV / "bin" / "pip").exists():
        _run([PYTHON, "-m", "ensurepip", "-q"])
    _run([PYTHON, "-m", "pip", "install", "--progress-bar=off", "--require-hashes", "-r", lock])


def uv_program() -> Path | None:
    """The pinned uv, installed beside the environment's packages if need be; None where it has no build."""
    program = UV_HOME / "bin" / "uv"
    wanted = _fingerprint([UV_LOCK])
    installed = UV_HOME / "lock.sha256"
    if program.exists() and installed.exists() and installed.read_text() == wanted:
        return program
    shutil.rmtree(UV_HOME, ignore_errors=True)
    if not (VENV / "bin" / "pip").exists():
        _run([PYTHON, "-m", "ensurepip", "-q"])
    pip: Command = [PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--only-binary=:all:"]
    done = subprocess.run([*pip, "--require-hashes", "--target", UV_HOME, "-r", UV_LOCK], check=False)
    if done.returncode:
        return None
    installed.write_text(wanted)
    return program


def _install_project() -> None:
    """Put the project and its command into the environment, editable, with nothing to download or compile."""
    _say("orden / command: sgc")
    uv = uv_program()
    # No extension has this prefix: they are built already, in place, by the step before.
    environment = os.environ | {"SGC_EXT": "-"}
    installer: Command = [PYTHON, "-m", "pip", "install", "-q"]
    if uv:
        installer = [uv, "pip", "install", "-q", "--python", PYTHON]
    _run([*installer, "--no-deps", "--no-build-isolation", "-e", ROOT], environment)


# --- the extensions ----------------------------------------------------------------------------------


def extension_sources() -> list[Path]:
    """Every file that a built extension depends on."""
    return [path for room in ROOMS for path in sorted((ROOT / room).rglob("*")) if path.suffix in EXTENSION_SOURCES]


def _all_built() -> bool:
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    return all(path.with_suffix(suffix).exists() for path in extension_sources() if path.suffix == ".pyx")


def _build_extensions(force: bool) -> None:
    """Compile every extension in place; a build that was cut short is made again from the start."""
    total = sum(path.suffix == ".pyx" for path in extension_sources())
    force = force or BUILD_UNFINISHED.exists()
    BUILD_UNFINISHED.parent.mkdir(exist_ok=True)
    BUILD_UNFINISHED.touch()
    jobs = str(os.cpu_count() or 1)
    command: Command = [PYTHON, "setup.py", "build_ext", "--inplace", "-j", jobs, *(["--force"] if force else [])]
    _say(f"extensiones / extensions: {total}")
    _run_counting(command, os.environ | {"SGC_JOBS": jobs, "PYTHONUNBUFFERED": "1"}, total)
    BUILD_UNFINISHED.unlink()


def _run_counting(command: Command, environment: dict[str, str], total: int) -> None:
    """Run a build, showing one short line per extension; its whole tail only if it fails."""
    tail: deque[str] = deque(maxlen=40)
    done = 0
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        try:
            for line in process.stdout or ():
                tail.append(line)
                if line.startswith("building '"):
                    done += 1
                    _say(f"  {done}/{total} {line.split(chr(39))[1]}")
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        sys.stderr.writelines(tail)
        raise subprocess.CalledProcessError(process.returncode, list(command))


# --- small things --------------------------------------------------------------------------------------


@contextlib.contextmanager
def _only_one() -> Iterator[None]:
    """Two set-ups of the same tree at once wait for each other."""
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build" / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fingerprint(paths: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _run(command: Command, environment: dict[str, str] | None = None) -> None:
    subprocess.run(command, env=environment, check=True)


def _say(text: str) -> None:
    sys.stdout.write(f"· {text}\n")
    sys.stdout.flush()


def _print_uv() -> int:
    uv = uv_program() if PYTHON.exists() else None
    if uv is None:
        return _fail("no hay uv; ejecute / no uv; run: make setup")
    sys.stdout.write(f"{uv}\n")
    return 0


def _fail(text: str, status: int = 1) -> int:
    sys.stderr.write(f"setup: {text}\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
