"""The printed bill: what it says, how it is built, and that it is the same every time."""

import shutil
import subprocess
from pathlib import Path

import pytest

from billing.document import render
from tests.billing.view_samples import view


@pytest.fixture
def text(tmp_path: Path) -> str:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed (Debian: poppler-utils)")
    path = tmp_path / "bill.pdf"
    path.write_bytes(render(view()))
    run = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, check=True, text=True)
    return run.stdout.replace("\u00a0", " ")


def test_what_it_says(text: str) -> None:
    for words in ("Factura de agua", "AG2026/000123", "35,36 €", "QR tributario:", "VERI*FACTU", "telelectura"):
        assert words in text


def test_the_same_view_gives_the_same_bytes() -> None:
    assert render(view()) == render(view())
