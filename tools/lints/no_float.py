"""No float where money or volume passes: volumes are integer litres, money is Decimal or integer micro-euros.

A float that is neither (a position, a signal level, seconds) says so on its line: ``# float: why``.
"""

import ast
import re
from collections.abc import Iterator

from tools.lints import Finding, Project, Source

# Where readings, volumes or euros pass. Positions, radio and waiting times live elsewhere or are marked.
PATHS = re.compile(r"^(billing|protocols/sync|central/(store|register|reading|invoicing|collection))/")
MARK = re.compile(r"#.*\bfloat: \w+")
FLOAT_TYPES = {"float", "Float", "Double"}
CYTHON_FLOAT = re.compile(r"\b(double|float)\b|(?<![\w.])\d+\.\d+(?![\w.])")


def check(project: Project) -> Iterator[Finding]:
    """Float literals, conversions, annotations and column types on those paths."""
    for source in project.sources(".py", ".pyx", ".pxd"):
        if PATHS.match(source.path):
            for line, what in _python(source) if source.path.endswith(".py") else _cython(source):
                if not MARK.search(source.lines[line - 1]):
                    yield source.finding(line, f"{what}: money and volumes are exact (Decimal, int), never a float")


def _python(source: Source) -> Iterator[tuple[int, str]]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            yield node.lineno, f"literal {node.value!r}"
        elif isinstance(node, ast.Name) and node.id in FLOAT_TYPES:
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and node.attr in FLOAT_TYPES:
            yield node.lineno, node.attr


def _cython(source: Source) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(_without_strings(source.text).splitlines(), start=1):
        if found := CYTHON_FLOAT.search(line.split("#", 1)[0]):
            yield number, found[0]


def _without_strings(text: str) -> str:
    """The code with its strings and docstrings blanked, line numbers kept."""
    quoted = re.compile(r'""".*?"""|\'\'\'.*?\'\'\'|"[^"\n]*"|\'[^\'\n]*\'', re.DOTALL)
    return quoted.sub(lambda match: "\n" * match[0].count("\n"), text)
