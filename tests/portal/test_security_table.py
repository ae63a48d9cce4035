"""The table of ``docs/security.md`` is whole and true: every point has a line, and every test in it exists."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINE = re.compile(r"^\| ([\d., ]+) \| .+ \| `(tests/[\w/]+\.py)::(test_\w+)` \|$")
# OWASP ASVS 5.0, level 2: the points that bind this product.
POINTS = {
    "2": "2.3.1 2.3.3 2.3.4 2.4.1",
    "3": "3.3.1 3.3.2 3.3.3 3.3.4 3.4.1 3.4.3 3.4.4 3.4.5 3.4.6 3.4.8 3.5.1 3.5.3",
    "6": "6.2.1 6.2.2 6.2.3 6.2.4 6.2.5 6.2.6 6.2.7 6.2.8 6.2.9 6.2.10 6.2.11 6.2.12 6.3.2 6.3.3 6.3.8 6.4.1 6.4.3 "
    "6.5.1 6.5.5 6.6.3",
    "7": "7.1.1 7.1.2 7.2.3 7.2.4 7.3.1 7.3.2 7.4.1 7.4.2 7.4.3 7.4.5 7.5.1 7.5.2",
    "8": "8.2.1 8.2.2 8.2.3 8.3.1 8.3.2 8.4.1",
    "11": "11.1.1 11.1.2 11.2.2 11.3.1 11.3.2 11.4.2 11.5.1",
    "12": "12.1.1 12.1.3 12.3.1",
    "13": "13.2.1 13.2.2 13.2.3 13.2.4 13.3.1 13.3.2 13.4.2 13.4.5",
    "14": "14.2.1 14.3.2 14.3.3",
    "16": "16.2.1 16.2.2 16.2.3 16.2.4 16.2.5 16.3.1 16.3.2 16.3.3 16.3.4 16.4.1 16.4.2 16.5.1",
}


def table() -> list[tuple[list[str], str, str]]:
    text = (ROOT / "docs/security.md").read_text(encoding="utf-8").split("## Point by point")[1]
    found = [LINE.match(line) for line in text.splitlines() if line.startswith("| ") and line[2].isdigit()]
    assert all(found), "a line names points, what holds and one test"
    return [(one[1].split(", "), one[2], one[3]) for one in found if one]


def test_every_point_has_a_line_and_only_one() -> None:
    points = [point for line, _, _ in table() for point in line]
    assert len(points) == len(set(points))
    missing = {point for group in POINTS.values() for point in group.split()} - set(points)
    assert missing == set()


def test_every_test_of_the_table_exists() -> None:
    for _, file, name in table():
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, f"{file}::{name}"
