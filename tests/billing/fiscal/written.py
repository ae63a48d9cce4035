"""Whole documents as they must be written, beside the tests: ``golden/<name>.xml``, indented for readers."""

from pathlib import Path

from lxml import etree

GOLDEN = Path(__file__).parent / "golden"


def golden(name: str) -> str:
    """The document of a name, as :func:`indented` writes it."""
    return (GOLDEN / f"{name}.xml").read_text(encoding="utf-8")


def indented(document: etree._Element | bytes) -> str:
    """A document element by element, each on a line of its own."""
    root = etree.fromstring(document) if isinstance(document, bytes) else document
    return str(etree.tostring(root, pretty_print=True, encoding="unicode"))
