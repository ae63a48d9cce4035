"""The import contracts of pyproject.toml really refuse what they are there to refuse."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("protocols", "billing", "firmware_sim", "edge", "central", "portal", "demo")

# One breach per contract: file and what it imports.
PLANTED = {
    "protocols/planted.py": "import billing",
    "edge/planted.py": "import firmware_sim\nimport typst",
    "firmware_sim/planted.py": "import billing",
    "central/planted.py": "import protocols.rf",
    "billing/planted.py": "import socket",
    "portal/planted.py": "import sqlalchemy",
    "demo/planted.py": "import demo.planted_too",
    "demo/planted_too.py": "import demo.planted",
}


def contracts(tree: Path) -> dict[str, bool]:
    """Which contracts hold in a tree: the first words of each name, and whether it was kept."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False, env={"COLUMNS": "300"})
    lines = [line.rsplit(" ", 1) for line in done.stdout.splitlines() if line.endswith((" KEPT", " BROKEN"))]
    assert lines, done.stdout + done.stderr
    return {name: verdict == "KEPT" for name, verdict in lines}


def test_every_contract_refuses_a_planted_breach(tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for room in ROOMS:
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").touch()
    (tmp_path / "protocols" / "rf").mkdir()
    (tmp_path / "protocols" / "rf" / "__init__.py").touch()
    before = contracts(tmp_path)
    assert all(before.values())
    for path, text in PLANTED.items():
        (tmp_path / path).write_text(text + "\n")
    assert contracts(tmp_path) == dict.fromkeys(before, False)
