"""``sgc decode``: lines of telegrams in, lines of meaning out, in order, one for each, for ever."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from protocols.wmbus import naming
from protocols.wmbus.decoding import decode
from protocols.wmbus.explain import explain_telegram
from protocols.wmbus.keyring import Keyring
from protocols.wmbus.stores import CounterStore, FormatStore
from protocols.wmbus.telegram import Telegram

SHAPES: Final = ("jsonl", "table", "explain")
BLOCK: Final = 1 << 16
# A line longer than this is answered with an error and not kept.
LONGEST: Final = 1 << 20


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


def parse_line(line: bytes) -> tuple[object, bytes, bytes | None]:
    """Reference, frame and key of an input line. Raises BadLineError."""
    line = line.strip()
    if not line.startswith(b"{"):
        return None, unhex(line, "telegram", None), None
    try:
        given = msgspec.json.decode(line, type=Line)
    except msgspec.DecodeError as error:
        raise BadLineError(f"line: {error}", reference(line)) from None
    frame = unhex(given.telegram.encode(), "telegram", given.ref)
    key = unhex(given.key.encode(), "key", given.ref) if given.key else None
    return given.ref, frame, key


def reference(line: bytes) -> object:
    """The ``ref`` of a line that is JSON but not what was asked for."""
    with contextlib.suppress(msgspec.DecodeError):
        given = msgspec.json.decode(line)
        if isinstance(given, dict):
            return given.get("ref")
    return None


def unhex(text: bytes, field: str, ref: object) -> bytes:
    """Bytes of hexadecimal digits. Raises BadLineError."""
    try:
        return bytes.fromhex(text.decode("ascii"))
    except ValueError:
        shown = text[:40].decode("ascii", "replace")
        raise BadLineError(f"{field}: {shown!r} is not pairs of hexadecimal digits", ref) from None


class KeyFirst:
    """A line's own key before those of a key file."""

    def __init__(self, key: bytes, ring: Keyring) -> None:
        self._key = key
        self._ring = ring

    def keys_for(self, address: naming.Address) -> list[bytes]:
        """The line's key, then the file's."""
        return [self._key, *self._ring.keys_for(address)]


class Decoder:
    """Turns input lines into output lines, remembering formats and counters on the way."""

    def __init__(self, shape: str = "jsonl", ring: Keyring | None = None) -> None:
        self.ring = ring
        self.formats = FormatStore()
        self.counters = CounterStore()
        self._encode = msgspec.json.Encoder().encode
        self._show: Callable[[object, Telegram, bytes], bytes] = {
            "jsonl": self._jsonl,
            "table": self._table,
            "explain": self._explain,
        }[shape]

    def answer(self, line: bytes) -> bytes:
        """The output line of an input line; never raises for what a line holds."""
        ref: object = None
        try:
            ref, frame, key = parse_line(line)
            keys = key if self.ring is None else KeyFirst(key, self.ring) if key else self.ring
            telegram = decode(frame, keys, formats=self.formats, counters=self.counters)
            return self._show(ref, telegram, frame)
        except BadLineError as error:
            return self._encode({"schema": naming.SCHEMA, "ref": error.ref, **naming.failed(str(error))})

    def _jsonl(self, ref: object, telegram: Telegram, frame: bytes) -> bytes:
        return self._encode({"schema": naming.SCHEMA, "ref": ref, **telegram.to_json()})

    def _table(self, ref: object, telegram: Telegram, frame: bytes) -> bytes:
        fields = " ".join(f"{name}={value}" for name, value in telegram.fields.items() if value is not None)
        state = "ok" if telegram.ok else f"! {telegram.error}"
        alarms = ",".join(telegram.alarms) or "-"
        meter = str(telegram.meter) if telegram.meter else "-"
        return f"{meter:<21} {telegram.medium or '-':<15} {alarms:<20} {state} {fields}".rstrip().encode()

    def _explain(self, ref: object, telegram: Telegram, frame: bytes) -> bytes:
        lines = [f"{telegram.meter} {telegram.medium} {'ok' if telegram.ok else telegram.error}"]
        lines += [
            f"  {span.offset:4d} {span.layer:<5} {span.hex:<24} {span.meaning}"
            for span in explain_telegram(telegram, frame)
        ]
        lines += [f"  {item.code}: {item.text}" for item in telegram.diagnostics]
        return "\n".join(lines).encode()


def blocks(descriptor: int) -> Iterator[tuple[list[bytes], bytes | None]]:
    """Whole lines as they become available; the second item is a last line without its newline."""
    rest = b""
    skipping = False
    while block := os.read(descriptor, BLOCK):
        *lines, rest = (rest + block).split(b"\n")
        if skipping and lines:
            lines[0] = b"\x00"
            skipping = False
        if len(rest) > LONGEST:
            rest, skipping = b"", True
        yield lines, None
    if rest or skipping:
        yield [], b"\x00" if skipping else rest


def run(decoder: Decoder) -> None:
    """Answer standard input on standard output until it ends."""
    out = sys.stdout.buffer
    with contextlib.suppress(BrokenPipeError):
        for lines, last in blocks(sys.stdin.fileno()):
            answers = [decoder.answer(line) for line in (lines if last is None else [last])]
            if answers:
                out.write(b"\n".join(answers) + b"\n")
                out.flush()
        return
    # The reader of our output went away; nothing is left to say to it.
    os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


def read_keys(path: os.PathLike[str]) -> Keyring:
    """The keys of a file. Raises OSError, or ValueError naming line, field and rule."""
    from protocols.wmbus import keyfiles

    with open(path, "rb") as file:
        return keyfiles.load(file.read())
