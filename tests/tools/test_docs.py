"""What the documents say is there: commands, targets, links, words."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

import sgc

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
READMES = ("README.md", "README.es.md")


def commands(node: Any, words: tuple[str, ...] = ()) -> set[str]:
    """Every command of the tree, as the words a person types."""
    children = getattr(node, "commands", {})
    runs = not children or getattr(node, "invoke_without_command", False)
    found = {" ".join(words)} if runs and words else set()
    return found.union(*(commands(child, (*words, name)) for name, child in children.items()))


def slug(heading: str) -> str:
    """The anchor of a heading, as hosting sites make it."""
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


@pytest.mark.parametrize("name", READMES)
def test_every_command_of_the_readme_exists(name: str) -> None:
    known = commands(typer.main.get_command(sgc.build_app()))
    named = re.findall(r"\bsgc ((?:[a-z]+ ?)+)", "\n".join(re.findall(r"`+[^`]+`+", (ROOT / name).read_text())))
    assert named
    missing = [text for text in named if not any(_begins(text.split(), command.split()) for command in known)]
    assert missing == []


def _begins(words: list[str], command: list[str]) -> bool:
    return words[: len(command)] == command


@pytest.mark.parametrize("name", [*READMES, "CONTRIBUTING.md"])
def test_every_make_target_named_exists(name: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / name).read_text(), re.MULTILINE))
    assert named
    assert named - targets == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_resolves(document: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        path, _, anchor = target.partition("#")
        if path.startswith(("http://", "https://", "mailto:")):
            continue
        file = (document.parent / path).resolve() if path else document
        if not file.exists() or (anchor and anchor not in _anchors(file)):
            broken.append(target)
    assert broken == []


def _anchors(document: Path) -> set[str]:
    return {slug(heading) for heading in re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)}


def test_both_readmes_tell_the_same() -> None:
    english, spanish = ((ROOT / name).read_text() for name in READMES)
    for pattern in (r"^#+ ", r"^```", r"^\|", r"!\["):
        counts = [len(re.findall(pattern, text, re.MULTILINE)) for text in (english, spanish)]
        assert counts[0] == counts[1], pattern


def test_glossary_has_every_row_whole() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (ROOT / "docs" / "glossary.md").read_text().splitlines()
        if line.startswith("|") and not re.match(r"\|(-|English)", line.replace(" ", ""))
    ]
    assert len(rows) >= 60
    assert [row for row in rows if len(row) != 3 or not row[0] or not row[1]] == []
    english = [row[0] for row in rows]
    assert [word for word in english if english.count(word) > 1] == []


def test_decode_example_of_the_readme_works() -> None:
    telegram = re.findall(r"^echo ([0-9a-f]+) \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    command = [sys.executable, str(ROOT / "sgc.py"), "decode"]
    done = subprocess.run(command, input=telegram[0], capture_output=True, text=True, check=True)
    decoded = json.loads(done.stdout)
    assert decoded["ok"]
    assert decoded["fields"]["total_m3"] == "466.472"
