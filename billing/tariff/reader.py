"""Reads a YAML tariff as text nodes that remember their line: no scalar is ever guessed into a number.

Every getter either returns a typed value or raises TariffError naming file, line, field, value and rule. A mapping
must be emptied: a key nobody asked for is an error, so a misspelt key never passes in silence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from typing import Final, NoReturn, TypeVar

import yaml

from billing.money import MoneyError, decimal
from billing.tariff.errors import Problem, TariffError

T = TypeVar("T")
MAX_LENGTH: Final = 1_000_000
MAX_DEPTH: Final = 20


@dataclass(frozen=True, slots=True)
class Value:
    """One node of the file with its place."""

    file: str
    field: str
    node: yaml.Node

    @property
    def line(self) -> int:
        """The line, counted from 1."""
        return int(self.node.start_mark.line) + 1

    @property
    def is_mapping(self) -> bool:
        """Whether it has keys."""
        return isinstance(self.node, yaml.MappingNode)

    @property
    def is_list(self) -> bool:
        """Whether it is a list."""
        return isinstance(self.node, yaml.SequenceNode)

    def fail(self, rule: str) -> NoReturn:
        """Refuse this value."""
        raise TariffError([self.problem(rule)])

    def problem(self, rule: str) -> Problem:
        """What is wrong with this value."""
        return Problem(self.file, self.line, self.field or "file", _brief(self.node), rule)

    def text(self) -> str:
        """The words as written, never empty."""
        if not isinstance(self.node, yaml.ScalarNode):
            self.fail("must be a single value")
        words = " ".join(str(self.node.value).split())
        return words or self.fail("must not be empty")

    def choice(self, options: Mapping[str, T]) -> T:
        """One of the named options."""
        word = self.text()
        if word not in options:
            self.fail(f"must be one of {', '.join(options)}")
        return options[word]

    def flag(self) -> bool:
        """``yes`` or ``no``."""
        return self.choice({"yes": True, "no": False, "true": True, "false": False})

    def decimal(self, places: int = 6) -> Decimal:
        """An exact number of at most ``places`` decimals."""
        try:
            number = decimal(self.text())
        except MoneyError as error:
            self.fail(str(error))
        if number != round(number, places):
            self.fail(f"must have at most {places} decimals")
        return number

    def day(self) -> date:
        """A date like 2024-01-31."""
        try:
            return date.fromisoformat(self.text())
        except ValueError:
            self.fail("must be a date like 2024-01-31")

    def items(self) -> list["Value"]:
        """The entries of a list that is not empty."""
        if not isinstance(self.node, yaml.SequenceNode) or not self.node.value:
            self.fail("must be a list with at least one entry")
        return [Value(self.file, f"{self.field}[{i}]", node) for i, node in enumerate(self.node.value)]

    def one_or_many(self) -> list["Value"]:
        """The entries of a list, or the single value as a list of one."""
        return self.items() if self.is_list else [self]

    def pairs(self) -> list[tuple["Value", "Value"]]:
        """Keys and values of a mapping in file order; a repeated key is an error."""
        if not isinstance(self.node, yaml.MappingNode) or not self.node.value:
            self.fail("must be a list of keys with their values")
        seen: set[str] = set()
        pairs = []
        for key_node, value_node in self.node.value:
            key = Value(self.file, self.field, key_node)
            name = key.text()
            if name in seen:
                key.fail("is given twice")
            seen.add(name)
            pairs.append((key, Value(self.file, _join(self.field, name), value_node)))
        return pairs

    def keys(self) -> "Keys":
        """This mapping, to be read key by key."""
        return Keys(self)


class Keys:
    """A mapping read key by key; leaving the ``with`` block complains about what nobody asked for."""

    def __init__(self, value: Value) -> None:
        self.place = value
        self._left = {key.text(): (key, item) for key, item in value.pairs()}
        self._asked: list[str] = []

    def __enter__(self) -> "Keys":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is None:
            self.finish()

    def need(self, key: str) -> Value:
        """The value of a key that must be there."""
        return self.take(key) or self.lacks(key)

    def lacks(self, key: str, why: str = "") -> NoReturn:
        """Complain about a key that is absent, and about the one that may have been meant."""
        meant = get_close_matches(key, self._left, 1)
        hint = f" (is {meant[0]} meant?)" if meant else ""
        self.place.fail(f"lacks {key}{hint}{why}")

    def take(self, key: str) -> Value | None:
        """The value of a key that may be there."""
        self._asked.append(key)
        found = self._left.pop(key, None)
        return found[1] if found else None

    def text(self, key: str, default: str = "") -> str:
        """The words of a key that may be absent."""
        value = self.take(key)
        return value.text() if value else default

    def day(self, key: str) -> date | None:
        """The date of a key that may be absent."""
        value = self.take(key)
        return value.day() if value else None

    def finish(self) -> None:
        """Complain about keys that nobody asked for."""
        known = ", ".join(dict.fromkeys(self._asked))
        if self._left:
            raise TariffError([key.problem(_unknown(key.text(), known)) for key, _ in self._left.values()])


def read(text: str, name: str) -> Value:
    """The one document of a file as a node; not YAML, or YAML beyond plain keys, lists and text, is a TariffError."""
    if len(text) > MAX_LENGTH:
        raise TariffError([Problem(name, 1, "file", f"{len(text)} characters", f"at most {MAX_LENGTH}")])
    try:
        _scan(text, name)
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise TariffError([_syntax(error, name)]) from error
    if node is None:
        raise TariffError([Problem(name, 1, "file", "''", "must not be empty")])
    return Value(name, "", node)


def _scan(text: str, name: str) -> None:
    """Look at the file as a flat stream before it is built into nodes, which costs stack for every level."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        _refuse_references(event, name)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            line = int(event.start_mark.line) + 1 if event.start_mark else 1
            raise TariffError([Problem(name, line, "file", "nesting", f"at most {MAX_DEPTH} levels")])


def _refuse_references(event: yaml.Event, name: str) -> None:
    """Anchors, aliases and tags would let a value come from another line than the one a person reads."""
    anchor = getattr(event, "anchor", None)
    tag = getattr(event, "tag", None)
    if anchor or (tag and tag != "!"):
        line = int(event.start_mark.line) + 1 if event.start_mark else 1
        raise TariffError(
            [Problem(name, line, "file", f"{anchor or tag!r}", "anchors, aliases and tags are not allowed")]
        )


def _syntax(error: yaml.YAMLError, name: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read"
    return Problem(name, int(mark.line) + 1 if mark else 1, "file", "YAML", str(what))


def _unknown(key: str, known: str) -> str:
    if key.isdecimal():  # {price: 0,4375} reads as a price of 0 and a key 4375
        return "is not a known key here; decimals are written with a point"
    return f"is not a known key here; known: {known}"


def _brief(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return repr(node.value if len(node.value) <= 60 else node.value[:57] + "...")
    return "list" if isinstance(node, yaml.SequenceNode) else "keys"


def _join(field: str, name: str) -> str:
    return f"{field}.{name}" if field else name
