"""The manual's table of commands and routes names what there is."""

import re
from pathlib import Path
from typing import Any

import typer

from central.api import create_api
from sgc import build_app

MANUAL = Path(__file__).parents[3] / "docs" / "api.md"


def rows() -> list[tuple[str, str]]:
    text = MANUAL.read_text(encoding="utf-8").partition("| command | route |")[2]
    found = re.findall(r"^\| (.+?) \| (.+?) \|$", text, re.MULTILINE)
    return [(command, route) for command, route in found if not command.startswith("-")]


def test_every_route_in_the_table_is_one() -> None:
    described = create_api().openapi()["paths"]
    routes = {f"{method.upper()} {path}" for path, methods in described.items() for method in methods}
    named = {one for _, cell in rows() for one in re.findall(r"`((?:GET|POST) [^`]+)`", cell)}
    assert len(named) > 60
    assert named - routes == set()


def test_every_command_in_the_table_is_one() -> None:
    known = {" ".join(words) for words in commands(typer.main.get_command(build_app()), ("sgc",))}
    named = set()
    for cell, _ in rows():
        first, *more = re.findall(r"`([^`]+)`", cell) or [""]
        if first:
            named |= {first} | {f"{first.rpartition(' ')[0]} {one}" for one in more}
    assert len(named) > 40
    assert named - known == set()


def commands(command: Any, words: tuple[str, ...]) -> list[tuple[str, ...]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        return [words]
    return [found for name, one in inner.items() for found in commands(one, (*words, name))]
