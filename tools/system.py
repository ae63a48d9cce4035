"""What the operating system must provide, and how to get it: packages of Debian and Ubuntu.

Standard library only, so that it runs before anything is installed.
"""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

# Another installer may hold the package lock (unattended upgrades do): wait for it instead of failing.
APT = ("apt-get", "-o", "DPkg::Lock::Timeout=300", "-q")
INSTALL = ("install", "-y", "--no-install-recommends")


class BlockedError(Exception):
    """Set-up cannot go on; the text is one line that says what to do."""


# Needs the compiler, the linker, libc's headers and Python's.
PROBE = """\
#include <stdio.h>
#include <Python.h>
int probe(void) { return puts(Py_GetVersion()); }
"""


@dataclass(frozen=True)
class Need:
    """Something that must be on the machine: its Debian packages and how to see that it is there."""

    what: str
    packages: tuple[str, ...]
    present: Callable[[], bool]


def find_program(*names: str) -> str | None:
    """The path of the first of these programs that is there, system folders included."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


def has_program(*names: str) -> bool:
    """Whether one of these programs is there."""
    return find_program(*names) is not None


def has_venv() -> bool:
    """Whether this Python can create environments; Debian ships that part separately."""
    probe = "import ensurepip, venv; ensurepip.version()"
    return _succeeds([sys.executable, "-c", probe])


def has_compiler() -> bool:
    """Whether a C extension for this Python can be compiled and linked: compiler, libc and Python headers."""
    compiler = shlex.split(sysconfig.get_config_var("CC") or "cc")
    if not shutil.which(compiler[0]):
        return False
    include = sysconfig.get_path("include")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "probe.c")
        source.write_text(PROBE)
        output = str(source.with_suffix(".so"))
        return _succeeds([*compiler, "-shared", "-fPIC", f"-I{include}", str(source), "-o", output])


def _succeeds(command: Sequence[str]) -> bool:
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return done.returncode == 0


VENV = Need("venv", ("python3-venv",), has_venv)
COMPILER = Need("C compiler", ("gcc", "binutils", "libc6-dev", "python3-dev"), has_compiler)


def provide(needs: Iterable[Need], say: Callable[[str], None]) -> None:
    """Install what is missing where that is allowed; otherwise raise :class:`BlockedError` with the command to run."""
    missing = [need for need in needs if not need.present()]
    if not missing:
        return
    packages = list(dict.fromkeys(package for need in missing for package in need.packages))
    prefix = _root_prefix()
    if prefix is None or not has_program("apt-get"):
        raise BlockedError(_by_hand(missing, packages))
    say(f"paquetes del sistema / system packages: {' '.join(packages)}")
    # An unreachable third-party source must not stop us: what counts is whether the install works.
    subprocess.run([*prefix, *APT, "update"], check=False, stdin=subprocess.DEVNULL)
    done = subprocess.run([*prefix, *APT, *INSTALL, *packages], check=False, stdin=subprocess.DEVNULL)
    still = [need for need in missing if not need.present()]
    if done.returncode or still:
        raise BlockedError(_by_hand(still or missing, packages))


def _root_prefix() -> list[str] | None:
    """How to become root without asking for a password, or None."""
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive"]
    if os.geteuid() == 0:
        return quiet
    if shutil.which("sudo") and _succeeds(["sudo", "-n", "true"]):
        return ["sudo", "-n", *quiet]
    return None


def _by_hand(missing: Iterable[Need], packages: Iterable[str]) -> str:
    what = ", ".join(need.what for need in missing)
    command = f"sudo apt-get install -y {' '.join(packages)}"
    if not sys.executable.startswith("/usr/bin/") and any(need in (VENV, COMPILER) for need in missing):
        command += f" (Python: {sys.executable})"
    return f"falta / missing: {what}. Ejecute / run: {command}"
