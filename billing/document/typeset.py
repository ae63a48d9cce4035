"""From views to PDF: typst with its embedded fonts only, so that a bill looks the same on any machine."""

import json
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time
from functools import cache
from importlib.resources import files
from typing import Literal

import typst

from billing.document.layout import layout
from billing.document.view import InvoiceView
from billing.document.words import DocumentError, words

PARTS = ("style", "header", "usage", "charges", "page")
STANDARD: Literal["ua-1"] = "ua-1"
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def render(view: InvoiceView, lang: str = "es") -> bytes:
    """One page A4, PDF/UA-1, of a numbered invoice. The same view gives the same bytes."""
    if not COLOUR.fullmatch(view.colour):
        raise DocumentError(f"colour {view.colour}: must be #rrggbb")
    issued = datetime.combine(view.invoice.reference.issued, time(), UTC)
    source = _source(json.dumps(layout(view, words(lang))))
    made = _compiler().compile(
        input=source,
        format="pdf",
        pdf_standards=[STANDARD],
        timestamp=int(issued.timestamp()),
    )
    if not isinstance(made, bytes):
        raise DocumentError(f"invoice {view.invoice.full_number}: the compiler gave no document")
    return made


def render_many(views: Iterable[InvoiceView], lang: str = "es") -> list[bytes]:
    """A PDF for each view, in order; the compiler stays warm between them."""
    return [render(view, lang) for view in views]


@cache
def _compiler() -> typst.Compiler:
    return typst.Compiler(ignore_system_fonts=True)


@cache
def _template() -> str:
    folder = files("billing.document").joinpath("templates")
    parts: Sequence[str] = [folder.joinpath(f"{name}.typ").read_text(encoding="utf-8") for name in PARTS]
    return "\n".join(parts)


def _source(data: str) -> bytes:
    """The template after its data, which is plain ASCII inside a typst string."""
    escaped = data.replace("\\", "\\\\").replace('"', '\\"')
    return f'#let data = json(bytes("{escaped}"))\n{_template()}'.encode()
