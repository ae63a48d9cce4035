"""House rules that no off-the-shelf linter knows, one file each.

Every module here has ``check(project) -> Iterator[Finding]`` and is run by ``python -m tools.lints``; a new
rule is a new file, and a test beside the others in ``tests/tools``.
"""

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

# Every package that is part of the product; tests, tools and benchmarks are not.
ROOMS = ("protocols", "billing", "firmware_sim", "edge", "central", "portal", "demo")
# What building, checking and running leave behind, as in .gitignore.
MADE_FOLDERS = re.compile(r"\.(?!ci$)|(build|dist|__pycache__|var|mutants)$|demo-town|.*\.egg-info$")
MADE_FILES = {".so", ".pyc"}


@dataclass(frozen=True, order=True)
class Finding:
    """One breach of a rule: where it is and what the rule says."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


class Source:
    """One text file of the project; ``path`` is relative to its root, with forward slashes."""

    def __init__(self, root: Path, path: str) -> None:
        self.path = path
        self.file = root / path
        self.room = path.split("/", 1)[0] if "/" in path else ""

    @cached_property
    def text(self) -> str:
        """The whole text."""
        return self.file.read_text(encoding="utf-8")

    @cached_property
    def lines(self) -> list[str]:
        """The text, line by line."""
        return self.text.splitlines()

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree of a ``.py`` file."""
        return ast.parse(self.text, self.path)

    def finding(self, line: int, text: str) -> Finding:
        """A finding in this file."""
        return Finding(self.path, line, text)


class Project:
    """The files of one checkout."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def paths(self) -> list[str]:
        """Every file that is or would be committed, sorted; without git, everything that nothing has made."""
        if (self.root / ".git").exists() and shutil.which("git"):
            command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
            done = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)
            if done.returncode == 0:  # git refuses a checkout that belongs to somebody else
                return sorted(path for path in done.stdout.splitlines() if (self.root / path).is_file())
        return sorted(self._walk(self.root))

    def _walk(self, folder: Path) -> Iterator[str]:
        for path in folder.iterdir():
            if path.is_dir() and not MADE_FOLDERS.match(path.name):
                yield from self._walk(path)
            elif path.is_file() and path.suffix not in MADE_FILES:
                yield path.relative_to(self.root).as_posix()

    def sources(self, *suffixes: str, rooms: tuple[str, ...] = ()) -> Iterator[Source]:
        """The files with one of these suffixes, of all rooms or of the given ones."""
        for path in self.paths:
            source = self._sources[path]
            if path.endswith(suffixes) and (not rooms or source.room in rooms):
                yield source

    @cached_property
    def _sources(self) -> dict[str, Source]:
        return {path: Source(self.root, path) for path in self.paths}
