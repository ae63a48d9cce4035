"""No float in any money or volume path: neither a literal nor the type."""

import ast
from pathlib import Path

import pytest

BILLING = Path(__file__).resolve().parents[2] / "billing"
ROOMS = ("volume", "invoice", "ledger", "fiscal", "document")
FILES = sorted(path for room in ROOMS for path in (BILLING / room).rglob("*.py"))


def faults(source: str) -> list[str]:
    """Each place where a float would come in."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            found.append(f"line {node.lineno}: literal {node.value}")
        if isinstance(node, ast.Name) and node.id == "float":
            found.append(f"line {node.lineno}: float")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(BILLING)))
def test_no_float(path: Path) -> None:
    assert not faults(path.read_text(encoding="utf-8"))


def test_the_check_itself_finds_floats() -> None:
    assert faults("x = 1.5") == ["line 1: literal 1.5"]
    assert faults("y = float(x)") == ["line 1: float"]
