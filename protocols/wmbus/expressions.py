"""Integer expressions of driver files, compiled to the stack code that ``layout`` runs.

The grammar is Python's for integers: ``+ - * // % & | ^ << >> ~``, comparisons, ``and or not``, ``a if c else
b``, names, ``table[index]`` and the functions below. A read behind the block's end makes the whole
expression undefined, and so does a division by zero. ``rec('0413')`` is the integer (or packed date) of
the first record with that header.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Final

Code = list[tuple[int, int]]

OPS: Final = (
    "push", "var", "env", "u", "ub", "i", "ib", "bcd", "bcdb", "table",
    "add", "sub", "mul", "div", "mod", "and", "or", "xor", "shl", "shr", "inv", "neg", "not",
    "eq", "ne", "lt", "le", "gt", "ge", "all", "any", "select", "rec", "root",
)  # fmt: skip
OP: Final = {name: number for number, name in enumerate(OPS)}

# What an expression may ask of the telegram.
ENVIRONMENT: Final = ("length", "ci", "version", "type", "status", "access", "at", "mode")

# Reading functions: (operation, bytes). u16(3) reads two bytes at offset 3, low byte first.
READS: Final = {
    **{f"u{8 * n}": ("u", n) for n in range(1, 9)},
    **{f"i{8 * n}": ("i", n) for n in range(1, 9)},
    **{f"be{8 * n}": ("ub", n) for n in range(2, 9)},
    **{f"ibe{8 * n}": ("ib", n) for n in range(2, 9)},
}

BINARY: Final[dict[type[ast.operator], str]] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.FloorDiv: "div", ast.Mod: "mod",
    ast.BitAnd: "and", ast.BitOr: "or", ast.BitXor: "xor", ast.LShift: "shl", ast.RShift: "shr",
}  # fmt: skip
COMPARE: Final[dict[type[ast.cmpop], str]] = {
    ast.Eq: "eq", ast.NotEq: "ne", ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge",
}  # fmt: skip
UNARY: Final[dict[type[ast.unaryop], str]] = {ast.Invert: "inv", ast.USub: "neg", ast.Not: "not"}
DEEPEST: Final = 24


class ExpressionError(ValueError):
    """An expression that is outside the grammar; the text says which part."""


class Compiler:
    """Compiles expressions against the variables, constants and tables known so far."""

    def __init__(
        self,
        variables: Mapping[str, int],
        tables: Mapping[str, int],
        constants: Mapping[str, int],
        headers: list[bytes],
    ) -> None:
        self._variables = variables
        self._tables = tables
        self._constants = constants
        self._headers = headers

    def compile(self, text: str | int) -> Code:
        """Stack code of an expression. Raises ExpressionError."""
        if isinstance(text, int):
            return [(OP["push"], text)]
        try:
            tree = ast.parse(text.strip(), mode="eval")
        except SyntaxError as error:
            raise ExpressionError(f"{text!r}: {error.msg}") from None
        code: Code = []
        self._node(tree.body, code, 0)
        return code

    def _node(self, node: ast.expr, code: Code, depth: int) -> None:
        if depth > DEEPEST:
            raise ExpressionError("nested too deep")
        match node:
            case ast.Constant(value=int() as value):
                code.append((OP["push"], value))
            case ast.Name(id=name):
                code.append(self._name(name))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in BINARY:
                self._operands(code, depth, left, right)
                code.append((OP[BINARY[type(op)]], 0))
            case ast.UnaryOp(op=sign, operand=operand) if type(sign) in UNARY:
                self._operands(code, depth, operand)
                code.append((OP[UNARY[type(sign)]], 0))
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in COMPARE:
                self._operands(code, depth, left, right)
                code.append((OP[COMPARE[type(op)]], 0))
            case ast.BoolOp(op=kind, values=values):
                self._operands(code, depth, *values)
                code.append((OP["all" if isinstance(kind, ast.And) else "any"], len(values)))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self._operands(code, depth, test, body, orelse)
                code.append((OP["select"], 0))
            case ast.Subscript(value=ast.Name(id=name), slice=index) if name in self._tables:
                self._operands(code, depth, index)
                code.append((OP["table"], self._tables[name]))
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                self._call(name, arguments, code, depth)
            case _:
                raise ExpressionError(f"{ast.unparse(node)!r} is not part of the grammar")

    def _operands(self, code: Code, depth: int, *nodes: ast.expr) -> None:
        for node in nodes:
            self._node(node, code, depth + 1)

    def _name(self, name: str) -> tuple[int, int]:
        if name in self._constants:
            return OP["push"], self._constants[name]
        if name in self._variables:
            return OP["var"], self._variables[name]
        if name in ENVIRONMENT:
            return OP["env"], ENVIRONMENT.index(name)
        raise ExpressionError(f"{name!r} is not known here")

    def _call(self, name: str, arguments: list[ast.expr], code: Code, depth: int) -> None:
        if name == "rec" and len(arguments) == 1:
            code.append((OP["rec"], self._header(arguments[0])))
        elif name in READS and len(arguments) == 1:
            self._operands(code, depth, arguments[0])
            op, size = READS[name]
            code.append((OP[op], size))
        elif name == "root" and len(arguments) == 1:
            self._operands(code, depth, arguments[0])
            code.append((OP["root"], 0))
        elif name in ("bcd", "bcdb") and len(arguments) == 2:
            match arguments[1]:
                case ast.Constant(value=int() as size) if 1 <= size <= 8:
                    self._operands(code, depth, arguments[0])
                    code.append((OP[name], size))
                case _:
                    raise ExpressionError(f"{name}: its second argument is 1 to 8 bytes")
        elif name == "bits" and len(arguments) == 3:
            # bits(value, first, count)
            value, first, count = arguments
            self._operands(code, depth, value, first)
            code.append((OP["shr"], 0))
            match count:
                case ast.Constant(value=int() as width) if 1 <= width <= 62:
                    code += [(OP["push"], (1 << width) - 1), (OP["and"], 0)]
                case _:
                    raise ExpressionError("bits: its third argument is a number of bits")
        else:
            raise ExpressionError(f"{name}() with {len(arguments)} arguments is not a function here")

    def _header(self, node: ast.expr) -> int:
        """Number of the record header that ``rec('0413')`` names."""
        match node:
            case ast.Constant(value=str() as text) if re.fullmatch(r"([0-9A-F]{2}){2,16}", text):
                header = bytes.fromhex(text)
            case _:
                raise ExpressionError("rec: its argument is a record's header in upper-case digits, in quotes")
        if header not in self._headers:
            self._headers.append(header)
        return self._headers.index(header)
