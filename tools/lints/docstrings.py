"""Every public function of a room says what it does; Ruff's D1 rules see only ``.py`` files, this one all."""

import ast
import re
from collections.abc import Iterator

from tools.lints import ROOMS, Finding, Project, Source

# Migrations are named by what they do; the commands of the command line carry their help in the decorator.
EXEMPT = re.compile(r"/migrations/")
CYTHON_PUBLIC = re.compile(r"^(?:def|cpdef|cdef class)\s(?:[^(]*?\s)?\*?(?P<name>[A-Za-z]\w*)\s*[(:]")


def check(project: Project) -> Iterator[Finding]:
    """Public functions and classes without a docstring."""
    for source in project.sources(".py", ".pyx", rooms=ROOMS):
        if not EXEMPT.search(source.path):
            for line, name in _cython(source) if source.path.endswith(".pyx") else _python(source):
                yield source.finding(line, f"{name} has no docstring (what, shapes, units, errors, the rule's source)")


def _python(source: Source) -> Iterator[tuple[int, str]]:
    for node in source.tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            documented = ast.get_docstring(node) or _has_help(node)
            if not node.name.startswith("_") and not documented:
                yield node.lineno, node.name


def _has_help(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    calls = (decorator for decorator in node.decorator_list if isinstance(decorator, ast.Call))
    return any(keyword.arg == "help" for call in calls for keyword in call.keywords)


def _cython(source: Source) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(source.lines):
        public = CYTHON_PUBLIC.match(line)
        if public and not _has_docstring(source.lines, number):
            yield number + 1, public["name"]


def _has_docstring(lines: list[str], header: int) -> bool:
    """Whether the first line after a header, which may span several, opens a string."""
    number = header
    while number < len(lines) and not lines[number].split("#", 1)[0].rstrip().endswith(":"):
        number += 1
    body = next((line.strip() for line in lines[number + 1 :] if line.strip()), "")
    return body.lstrip("rf").startswith(('"', "'"))
