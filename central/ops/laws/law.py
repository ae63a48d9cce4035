"""What a law is: a function that looks through one utility's rows and tells a report what it found."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import Session

from central.register import KeyRing

AT_ONCE = 500


@dataclass(slots=True)
class Report:
    """How many things a law looked at, and what breaks it, each named so that it can be found."""

    checked: int = 0
    breaches: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def saw(self, count: int = 1) -> None:
        """So many things were looked at."""
        self.checked += count

    def breach(self, text: str) -> None:
        """Something breaks the law."""
        self.breaches.append(text)

    def note(self, text: str) -> None:
        """Something that limits what the law could see, and breaks nothing."""
        self.notes.append(text)


@dataclass(frozen=True, slots=True)
class Case:
    """What is looked at: one utility of a database, in one consistent snapshot; ``ring`` opens meters' keys."""

    session: Session
    utility_id: int
    ring: KeyRing | None = None


Check = Callable[[Case, Report], None]


@dataclass(frozen=True, slots=True)
class Law:
    """A law by name, in words, and the function that checks it."""

    name: str
    text: str
    check: Check


def pages(case: Case, rows: Select[Any], key: Any, size: int = AT_ONCE) -> Iterator[list[Any]]:
    """Rows in stretches by a growing key, so that a large table never is in memory whole."""
    last = None
    while True:
        stretch = rows if last is None else rows.where(key > last)
        found = case.session.scalars(stretch.order_by(key).limit(size)).all()
        if not found:
            return
        yield list(found)
        last = getattr(found[-1], key.key)
        case.session.expunge_all()
