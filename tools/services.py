"""The programs that the tests run: PostgreSQL, Mosquitto, Chromium, a few readers of documents, clang for fuzzing.

    python3 -m tools.services

Installs what is missing where that is allowed. Where it is not, one line names the command to run and the
tests that need it are skipped with their reason.
"""

import os
import subprocess
import sys
from pathlib import Path

from tools import fuzz, system
from tools.system import BlockedError, Need

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
POSTGRES_HOMES = Path("/usr/lib/postgresql")
DEJAVU = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")


def postgres_bin() -> Path | None:
    """The folder of the newest installed PostgreSQL server's programs (Debian's layout)."""
    found = [path.parent for path in POSTGRES_HOMES.glob("*/bin/initdb")]
    return max(found, key=lambda path: float(path.parent.name), default=None)


def mosquitto() -> str | None:
    """The path of the Mosquitto broker."""
    return system.find_program("mosquitto")


def chromium() -> str | None:
    """The path of a Chromium: ``SGC_CHROMIUM``, the system's, or the one Playwright installed."""
    chosen = os.environ.get("SGC_CHROMIUM")
    return chosen or system.find_program(*CHROMIUM_NAMES) or _playwright_chromium()


def _playwright_chromium() -> str | None:
    cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    found = sorted(cache.glob("chromium-*/chrome-linux*/chrome"))
    return str(found[-1]) if found else None


CHROMIUM = Need("Chromium", ("chromium",), lambda: chromium() is not None)
NEEDS = (
    Need("PostgreSQL", ("postgresql",), lambda: bool(os.environ.get("SGC_TEST_DSN") or postgres_bin())),
    Need("Mosquitto", ("mosquitto",), lambda: mosquitto() is not None),
    Need("DejaVu", ("fonts-dejavu-core",), DEJAVU.exists),
    Need("Poppler", ("poppler-utils",), lambda: system.has_program("pdftotext")),
    Need("Valgrind", ("valgrind",), lambda: system.has_program("valgrind")),
    fuzz.CLANG,
)


def provide() -> None:
    """Install what the tests need; :class:`BlockedError` names what could not be."""
    if CHROMIUM.present() or not _chromium_is_only_a_snap():
        system.provide([*NEEDS, CHROMIUM], _say)
        return
    system.provide(NEEDS, _say)
    command = [str(Path(".venv/bin/playwright")), "install", "--with-deps", "chromium"]
    if subprocess.run(command, check=False, stdin=subprocess.DEVNULL).returncode:
        raise BlockedError(f"falta / missing: Chromium. Ejecute / run: {' '.join(command)}")


def _chromium_is_only_a_snap() -> bool:
    """Ubuntu's package only points to a snap, which containers cannot run; Playwright brings its own build."""
    release = Path("/etc/os-release")
    return release.exists() and "\nID=ubuntu\n" in "\n" + release.read_text()


def main() -> int:
    """Provide everything; what is missing is said and left to each test to judge."""
    try:
        provide()
    except BlockedError as blocked:
        sys.stderr.write(f"services: {blocked}\n")
    except KeyboardInterrupt:
        return 130
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"· {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
