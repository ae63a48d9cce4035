"""Formulas in a tariff: arithmetic on exact fractions, read by ``simpleeval`` and checked when the file is loaded.

Allowed: numbers, the names the tariff may use, ``+ - * /``, squares and cubes, comparisons, ``a if c else b``, ``and``,
``or``, ``not`` and the functions ``max``, ``min``, ``ceil``, ``floor`` and, in a fee,
``amount``: its own table, for the supply or for another key as in ``amount(15)``.
"""

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from simpleeval import InvalidExpression, SimpleEval  # type: ignore[import-untyped]

from billing.tariff.reader import Value

_NUMBER = re.compile(r"\d{1,12}(\.\d{1,9})?", re.ASCII)
MAX_LENGTH: Final = 300
OPERATORS: Final = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.Not: operator.not_,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
FUNCTIONS: Final[dict[str, Callable[..., Fraction]]] = {
    "max": lambda *values: max(values),
    "min": lambda *values: min(values),
    "ceil": lambda value: Fraction(math.ceil(value)),
    "floor": lambda value: Fraction(math.floor(value)),
}
SHAPES: Final = (ast.Expression, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Call, ast.Name)
LEAVES: Final = (ast.Constant, ast.Load, ast.And, ast.Or, *OPERATORS)


class FormulaError(ValueError):
    """A formula that has no value for this supply, such as a division by zero."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked formula; ``names`` are the values it needs."""

    text: str
    names: frozenset[str]
    calls: frozenset[str]

    def value(self, names: Mapping[str, Fraction], functions: Mapping[str, Callable[..., Fraction]]) -> Fraction:
        """The exact value; FormulaError when it has none."""
        evaluator = _Exact(self.text, dict(names), {**FUNCTIONS, **functions})
        try:
            return Fraction(evaluator.eval(self.text))
        except (ArithmeticError, InvalidExpression, TypeError, ValueError) as error:
            raise FormulaError(f"{self.text}: {error}") from error


class _Exact(SimpleEval):  # type: ignore[misc]
    """simpleeval with every number read from its own text, so that 0.1 is one tenth."""

    def __init__(self, text: str, names: dict[str, Fraction], functions: Mapping[str, Callable[..., Fraction]]) -> None:
        super().__init__(operators=OPERATORS, functions=functions, names=names)
        self.nodes[ast.Constant] = lambda node: Fraction(_source(text, node))


def expression(value: Value, names: frozenset[str], functions: frozenset[str] = frozenset()) -> Expression:
    """The formula written in ``value``; what it may not contain is named with its rule."""
    text = value.text()
    if len(text) > MAX_LENGTH:
        value.fail(f"a formula has at most {MAX_LENGTH} characters")
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        value.fail("must be a number or a formula like A * connection_mm + B")
    callees = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in callees}
    calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    for node in ast.walk(tree):
        _check_node(node, text, value)
    _check_names(used, names, "name", value)
    _check_names(calls, functions | frozenset(FUNCTIONS), "function", value)
    return Expression(text, frozenset(used), frozenset(calls))


def _check_node(node: ast.AST, text: str, value: Value) -> None:
    if not isinstance(node, SHAPES + LEAVES):
        value.fail(f"{type(node).__name__} is not allowed in a formula")
    if isinstance(node, ast.Constant) and not _NUMBER.fullmatch(_source(text, node)):
        value.fail(f"{_source(text, node)!r} is not a plain number")
    if isinstance(node, ast.Call) and (node.keywords or not isinstance(node.func, ast.Name)):
        value.fail("a function is called by its name with plain values")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        exponent = node.right
        if not (isinstance(exponent, ast.Constant) and _source(text, exponent) in ("2", "3")):
            value.fail("only squares (** 2) and cubes (** 3) are allowed")


def _check_names(used: set[str], known: frozenset[str], what: str, value: Value) -> None:
    for name in sorted(used - known):
        value.fail(f"{name} is not a known {what} here; known: {', '.join(sorted(known))}")


def _source(text: str, node: ast.expr) -> str:
    return ast.get_source_segment(text, node) or ""
