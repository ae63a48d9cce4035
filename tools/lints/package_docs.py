"""A folder says what it is for in the first lines of its ``__init__.py``."""

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

from tools.lints import ROOMS, Finding, Project

WORDS = 3  # "Bank formats." names the folder again; it does not say what it is for
DATA_ONLY = {"migrations", "templates", "static", "locale"}


def check(project: Project) -> Iterator[Finding]:
    """Folders with code in the rooms that have no ``__init__.py``, or one that says nothing."""
    folders = {
        PurePosixPath(source.path).parent
        for source in project.sources(".py", ".pyx", rooms=ROOMS)
        if not DATA_ONLY.intersection(PurePosixPath(source.path).parts)
    }
    initials = {PurePosixPath(source.path).parent: source for source in project.sources("__init__.py", rooms=ROOMS)}
    for folder in sorted(folders):
        source = initials.get(folder)
        if source is None:
            yield Finding(f"{folder}/__init__.py", 1, "is missing; it says in its first lines what the folder is for")
        elif len((ast.get_docstring(source.tree) or "").split()) < WORDS:
            yield source.finding(1, "says nothing about what the folder is for")
