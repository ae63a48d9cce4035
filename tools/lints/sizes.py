"""A function of more than 80 lines or a file of more than 600 is two things under one name.

Tables are long because the standard is, and migrations because the schema is: files whose name says so may be longer,
and a migration names every table it makes, a line each.
"""

import ast
import re
from collections.abc import Iterator

from tools.lints import Finding, Project, Source

FUNCTION_LINES = 80
FILE_LINES = 600
MAY_BE_LONG = re.compile(r"(^|/)(migrations/|[^/]*tables?\b[^/]*$)")
MIGRATION = re.compile(r"(^|/)migrations/versions/")
# A function of a .pyx file: its header, whatever C type it returns.
CYTHON_HEADER = re.compile(r"^(?P<indent> *)(async )?(def|cpdef|cdef)\b.*\(")


def check(project: Project) -> Iterator[Finding]:
    """Functions and files over their budget, in rooms, tools and tests alike."""
    for source in project.sources(".py", ".pyx"):
        if len(source.lines) > FILE_LINES and not MAY_BE_LONG.search(source.path):
            yield source.finding(1, f"{len(source.lines)} lines; a file has at most {FILE_LINES}")
        for line, name, length in functions(source):
            if length > FUNCTION_LINES and not (name == "upgrade" and MIGRATION.search(source.path)):
                yield source.finding(line, f"{name} has {length} lines; a function has at most {FUNCTION_LINES}")


def functions(source: Source) -> Iterator[tuple[int, str, int]]:
    """Line, name and length of each function."""
    if source.path.endswith(".pyx"):
        yield from _cython_functions(source)
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def _cython_functions(source: Source) -> Iterator[tuple[int, str, int]]:
    """By indentation: a function ends before the first line that is indented no deeper than its header."""
    for number, line in enumerate(source.lines):
        header = CYTHON_HEADER.match(line)
        if not header:
            continue
        last = number
        for following in range(number + 1, len(source.lines)):
            text = source.lines[following]
            if text.strip() and not text.lstrip().startswith((")", "#")) and _indent(text) <= _indent(line):
                break
            if text.strip():
                last = following
        yield number + 1, line.split("(")[0].split()[-1].lstrip("*"), last - number + 1


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
