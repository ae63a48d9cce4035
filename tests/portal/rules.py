"""The rules that the code states in its errors, read from its source."""

import ast
from collections.abc import Iterator
from itertools import product
from pathlib import Path

ROOT = Path(__file__).parents[2]


def stated(roots: tuple[str, ...], errors: dict[str, int]) -> Iterator[tuple[str, str]]:
    """(where, text) of every text given to an error, with ``{}`` for what is filled in; ``errors``: name → argument."""
    for where, call, functions in _calls(roots):
        name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
        if name in errors and len(call.args) > errors[name]:
            for text in _texts(call.args[errors[name]], functions):
                yield f"{where}:{call.lineno}", text


def fields(roots: tuple[str, ...], errors: dict[str, int]) -> Iterator[tuple[str, str]]:
    """(where, name) of every field that is named to an error, or to a check of :mod:`central.register.identifiers`."""
    for where, call, functions in _calls(roots):
        name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
        checks = isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "check"
        if (checks or name in errors) and call.args:
            for text in _texts(call.args[0], functions):
                yield f"{where}:{call.lineno}", text


def _calls(roots: tuple[str, ...]) -> Iterator[tuple[str, ast.Call, list[ast.AST]]]:
    """Every call, with the functions (and the module) around it, the innermost first."""
    for root in roots:
        for path in sorted((ROOT / root).rglob("*.py")) if (ROOT / root).is_dir() else [ROOT / root]:
            where = str(path.relative_to(ROOT))
            yield from ((where, call, around) for call, around in _within(ast.parse(path.read_text()), []))


def _within(node: ast.AST, around: list[ast.AST]) -> Iterator[tuple[ast.Call, list[ast.AST]]]:
    if isinstance(node, ast.Module | ast.FunctionDef):
        around = [node, *around]
    if isinstance(node, ast.Call):
        yield node, around
    for child in ast.iter_child_nodes(node):
        yield from _within(child, around)


def _texts(said: ast.expr, around: list[ast.AST]) -> Iterator[str]:
    """What an expression may say; ``{}`` where that is only known when it runs."""
    if isinstance(said, ast.Constant):
        yield str(said.value)
    elif isinstance(said, ast.JoinedStr):
        pieces = [list(_texts(part, around)) for part in said.values]
        yield from ("".join(one) for one in product(*pieces))
    elif isinstance(said, ast.FormattedValue):
        told = isinstance(said.value, ast.Name) and said.value.id in ("rule", "stated")
        yield from _texts(said.value, around) if told else ["{}"]
    elif isinstance(said, ast.IfExp):
        yield from _texts(said.body, around)
        yield from _texts(said.orelse, around)
    elif isinstance(said, ast.Name) and (given := _given(said.id, around)):
        for one in given:
            yield from _texts(one, around)
    else:
        yield "{}"


def _given(name: str, around: list[ast.AST]) -> list[ast.expr]:
    """What is assigned to a name, in the nearest function that does."""
    for function in around:
        found = [
            node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and any(isinstance(to, ast.Name) and to.id == name for to in node.targets)
        ]
        if found:
            return found
    return []
