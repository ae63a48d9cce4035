"""Driver files: one YAML file for each family of meters, compiled to tables when first needed.

``drivers/README.md`` describes the format. Every mistake in a file is a DriverError that names the
file, the place in it and the rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Final

from protocols.wmbus import fieldnames, known_formats, tables
from protocols.wmbus.expressions import Code, Compiler, ExpressionError

ANY: Final = 0x100
NO_CODE: Final = -1
BLOCKS: Final = {"payload": 0, "manufacturer": 1, "frame": 3}
BLOCK_RECORD: Final = 2
# Kind of item by the key that gives its value: (number, least and most operands).
KINDS: Final[dict[str, tuple[int, int, int]]] = {
    "value": (1, 1, 1),
    "date": (2, 3, 3),
    "datetime": (3, 5, 6),
    "date_g": (4, 1, 1),
    "datetime_f": (5, 1, 1),
    "epoch": (6, 1, 1),
    "months": (7, 2, 2),
    "hours": (8, 2, 2),
    "real": (9, 1, 1),
    "text": (10, 2, 2),
}
LET, NUMBER, LABEL, ALARM = 0, 1, 11, 12
ITEM_KEYS: Final = {
    *KINDS, "scale", "when", "valid", "storage", "tariff", "subunit", "function", "quantity",
    "qualifier", "labels", "repeat", "decimals", "hidden", "unset",
}  # fmt: skip
LAYOUT_KEYS: Final = {"block", "when", "sizes", "read", "tags", "start", "stop", "instead_of_records"}
FUNCTIONS: Final = {"instantaneous": 0, "maximum": 1, "minimum": 2}
DRIVER_KEYS: Final = {
    "driver", "title", "notes", "meters", "medium", "compact_formats", "fields", "alarms", "layouts",
    "tables", "seal", "unset",
}  # fmt: skip
NAME: Final = re.compile(r"[a-z][a-z0-9_]*(\{n([+-]\d+)?\}[a-z0-9_]*)*")
REPEATED: Final = re.compile(r"\{n([+-]\d+)?\}")


class DriverError(ValueError):
    """A driver file with a mistake; the text names file, place and rule."""


@dataclass(slots=True)
class Item:
    """One thing a layout yields; the fields are those of ``layout.Item``."""

    kind: int
    operands: list[int] = field(default_factory=list)
    name: int = 0
    quantity: int = 0
    unit: int = 0
    function: int = 0
    qualifier: int = 0
    hidden: bool = False
    variable: int = -1
    exponent: int = 0
    when: int = NO_CODE
    valid: int = NO_CODE
    unset: int = NO_CODE
    num: int = 1
    den: int = 1
    storage: int = 0
    tariff: int = 0
    subunit: int = 0
    labels: tuple[int, int] = (0, 0)


@dataclass(slots=True)
class Layout:
    """One proprietary layout; the fields are those of ``layout.Layout``."""

    block: int
    header: bytes
    replaces: bool
    when: int
    fits: int
    items: tuple[int, int]
    start: int
    stop: int
    tags: tuple[int, int]


@dataclass(slots=True)
class Alarm:
    """One value whose bits are alarms, or records whose numbers may stand for none."""

    source: int
    header: bytes
    quantity: int
    code: int
    labels: tuple[int, int]


@dataclass(slots=True)
class Driver:
    """One family."""

    name: str
    title: str
    medium: int
    layouts: tuple[int, int]
    alarms: tuple[int, int]
    seal: tuple[int, int, int, int]
    alarm_names: list[str]
    rules: list[fieldnames.Rule]


@dataclass(slots=True)
class Compiled:
    """All driver files as flat tables."""

    codes: list[Code] = field(default_factory=list)
    tables: list[list[int]] = field(default_factory=list)
    headers: list[bytes] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    labels: list[tuple[int, int, int]] = field(default_factory=list)
    tags: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    layouts: list[Layout] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    drivers: list[Driver] = field(default_factory=list)
    matches: list[tuple[int, int, int, int, int, int]] = field(default_factory=list)
    names: list[str] = field(default_factory=lambda: [""])
    formats: list[bytes] = field(default_factory=list)


def compile_all(texts: Iterable[tuple[str, str]]) -> Compiled:
    """Compile driver files given as (file name, YAML text). Raises DriverError."""
    # Imported here: a decoder whose tables are kept does without it.
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    out = Compiled()
    seen: dict[str, str] = {}
    for file, text in texts:
        try:
            content = yaml.load(text, Loader=loader)  # noqa: S506 - a safe loader, in C where it is built
        except yaml.YAMLError as error:
            raise DriverError(f"{file}: {error}") from None
        family = Family(file, content, out)
        if family.name in seen:
            raise DriverError(f"{file}: driver {family.name!r} is already in {seen[family.name]}")
        seen[family.name] = file
        family.compile()
    return out


def read_files() -> list[tuple[str, str]]:
    """The driver files that come with the decoder: (file name, text), by name."""
    folder = resources.files("protocols.wmbus") / "drivers"
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".yaml")), key=lambda e: e.name)
    return [(entry.name, entry.read_text("utf-8")) for entry in files]


class Family:
    """Compiles one driver file into the common tables."""

    def __init__(self, file: str, content: object, out: Compiled) -> None:
        self._file = file
        self._out = out
        self._content = self._mapping(content, "file", DRIVER_KEYS)
        self.name = str(self._content.get("driver", ""))
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise self._error("driver", f"{self.name!r} is not a lower-case name")
        self._tables: dict[str, int] = {}
        self._alarms: list[str] = []

    def compile(self) -> None:
        """Add the family to the tables."""
        index = len(self._out.drivers)
        for name, values in self._mapping(self._content.get("tables") or {}, "tables").items():
            self._tables[name] = len(self._out.tables)
            self._out.tables.append([int(value) for value in values])
        layouts = self._list(self._content.get("layouts") or [], "layouts")
        first_layout = len(self._out.layouts)
        compiled = [self._layout(entry, f"layouts[{i}]") for i, entry in enumerate(layouts)]
        self._out.layouts += compiled
        alarms = self._list(self._content.get("alarms") or [], "alarms")
        first_alarm = len(self._out.alarms)
        self._out.alarms += [self._alarm(entry, f"alarms[{i}]") for i, entry in enumerate(alarms)]
        unset = self._list(self._content.get("unset") or [], "unset")
        self._out.alarms += [self._unset(entry, f"unset[{i}]") for i, entry in enumerate(unset)]
        self._out.drivers.append(
            Driver(
                self.name,
                str(self._content.get("title", "")),
                self._medium(),
                (first_layout, len(layouts)),
                (first_alarm, len(alarms) + len(unset)),
                self._seal(),
                self._alarms,
                self._rules(),
            )
        )
        self._matches(index)
        for text in self._list(self._content.get("compact_formats") or [], "compact_formats"):
            self._out.formats.append(self._hex(text, "compact_formats"))

    def _error(self, place: str, rule: str) -> DriverError:
        return DriverError(f"{self._file}: {place}: {rule}")

    def _mapping(self, value: object, place: str, keys: Iterable[str] | None = None) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise self._error(place, "must be a mapping")
        unknown = set(map(str, value)) - set(keys) if keys is not None else set()
        if unknown:
            raise self._error(place, f"unknown key {min(unknown)!r}")
        return {str(key): entry for key, entry in value.items()}

    def _list(self, value: object, place: str) -> list[Any]:
        if not isinstance(value, list):
            raise self._error(place, "must be a list")
        return value

    def _hex(self, text: object, place: str) -> bytes:
        try:
            return bytes.fromhex(str(text))
        except ValueError:
            raise self._error(place, f"{text!r} is not hexadecimal; put it in quotes") from None

    def _code(self, text: object, place: str, variables: Mapping[str, int], n: int | None = None) -> int:
        """Compile an expression; its index."""
        if not isinstance(text, (str, int)) or isinstance(text, bool):
            raise self._error(place, f"{text!r} is not an expression")
        constants = {} if n is None else {"n": n}
        try:
            code = Compiler(variables, self._tables, constants, self._out.headers).compile(text)
        except ExpressionError as error:
            raise self._error(place, str(error)) from None
        self._out.codes.append(code)
        return len(self._out.codes) - 1

    def _medium(self) -> int:
        medium = self._content.get("medium")
        if medium is None:
            return -1
        for code, name in tables.MEDIA.items():
            if name == medium:
                return code
        raise self._error("medium", f"{medium!r} is none of {', '.join(tables.MEDIA.values())}")

    def _matches(self, driver: int) -> None:
        for i, entry in enumerate(self._list(self._content.get("meters"), "meters")):
            place = f"meters[{i}]"
            match = self._mapping(entry, place, {"manufacturer", "version", "type", "ci"})
            makers = self._each(match.get("manufacturer"), place, self._maker)
            versions = self._each(match.get("version", "any"), place, self._byte)
            types = self._each(match.get("type", "any"), place, self._byte)
            cis = self._each(match.get("ci", "any"), place, self._byte)
            for maker, version, kind, ci in (
                (m, v, t, c) for m in makers for v in versions for t in types for c in cis
            ):
                first, last = (0, 0xFF) if ci == ANY else (ci, ci)
                self._out.matches.append((maker, version, kind, first, last, driver))

    def _each(self, value: object, place: str, read: Callable[[str, str], list[int]]) -> list[int]:
        values = value if isinstance(value, list) else [value]
        return [number for entry in values for number in read(str(entry), place)]

    def _maker(self, text: str, place: str) -> list[int]:
        if not re.fullmatch(r"[A-Z@]{3}", text):
            raise self._error(place, f"manufacturer {text!r} is not three letters")
        a, b, c = (ord(letter) - 64 for letter in text)
        return [a << 10 | b << 5 | c]

    def _byte(self, text: str, place: str) -> list[int]:
        """``any``, two hexadecimal digits, or a range of them (``A0-A7``)."""
        if text == "any":
            return [ANY]
        match = re.fullmatch(r"([0-9A-Fa-f]{2})(?:-([0-9A-Fa-f]{2}))?", text)
        if not match:
            raise self._error(place, f"{text!r} is not two hexadecimal digits in quotes, a range, or any")
        first = int(match[1], 16)
        return list(range(first, int(match[2] or match[1], 16) + 1))

    def _seal(self) -> tuple[int, int, int, int]:
        seal = self._content.get("seal")
        if seal is None:
            return -1, 0, 0, NO_CODE
        seal = self._mapping(seal, "seal", {"at", "size", "access", "check"})
        if seal["size"] % 16 or not 0 < seal["size"] <= 256:
            raise self._error("seal", f"size {seal['size']} is not whole blocks of 16 bytes")
        return int(seal["at"]), int(seal["size"]), int(seal["access"]), self._code(seal["check"], "seal", {})

    def _rules(self) -> list[fieldnames.Rule]:
        rules = []
        for i, entry in enumerate(self._list(self._content.get("fields") or [], "fields")):
            try:
                rules.append(fieldnames.Rule.from_file(self._mapping(entry, f"fields[{i}]")))
            except ValueError as error:
                raise self._error(f"fields[{i}]", str(error)) from None
        return rules

    def _alarm(self, entry: object, place: str) -> Alarm:
        """``record: 02FF20`` or ``record: error_flags`` or ``value: expression``, with ``bits`` or ``values``."""
        given = self._mapping(entry, place, {"record", "value", "bits", "values"})
        labels = self._alarm_bits(given, place)
        if "value" in given:
            return Alarm(2, b"", 0, self._code(given["value"], place, {}), labels)
        header, quantity = self._source(given, place)
        return Alarm(0 if header else 1, header, quantity, NO_CODE, labels)

    def _unset(self, entry: object, place: str) -> Alarm:
        """``record: 840413`` or ``record: volume``, with the numbers in ``values`` that stand for none."""
        given = self._mapping(entry, place, {"record", "values"})
        first = len(self._out.labels)
        for value in self._list(given.get("values"), f"{place}.values"):
            if not isinstance(value, int) or isinstance(value, bool):
                raise self._error(place, f"value {value!r} is not a whole number")
            self._out.labels.append((-1, value, 0))
        header, quantity = self._source(given, place)
        return Alarm(3 if header else 4, header, quantity, NO_CODE, (first, len(self._out.labels) - first))

    def _source(self, given: Mapping[str, Any], place: str) -> tuple[bytes, int]:
        """The header bytes that ``record`` gives, or none and the quantity."""
        source = str(given.get("record", ""))
        if source in tables.QUANTITIES:
            return b"", tables.QUANTITIES.index(source)
        header = self._hex(source, place)
        if not 2 <= len(header) <= 16:
            raise self._error(place, f"record {source!r} is neither a quantity nor 2 to 16 header bytes")
        return header, 0

    def _alarm_bits(self, given: Mapping[str, Any], place: str) -> tuple[int, int]:
        first = len(self._out.labels)
        for bit, name in self._mapping(given.get("bits") or {}, place).items():
            mask = 1 << int(bit)
            self._out.labels += [(mask, mask, index) for index in self._alarm_indices(name, place)]
        for test, name in self._mapping(given.get("values") or {}, place).items():
            under, _, value = str(test).rpartition("=")
            bits = int(under, 0) if under else (1 << 62) - 1
            self._out.labels += [(bits, int(value, 0), index) for index in self._alarm_indices(name, place)]
        return first, len(self._out.labels) - first

    def _alarm_indices(self, names: object, place: str) -> list[int]:
        """The numbers of one alarm name, or of several that one bit stands for."""
        return [self._alarm_index(str(name), place) for name in (names if isinstance(names, list) else [names])]

    def _alarm_index(self, name: str, place: str) -> int:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise self._error(place, f"alarm {name!r} is not a lower-case name")
        if name not in self._alarms:
            if len(self._alarms) == 64:
                raise self._error(place, "more than 64 alarms")
            self._alarms.append(name)
        return self._alarms.index(name)

    def _layout(self, entry: object, place: str) -> Layout:
        given = self._mapping(entry, place, LAYOUT_KEYS)
        block, header = self._block(str(given.get("block", "payload")), place)
        variables: dict[str, int] = {}
        when = self._code(given["when"], place, {}) if "when" in given else NO_CODE
        fits = NO_CODE
        if "sizes" in given:
            sizes = " or ".join(f"length == ({size})" for size in self._list(given["sizes"], place))
            fits = self._code(sizes, f"{place}.sizes", {})
        items = self._items(self._list(given.get("read") or [], place), place, variables)
        start = stop = NO_CODE
        tags = (0, 0)
        if "tags" in given:
            start = self._code(given.get("start", 0), place, variables)
            if "stop" in given:
                stop = self._code(given["stop"], place, variables)
            tags = self._tags(self._mapping(given["tags"], place), place, variables)
        return Layout(block, header, bool(given.get("instead_of_records")), when, fits, items, start, stop, tags)

    def _block(self, text: str, place: str) -> tuple[int, bytes]:
        if text in BLOCKS:
            return BLOCKS[text], b""
        if not text.startswith("record "):
            raise self._error(place, f"block {text!r} is none of {', '.join(BLOCKS)}, record <header>")
        return BLOCK_RECORD, self._hex(text.removeprefix("record "), place)

    def _tags(self, given: dict[str, Any], place: str, variables: dict[str, int]) -> tuple[int, int]:
        compiled = []
        for codes, entry in given.items():
            inner = f"{place}.tags[{codes}]"
            tag = self._mapping(entry if isinstance(entry, dict) else {"size": entry}, inner, {"size", "read"})
            size = self._code(tag["size"], inner, variables)
            first, count = self._items(self._list(tag.get("read") or [], inner), inner, variables)
            for part in str(codes).split(","):
                low, _, high = part.strip().partition("-")
                lowest, highest = (self._byte(text, inner)[0] for text in (low, high or low))
                compiled.append((lowest, highest, size, first, count))
        start = len(self._out.tags)
        self._out.tags += compiled
        return start, len(compiled)

    def _items(self, entries: list[Any], place: str, variables: dict[str, int]) -> tuple[int, int]:
        compiled: list[Item] = []
        for i, entry in enumerate(entries):
            given = self._mapping(entry, f"{place}.read[{i}]")
            if len(given) != 1:
                raise self._error(f"{place}.read[{i}]", "must be one name and what it is")
            ((name, what),) = given.items()
            compiled += self._item(name, what, f"{place}.{name}", variables)
        start = len(self._out.items)
        self._out.items += compiled
        return start, len(compiled)

    def _item(self, name: str, what: object, place: str, variables: dict[str, int]) -> list[Item]:
        """A variable (``let``), alarms (``alarms``) or a named value, repeated as often as it says."""
        if name == "let":
            return [
                Item(LET, [self._code(text, place, variables)], variable=variables.setdefault(key, len(variables)))
                for key, text in self._mapping(what, place).items()
            ]
        if name == "alarms":
            given = self._mapping(what, place, {"value", "bits", "values", "when"})
            item = Item(ALARM, [self._code(given["value"], place, variables)])
            item.labels = self._alarm_bits(given, place)
            if "when" in given:
                item.when = self._code(given["when"], place, variables)
            return [item]
        if not NAME.fullmatch(name):
            raise self._error(place, "is not a lower-case field name")
        given = self._mapping(what if isinstance(what, dict) else {"value": what}, place, ITEM_KEYS)
        repeat = given.get("repeat")
        if repeat is None:
            return [self._named(name, given, place, variables, None)]
        first, _, last = str(repeat).partition("..")
        numbers = range(int(first), int(last) + 1)
        return [self._named(expand(name, n), given, place, variables, n) for n in numbers]

    def _named(self, name: str, given: dict[str, Any], place: str, variables: dict[str, int], n: int | None) -> Item:
        kinds = [key for key in KINDS if key in given]
        if len(kinds) != 1:
            raise self._error(place, f"needs exactly one of {', '.join(KINDS)}")
        number, least, most = KINDS[kinds[0]]
        operands = given[kinds[0]] if isinstance(given[kinds[0]], list) else [given[kinds[0]]]
        if not least <= len(operands) <= most:
            raise self._error(place, f"{kinds[0]} takes {least} to {most} expressions")
        meaning = fieldnames.meaning(name)
        item = Item(number, [self._code(text, place, variables, n) for text in operands])
        item.name = self._name_index(name)
        item.quantity = self._index(tables.QUANTITIES, given.get("quantity", meaning.quantity), place)
        item.unit = tables.UNITS.index(meaning.unit)
        item.storage = int(given.get("storage", meaning.storage)) if not isinstance(given.get("storage"), str) else 0
        if isinstance(given.get("storage"), str):
            item.storage = self._constant(given["storage"], place, n)
        item.tariff, item.subunit = int(given.get("tariff", 0)), int(given.get("subunit", 0))
        item.function = self._index(tuple(FUNCTIONS), given.get("function", "instantaneous"), place)
        plain = meaning.main or "storage" in given or "tariff" in given or "subunit" in given
        qualifier = given.get("qualifier", meaning.qualifier if meaning.qualifier else "" if plain else "from_layout")
        item.qualifier = self._index(tables.QUALIFIERS, qualifier, place)
        item.hidden = bool(given.get("hidden"))
        if "when" in given:
            item.when = self._code(given["when"], place, variables, n)
        if "valid" in given:
            item.valid = self._code(given["valid"], place, variables, n)
        if "unset" in given:
            item.unset = self._code(given["unset"], place, variables, n)
        self._scale(item, given, place)
        if "labels" in given:
            item.kind = LABEL
            item.labels = self._labels(given["labels"], place)
        item.variable = variables.setdefault(name, len(variables))
        return item

    def _constant(self, text: str, place: str, n: int | None) -> int:
        match = re.fullmatch(r"n(?:\s*([+-])\s*(\d+))?", text.strip())
        if n is None or not match:
            raise self._error(place, f"storage {text!r} must be a number, or n with a number added in a repeat")
        return n + int(f"{match[1] or '+'}{match[2] or 0}")

    def _index(self, names: tuple[str, ...], name: object, place: str) -> int:
        if str(name) not in names:
            raise self._error(place, f"{name!r} is none of {', '.join(filter(None, names))}")
        return names.index(str(name))

    def _name_index(self, name: str) -> int:
        if name not in self._out.names:
            self._out.names.append(name)
        return self._out.names.index(name)

    def _scale(self, item: Item, given: Mapping[str, Any], place: str) -> None:
        """An exact factor; where no finite decimal is, ``decimals`` (6) of them, rounded."""
        try:
            factor = fieldnames.fraction(str(given.get("scale", 1)))
        except (ValueError, ZeroDivisionError):
            raise self._error(place, f"scale {given['scale']!r} is not a number or a fraction") from None
        rest, places = factor.denominator, 0
        while rest % 10 == 0 or rest % 2 == 0 or rest % 5 == 0:
            rest = rest // 10 if rest % 10 == 0 else rest // 2 if rest % 2 == 0 else rest // 5
            places += 1
        if rest == 1:
            item.exponent = -places
            item.num = int(factor * 10**places)
            return
        decimals = int(given.get("decimals", 6))
        scaled = factor * 10**decimals
        item.exponent, item.num, item.den = -decimals, scaled.numerator, scaled.denominator

    def _labels(self, given: object, place: str) -> tuple[int, int]:
        first = len(self._out.labels)
        for value, text in self._mapping(given, place).items():
            self._out.labels.append(((1 << 62) - 1, int(str(value), 0), self._name_index(str(text))))
        return first, len(self._out.labels) - first


def expand(name: str, n: int) -> str:
    """A repeated name for one ``n``."""
    return REPEATED.sub(lambda match: str(n + int(match[1] or 0)), name)


def register_formats(formats: Iterable[bytes], signature: Callable[[bytes], int]) -> None:
    """Make the families' compact-frame formats known."""
    for headers in formats:
        known_formats.add(signature(headers), headers)
