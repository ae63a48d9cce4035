"""``sgc decode``: lines of telegrams in, lines of meaning out, in order, one for each, for ever."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from protocols.wmbus.address import Address
from protocols.wmbus.answers import Answers
from protocols.wmbus.decoding import decode
from protocols.wmbus.explain import explain_telegram
from protocols.wmbus.keyring import Keyring
from protocols.wmbus.stores import CounterStore, FormatStore, FragmentStore
from protocols.wmbus.telegram import Telegram

SHAPES: Final = ("jsonl", "table", "explain")
BLOCK: Final = 1 << 16
# A line longer than this is answered with an error and not kept.
LONGEST: Final = 1 << 20
TOO_LONG: Final = b"\x00"


class Line(msgspec.Struct):
    """One input line given as an object."""

    telegram: str
    ref: Any = None
    key: str | None = None
    received_at: str | None = None


class BadLineError(ValueError):
    """An input line that holds no telegram; the text names field, value and rule."""

    def __init__(self, text: str, ref: object = None) -> None:
        super().__init__(text)
        self.ref = ref


_line = msgspec.json.Decoder(Line).decode


def parse_line(line: bytes) -> tuple[object, bytes, bytes | None]:
    """Reference, frame and key of an input line. Raises BadLineError."""
    line = line.strip()
    if not line.startswith(b"{"):
        if line == TOO_LONG:
            raise BadLineError(f"line: longer than {LONGEST} bytes")
        return None, unhex(line.decode("ascii", "replace"), "telegram", None), None
    try:
        given = _line(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadLineError(f"line: {error}", reference(line)) from None
    frame = unhex(given.telegram, "telegram", given.ref)
    key = unhex(given.key, "key", given.ref) if given.key else None
    return given.ref, frame, key


def reference(line: bytes) -> object:
    """The ``ref`` of a line that is JSON but not what was asked for."""
    with contextlib.suppress(msgspec.DecodeError, RecursionError):
        given = msgspec.json.decode(line)
        if isinstance(given, dict):
            return given.get("ref")
    return None


def unhex(text: str, field: str, ref: object) -> bytes:
    """Bytes of hexadecimal digits. Raises BadLineError; a key is never shown."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        shown = "its text" if field == "key" else repr(text[:40])
        raise BadLineError(f"{field}: {shown} is not pairs of hexadecimal digits", ref) from None


class KeyFirst:
    """A line's own key before those of a key file."""

    def __init__(self, key: bytes, ring: Keyring) -> None:
        self._key = key
        self._ring = ring

    def keys_for(self, address: Address) -> list[bytes]:
        """The line's key, then the file's."""
        return [self._key, *self._ring.keys_for(address)]


class Decoder:
    """Turns input lines into output lines, remembering formats, counters and fragments on the way."""

    def __init__(self, shape: str = "jsonl", ring: Keyring | None = None, link: str = "auto", lang: str = "es") -> None:
        self.ring = ring
        self.link = link
        self.formats = FormatStore()
        self.counters = CounterStore()
        self.fragments = FragmentStore()
        self._answers = Answers(self.formats, self.counters, self.fragments, link)
        self._shape = shape
        self._lang = lang

    def answer(self, lines: list[bytes]) -> bytes:
        """The output lines of some input lines; never raises for what they hold."""
        shown = [self._one(line) for line in lines]
        return self._answers.take() if self._shape == "jsonl" else b"".join(shown)

    def _one(self, line: bytes) -> bytes:
        try:
            ref, frame, key = parse_line(line)
        except BadLineError as error:
            if self._shape == "jsonl":
                self._answers.refuse(error.ref, str(error))
            return f"! {error}\n".encode()
        keys = key if self.ring is None else KeyFirst(key, self.ring) if key else self.ring
        if self._shape == "jsonl":
            self._answers.add(ref, frame, keys)
            return b""
        telegram = decode(
            frame,
            keys,
            formats=self.formats,
            counters=self.counters,
            fragments=self.fragments,
            link=self.link,
        )
        text = table(telegram) if self._shape == "table" else explanation(telegram, frame, self._lang)
        return text.encode() + b"\n"


def table(telegram: Telegram) -> str:
    """A telegram on one line for a person: meter, medium, alarms, state and named values."""
    fields = " ".join(f"{name}={value}" for name, value in telegram.fields.items() if value is not None)
    state = "ok" if telegram.ok else f"! {telegram.error}"
    meter = str(telegram.meter) if telegram.meter else "-"
    alarms = ",".join(telegram.alarms) or "-"
    return f"{meter:<21} {telegram.medium or '-':<15} {alarms:<20} {state} {fields}".rstrip()


def explanation(telegram: Telegram, frame: bytes, lang: str) -> str:
    """Every byte of a telegram with its meaning."""
    lines = [table(telegram)]
    lines += [
        f"  {span.offset:4d} {span.layer:<5} {span.hex:<24} {span.meaning}"
        for span in explain_telegram(telegram, frame, lang)
    ]
    return "\n".join([*lines, *(f"  {item.code}: {item.text}" for item in telegram.diagnostics)])


def blocks(descriptor: int) -> Iterator[list[bytes]]:
    """Whole lines as they become available; a last one may lack its newline."""
    rest = b""
    skipping = False
    while block := os.read(descriptor, BLOCK):
        *lines, rest = (rest + block).split(b"\n")
        if skipping and lines:
            lines[0], skipping = TOO_LONG, False
        if skipping or len(rest) > LONGEST:
            rest, skipping = b"", True
        yield lines
    if rest or skipping:
        yield [TOO_LONG if skipping else rest]


def run(decoder: Decoder) -> None:
    """Answer standard input on standard output until it ends, at once for what has arrived."""
    out = sys.stdout.buffer
    try:
        for lines in blocks(sys.stdin.fileno()):
            out.write(decoder.answer(lines))
            out.flush()
    except BrokenPipeError:
        # The reader of our output went away; nothing is left to say to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


def read_keys(path: os.PathLike[str], password: str | None = None) -> Keyring:
    """The keys of a file. Raises OSError, or ValueError naming line, field and rule."""
    from protocols.wmbus import keyfiles

    with open(path, "rb") as file:
        return keyfiles.load(file.read(), password)
