"""One sheet of cells, whatever file it comes from, and the bounds that every one keeps."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from central.register.errors import RegisterError
from central.register.importing.columns import plain

MOST_COLUMNS, MOST_ROWS = 200, 1_000_000


@dataclass
class Sheet:
    """A table: its heads, and its lines as (number in the file, cells) in order; a formula's cell is a :class:`Bad`."""

    name: str
    heads: list[str]
    lines: Iterator[tuple[int, list["str | Bad"]]]
    decimal: str = ""


@dataclass(frozen=True)
class Bad:
    """A cell that cannot be read: what it shows and the rule."""

    text: str
    rule: str


def checked_heads(heads: list[str], name: str) -> list[str]:
    """The heads of a sheet without empty ones at the end; raises :class:`RegisterError` for two that are the same."""
    while heads and not heads[-1].strip():
        heads.pop()
    if not heads:
        raise RegisterError("file", name, "has no line of heads")
    known = Counter(plain(head) for head in heads if plain(head))
    twice = next((head for head in heads if known[plain(head)] > 1), None)
    if twice is not None:
        raise RegisterError("file", name, f"has two columns {twice!r}")
    return [head.strip() for head in heads]


def refuse_many(name: str, rows: int, columns: int) -> None:
    """Raise :class:`RegisterError` where a sheet is bigger than any register."""
    if columns > MOST_COLUMNS:
        raise RegisterError("file", name, f"has {columns} columns, at most {MOST_COLUMNS} are taken")
    if rows > MOST_ROWS:
        raise RegisterError("file", name, f"has more than {MOST_ROWS} lines; divide it")
