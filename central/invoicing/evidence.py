"""Readings as volume sees them, the way back to the stored row and the telegram behind each, and how bills keep them.

A consumption keeps its pieces as JSON: ``[pieces]``, or ``[pieces, closing, ends]`` where closing or ends do not follow
from them. A piece is ``[meter, calibre, litres, index_litres, method, estimated, basis, opening, closing]``; an end is
``[meter_id, at_ms, kind, revision, litres, telegram_ms, telegram_id, incidence]`` without what is usual at its tail,
null, or ``{"reading", "source"}`` where a reading is not what its stored row says.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from billing.volume import Kind, Method, Piece, Reading
from central.store.models import ReadingKind
from central.times import instant_of, millis

KINDS: dict[int, Kind] = {
    ReadingKind.RADIO: Kind.REMOTE,
    ReadingKind.RADIO_DUE: Kind.REMOTE,
    ReadingKind.TYPED: Kind.REAL,
    ReadingKind.SELF: Kind.SELF,
    ReadingKind.THIRD_PARTY: Kind.THIRD_PARTY,
    ReadingKind.INSTALLATION: Kind.INSTALLATION,
    ReadingKind.REMOVAL: Kind.REMOVAL,
    ReadingKind.FINAL: Kind.FINAL,
    ReadingKind.ESTIMATED: Kind.ESTIMATED,
    ReadingKind.AGREED: Kind.AGREED,
}


class Source(msgspec.Struct, frozen=True, array_like=True):
    """The stored row of a reading: its key, its index, and the telegram it came from, if any."""

    meter_id: int
    at_ms: int
    kind: int
    revision: int
    litres: int
    telegram_ms: int | None = None
    telegram_id: int | None = None

    @property
    def origin(self) -> str:
        """What ``billing.volume`` carries along instead of the row."""
        return f"{self.meter_id}:{self.at_ms}:{self.kind}:{self.revision}"

    def reading(self, meter: str, incidence: str = "00") -> Reading:
        """The row as ``billing.volume`` takes it; ``meter`` is the address, ``incidence`` the reader's code."""
        return Reading(meter, instant_of(self.at_ms), self.litres, KINDS[self.kind], self.origin, incidence)


class Closing(msgspec.Struct, frozen=True):
    """The reading that closed a bill, kept with it: it opens the next one. ``source.litres`` is the billed index."""

    meter: str
    source: Source
    incidence: str = "00"

    def reading(self) -> Reading:
        """The opening of the next bill."""
        return self.source.reading(self.meter, self.incidence)


def estimate_of(reading: Reading, meter_id: int) -> Source:
    """The row that an estimated index is stored as when its bill is issued."""
    return Source(meter_id, millis(reading.at), ReadingKind.ESTIMATED, 0, reading.litres)


class PieceEnd(msgspec.Struct, frozen=True, array_like=True):
    """A reading a bill depends on: which piece of the volume, which end of it ("opening", "closing"), which row."""

    piece: int
    role: str
    source: Source


class Evidence(msgspec.Struct, frozen=True):
    """What a billed volume rests on: its pieces, the stored row at each end, and what it leaves to the next bill."""

    pieces: tuple[Piece, ...] = ()
    ends: list[PieceEnd] = []
    closing: dict[str, Closing] = {}

    def to_json(self) -> str:
        """As a consumption keeps it."""
        known: dict[tuple[int, str], Source] = {(end.piece, end.role): end.source for end in self.ends}
        items = [_written(number, piece, known) for number, piece in enumerate(self.pieces)]
        short: list[Any] = [items]
        again = _read(short)
        if again.ends != self.ends or again.closing != self.closing:
            short += [None if again.closing == self.closing else self.closing]
            short += [None if again.ends == self.ends else self.ends]
        return _encode(short).decode()

    @classmethod
    def of(cls, text: str | bytes) -> "Evidence":
        """From what a consumption keeps."""
        return _read(msgspec.json.decode(text))


ROLES = ("opening", "closing")
CLOSES = "closing"
NO_INCIDENCE = "00"
# How a method is written; one that came later is written by its name.
METHODS: dict[int | str, Method] = {
    0: Method.DIFFERENCE,
    1: Method.ROLLOVER,
    2: Method.REVERSED,
    3: Method.CORRECTION,
    4: Method.CREDIT,
    5: Method.CARRIED,
    6: Method.ESTIMATED,
    7: Method.STOPPED,
}
_NUMBER = {method: number for number, method in METHODS.items()}
_USUAL = (None, None, NO_INCIDENCE)
_encode = msgspec.json.Encoder().encode


class _Odd(msgspec.Struct, frozen=True):
    """An end whose reading is not what its row says, or that has only one of them."""

    reading: Reading | None = None
    source: Source | None = None


def _written(number: int, piece: Piece, known: dict[tuple[int, str], Source]) -> list[Any]:
    ends = [
        _end(piece.meter, reading, known.get((number, role)))
        for role, reading in zip(ROLES, (piece.opening, piece.closing), strict=True)
    ]
    said = (
        piece.meter,
        piece.calibre_mm,
        piece.litres,
        piece.index_litres,
        _NUMBER.get(piece.method, piece.method.value),
    )
    return [*said, int(piece.estimated), piece.basis, *ends]


def _end(meter: str, reading: Reading | None, source: Source | None) -> Any:
    if reading is None and source is None:
        return None
    if reading is None or source is None or source.reading(meter, reading.incidence) != reading:
        return _Odd(reading, source)
    end = [*msgspec.structs.astuple(source), reading.incidence]
    for usual in reversed(_USUAL):
        if end[-1] != usual:
            break
        end.pop()
    return end


def _read(short: Sequence[Any]) -> Evidence:
    pieces: list[Piece] = []
    ends: list[PieceEnd] = []
    closing: dict[str, Closing] = {}
    for number, item in enumerate(short[0]):
        meter, calibre, litres, index, method, estimated, basis, *both = item
        readings: list[Reading | None] = []
        for role, end in zip(ROLES, both, strict=True):
            reading, source = _end_read(meter, end)
            readings.append(reading)
            if source is not None:
                ends.append(PieceEnd(number, role, source))
                if role == CLOSES and reading is not None:
                    closing[meter] = Closing(meter, source, reading.incidence)
        pieces.append(
            Piece(
                meter,
                calibre,
                readings[0],
                readings[1],
                litres,
                index,
                METHODS.get(method) or Method(method),
                bool(estimated),
                basis,
            )
        )
    if len(short) > 1 and short[1] is not None:
        closing = msgspec.convert(short[1], dict[str, Closing])
    if len(short) > 1 and short[2] is not None:
        ends = msgspec.convert(short[2], list[PieceEnd])
    return Evidence(tuple(pieces), ends, closing)


def _end_read(meter: str, end: Any) -> tuple[Reading | None, Source | None]:
    if end is None:
        return None, None
    if not isinstance(end, list):
        odd = msgspec.convert(end, _Odd)
        return odd.reading, odd.source
    incidence = end[7] if len(end) > 7 else NO_INCIDENCE
    source = Source(*end[:7])
    return source.reading(meter, incidence), source
