"""The locks name exact versions and hashes, no place, and everything that pyproject.toml asks for."""

import re
import tomllib
from pathlib import Path

import pytest

from tools.lints.dependencies import canonical

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock", "tools/uv.lock")


def pinned(lock: str) -> dict[str, str]:
    """Canonical name to exact version."""
    text = (ROOT / lock).read_text()
    return {canonical(name): version for name, version in re.findall(r"^([\w.-]+)==([^\s;\\]+)", text, re.MULTILINE)}


def asked(*groups: str) -> set[str]:
    """The names that pyproject.toml asks for: to run, and in these groups."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    entries = [*document["project"]["dependencies"]]
    for group in groups:
        entries += [entry for entry in document["dependency-groups"][group] if isinstance(entry, str)]
    return {canonical(re.split(r"[\[<>=~! ;]", entry)[0]) for entry in entries}


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_place(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert re.findall(r"https?://|file:|@ |--index|--find-links|^-", text, re.MULTILINE) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes(lock: str) -> None:
    blocks = re.split(r"^(?=[\w.-]+==)", (ROOT / lock).read_text(), flags=re.MULTILINE)[1:]
    assert blocks
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_every_direct_dependency_is_pinned() -> None:
    assert asked("build") - pinned("requirements.lock").keys() == set()
    assert asked("build", "dev") - pinned("requirements-dev.lock").keys() == set()


def test_both_locks_agree_on_every_version() -> None:
    development = pinned("requirements-dev.lock")
    differing = {
        name: (version, development.get(name))
        for name, version in pinned("requirements.lock").items()
        if development.get(name) != version
    }
    assert differing == {}


def test_set_up_pins_its_own_installer() -> None:
    assert pinned("tools/uv.lock").keys() == {"uv"}
