"""Refusals in Spanish. The rooms below refuse in English, for logs, programs and commands: field, value and rule.

``locale/es/*.toml`` hold the rules, each with its gaps, and ``fields.toml`` the names of fields. A gap's name says how
what fills it is worded: a state by its word, ``told`` by looking it up again. ``tests/portal/test_refusals.py`` reads
the rules out of the rooms' source, and fails for one that has no Spanish.
"""

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path

from billing.tariff.facts import FACTS
from portal import cases, fieldwork, formats, quality, words

PLACE = Path(__file__).parent / "locale" / "es"
_GAP = re.compile(r"\{(\w+)\}")
_QUOTED = re.compile(r"""'[^']*'|"[^"]*\"""")
# RegisterError: ``field: repr of the value, rule``.
_STRUCTURED = re.compile(
    r"""(?P<field>[\w.]+):\ (?P<value>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|None|True|False|-?\d+|\[\]),\ (?P<rule>.+)""",
    re.VERBOSE | re.DOTALL,
)
# Others: ``field value: rule``, ``field: value: rule``, ``field: rule``.
_FIELD = re.compile(r"[\w.]+")
_COUNTED = re.compile(r"(\d+) characters")
# No rule is this long; what people type may be, and is not searched through.
LONGEST = 1_000
MOST_MARKS = 20
_NOTHING = ("", "(empty)", "(none)", "(missing)", "(incomplete)")
WORDS: Mapping[str, Mapping[str, str]] = {
    "case_state": cases.STATES,
    "case.state": cases.STATES,
    "import_state": quality.IMPORTS,
    "lacking": {"holder": "titular", "terms": "condiciones"},
    "missing": cases.MISSING,
    "order_kind": fieldwork.ORDER_KINDS,
    "order.kind": fieldwork.ORDER_KINDS,
    "order.status": fieldwork.ORDER_STATES,
    "outcome": fieldwork.OUTCOMES,
    "procedure": cases.PROCEDURES,
    "report.status": fieldwork.REPORT_STATES,
    "route.status": fieldwork.ROUTE_STATES,
    "run_status": words.RUN_STATES,
    "fact": {name: fact.spanish for name, fact in FACTS.items()},
    "from_status": words.RUN_STATES,
    "to_status": words.RUN_STATES,
    "sheet": quality.SECTIONS,
    "source": cases.SOURCES,
    "closing.source": cases.SOURCES,
}


@dataclass(frozen=True)
class Entry:
    """An English text with its gaps as a pattern, and its Spanish."""

    pattern: re.Pattern[str]
    spanish: str
    order: tuple[bool, int]

    @classmethod
    def of(cls, english: str, spanish: str) -> "Entry":
        """The entry of a line of a catalogue."""
        parts = _GAP.split(english)
        pattern = "".join(f"(?P<{part}>.*?)" if at % 2 else re.escape(part) for at, part in enumerate(parts))
        return cls(re.compile(pattern, re.DOTALL), spanish, (not parts[0], -sum(map(len, parts[::2]))))


@cache
def catalogue(*names: str) -> tuple[Entry, ...]:
    """The entries of some files in their order: those that begin with a gap last, and before it those that say more.

    So a gap never swallows what another entry says.
    """
    lines = [line for name in names for line in tomllib.loads((PLACE / name).read_text()).items()]
    return tuple(sorted((Entry.of(*line) for line in lines), key=lambda entry: entry.order))


@cache
def files() -> tuple[str, ...]:
    """The names of the catalogues of rules."""
    return tuple(sorted(path.name for path in PLACE.glob("*.toml") if path.name != "fields.toml"))


def in_spanish(text: str) -> str:
    """A refusal as the rooms below tell it, in Spanish; a text that no catalogue knows stays as it is."""
    said = _translated(text)
    return text if said is None else said[:1].upper() + said[1:]


def refusal(field: str, value: object, rule: str) -> str:
    """A refusal in Spanish out of its parts: ``Código postal «3698»: debe ser un código de 5 cifras``."""
    name, shown, said = parts(field, value, rule)
    return f"{name} «{shown}»: {said}" if shown else f"{name}: {said}"


def parts(field: str, value: object, rule: str) -> tuple[str, str, str]:
    """Field, value and rule, each in Spanish; what no catalogue knows stays as it is."""
    shown = "" if value in (None, *_NOTHING, []) else _worded(field, str(value))
    return field_name(field), shown, _find(rule, files()) or rule


def field_name(field: str) -> str:
    """What a field is called."""
    return _find(field, ("fields.toml",)) or field


def _translated(text: str) -> str | None:
    """By its parts where they are sure, else as a catalogue has it whole, else by the parts it may have."""
    sure = _structured(text)
    if sure and _find(sure[2], files()) is not None:
        return refusal(*sure)
    whole = _find(text, files(), from_the_start=True)
    if whole is not None:
        return whole
    for field, value, rule in _loose(text):
        if _find(rule, files()) is not None:
            return refusal(field, value, rule)
    whole = _find(text, files())
    if whole is None and sure:
        return refusal(*sure)  # a rule that is Spanish already, as those of the law on cuts
    return whole


def _structured(text: str) -> tuple[str, object, str] | None:
    """Field, value and rule of a RegisterError."""
    found = _STRUCTURED.fullmatch(text)
    return (found["field"], ast.literal_eval(found["value"]), found["rule"]) if found else None


def _loose(text: str) -> Iterator[tuple[str, str, str]]:
    """Each way in which a text may be a field, a value and a rule."""
    field = _FIELD.match(text)
    if field is None:
        return
    rest = text[field.end() :]
    for mark in islice(re.finditer(r": |, ", rest), MOST_MARKS):
        yield field[0], rest[: mark.start()].removeprefix(":").strip(), rest[mark.end() :]


# A file of fates says the same few things of many rows.
@lru_cache(maxsize=4096)
def _find(text: str, names: tuple[str, ...], *, from_the_start: bool = False) -> str | None:
    """What a catalogue says for a text; ``from_the_start`` asks only entries that do not begin with a gap."""
    for entry in catalogue(*names) if len(text) <= LONGEST else ():
        found = None if from_the_start and entry.order[0] else entry.pattern.fullmatch(text)
        if found:
            return entry.spanish.format(**{name: _worded(name, said) for name, said in found.groupdict().items()})
    return None


def _worded(name: str, said: str) -> str:
    """What fills a gap or a field, as a person reads it."""
    if name == "told":
        return _translated(said) or said
    text = said[1:-1] if _QUOTED.fullmatch(said) else said
    known = WORDS.get(name)
    if known is not None:
        return ", ".join(known.get(one, one) for one in text.split(", "))
    return _COUNTED.sub(r"\1 caracteres", _dated(text))


def _dated(text: str) -> str:
    """A day or an instant as it is written here; anything else as it stands."""
    try:
        if len(text) == len("2026-01-31"):
            return formats.day(date.fromisoformat(text))
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return formats.moment(at) if at.tzinfo is not None else text


FILTERS = {"field_name": field_name, "in_spanish": in_spanish, "refusal": refusal}
