"""Every direct dependency has a line in ``docs/dependencies.md`` that says why it is there."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.lints import Finding, Project

DOCUMENT = "docs/dependencies.md"
NAME = re.compile(r"^[A-Za-z0-9._-]+")
ROW = re.compile(r"^\| *`([^`]+)` *\|.*\w.*\|", re.MULTILINE)


def check(project: Project) -> Iterator[Finding]:
    """Dependencies without a line, and lines without a dependency."""
    wanted = direct_dependencies(project.root)
    document = project.root / DOCUMENT
    text = document.read_text(encoding="utf-8") if document.exists() else ""
    explained = {canonical(name) for name in ROW.findall(text)}
    for name in sorted(wanted - explained):
        yield Finding(DOCUMENT, 1, f"has no line on {name}, a dependency in pyproject.toml")
    for name in sorted(explained - wanted):
        yield Finding(DOCUMENT, 1, f"has a line on {name}, which pyproject.toml does not ask for")


def direct_dependencies(root: Path) -> set[str]:
    """The canonical names of everything that pyproject.toml and tools/uv.in ask for."""
    with (root / "pyproject.toml").open("rb") as file:
        document: dict[str, Any] = tomllib.load(file)
    asked = [*document["project"]["dependencies"], *document["build-system"]["requires"]]
    for group in document.get("dependency-groups", {}).values():
        asked += [entry for entry in group if isinstance(entry, str)]
    for extra in document["project"].get("optional-dependencies", {}).values():
        asked += extra
    installer = root / "tools" / "uv.in"
    if installer.exists():
        asked += [line for line in installer.read_text().splitlines() if line and not line.startswith("#")]
    return {canonical(match[0]) for entry in asked if (match := NAME.match(entry))}


def canonical(name: str) -> str:
    """A package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
