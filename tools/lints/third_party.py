"""What a room imports is a dependency to run, not one that happens to be installed; and none is left unused."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

from tools.lints import ROOMS, Finding, Project, Source
from tools.lints.dependencies import NAME, canonical

# Part of the interface of the library that brings them.
COMES_WITH = {"markupsafe": "jinja2", "paho-mqtt": "aiomqtt", "pydantic": "fastapi", "starlette": "fastapi"}
# Needed without ever being imported by name: FastAPI reads forms with one, SQLAlchemy loads the other by its URL.
UNSEEN = {"python-multipart", "psycopg"}
CYTHON_IMPORT = re.compile(r"^\s*(?:from|import|cimport)\s+(\w+)", re.MULTILINE)
CYTHON_OWN = {"libc", "libcpp", "cpython", "posix", "cython"}


def check(project: Project) -> Iterator[Finding]:
    """Imports of what pyproject.toml does not ask for to run, and what it asks for in vain."""
    wanted = _to_run(project.root)
    used: set[str] = set()
    for source in project.sources(".py", ".pyx", rooms=ROOMS):
        for line, package in _imports(source):
            used |= {package, COMES_WITH.get(package, package)}
            if COMES_WITH.get(package, package) not in wanted:
                yield source.finding(line, f"imports {package}, which is no dependency to run in pyproject.toml")
    for package in sorted(wanted - used - UNSEEN):
        yield Finding("pyproject.toml", 1, f"asks for {package}, which no room imports")


def _to_run(root: Path) -> set[str]:
    with (root / "pyproject.toml").open("rb") as file:
        asked = tomllib.load(file)["project"]["dependencies"]
    return {canonical(match[0]) for entry in asked if (match := NAME.match(entry))}


@cache
def _distributions() -> Mapping[str, list[str]]:
    return packages_distributions()


def _imports(source: Source) -> Iterator[tuple[int, str]]:
    """Line and distribution of every import from outside the project and the standard library."""
    own = {*ROOMS, *sys.stdlib_module_names, *CYTHON_OWN, "sgc"}
    for line, module in _python(source) if source.path.endswith(".py") else _cython(source):
        if module not in own:
            yield line, canonical(_distributions().get(module, [module])[0])


def _python(source: Source) -> Iterator[tuple[int, str]]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module.split(".")[0]


def _cython(source: Source) -> Iterator[tuple[int, str]]:
    for found in CYTHON_IMPORT.finditer(source.text):
        yield source.text.count("\n", 0, found.start(1)) + 1, found[1]
