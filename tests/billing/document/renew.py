"""Writes the golden texts and pictures anew: ``python -m tests.billing.document.renew``, then read the difference."""

import subprocess
import tempfile
from pathlib import Path

from billing.document import LANGUAGES, render
from tests.billing.document import picture
from tests.billing.view_samples import view

GOLDEN = Path(__file__).parent / "golden"


def main() -> None:
    for lang in LANGUAGES:
        run = subprocess.run(
            ["pdftotext", "-raw", "-", "-"], input=render(view(), lang), capture_output=True, check=True
        )
        lines = [" ".join(line.split()) for line in run.stdout.decode().replace("\u00a0", " ").splitlines()]
        text = "\n".join(line for line in lines if line)
        (GOLDEN / f"b02.{lang}.txt").write_text(text + "\n", encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder:
            page = picture.taken(render(view(), lang), Path(folder))
        (GOLDEN / f"b02.{lang}.png").write_bytes(picture.png(page))


if __name__ == "__main__":
    main()
