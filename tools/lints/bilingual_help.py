"""Every command and option explains itself in Spanish and in English: ``Spanish / English``."""

import importlib
from collections.abc import Iterator
from typing import Any

import typer

from tools.lints import Finding, Project

SEPARATOR = " / "
# What typer and click add by themselves.
STANDARD = {"help", "install_completion", "show_completion"}


def check(project: Project) -> Iterator[Finding]:
    """Commands and options whose help is missing or in one language."""
    import sgc

    for module in sgc.COMMANDS:
        path = f"{module.replace('.', '/')}.py"
        app = typer.Typer()
        try:
            importlib.import_module(module).register(app)
        except Exception as error:  # whatever a room raises when it is imported is a finding here
            yield Finding(path, 1, f"has no commands that can be mounted: {error}")
            continue
        if app.registered_commands or app.registered_groups:
            yield from (Finding(path, 1, text) for text in _faults(_group(app), "sgc"))


def _group(app: typer.Typer) -> Any:
    app.callback()(lambda: None)  # one command alone would otherwise be taken for the whole program
    return typer.main.get_command(app)


def _faults(command: Any, name: str) -> Iterator[str]:
    if name != "sgc" and SEPARATOR not in (command.help or ""):
        yield f"{name}: its help is not “Spanish{SEPARATOR}English”: {command.help!r}"
    for parameter in command.params:
        text = getattr(parameter, "help", None) or ""
        if parameter.name not in STANDARD and SEPARATOR not in text:
            yield f"{name} {parameter.opts[0]}: its help is not “Spanish{SEPARATOR}English”: {text!r}"
    for child in getattr(command, "commands", {}).values():
        yield from _faults(child, f"{name} {child.name}")
