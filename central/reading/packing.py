"""Plain telegrams and their indices as bytes of PostgreSQL's binary COPY: what nearly every batch consists of."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from central.reading.clocks import TOLERANCE_MS
from central.reading.columns import Columns
from central.reading.known import KnownMeter
from central.store.arrays import Values, encode_rows
from central.store.bulk import table_of
from central.store.models import Reading, ReadingKind, ReadingStatus

HOUR_MS = 3_600_000

Int64 = NDArray[np.int64]
Odd = list[tuple[int, int, int, int, int]]

_AT, _METER, _LITRES, _TELEGRAM = range(4)


@dataclass(frozen=True)
class Origin:
    """Whose telegrams they are, the batch they came by and when it arrived."""

    utility_id: int
    batch_id: int
    received_ms: int


@dataclass(frozen=True)
class Packed:
    """The plain telegrams of one batch, whose ``places`` items are numbered from ``first_id``.

    ``readings`` are the valid indices among them: (readings, 4) of instant, meter, litres, telegram.
    """

    origin: Origin
    first_id: int
    places: int
    telegrams: bytes
    instants: Int64
    readings: Int64

    def hours(self) -> list[int]:
        """The hours since 1970 in which something was heard."""
        return list(np.unique(self.instants // HOUR_MS).tolist())


def pack(columns: Columns, origin: Origin, first_id: int, known: Sequence[KnownMeter | None]) -> tuple[Packed, Odd]:
    """The rows of a batch's plain telegrams, and the indices among them that are to be judged one by one.

    ``known`` follows ``columns.addresses``. The latter are (due day or -1, address, litres, instant, telegram).
    """
    meters = np.array([meter.id if meter else 0 for meter in known], np.int64)
    moduli = np.array([meter.modulus_litres if meter else 0 for meter in known], np.int64)
    latest = origin.received_ms + TOLERANCE_MS
    rows, instants, readings, odd = columns.emit(origin.utility_id, origin.batch_id, first_id, meters, moduli, latest)
    return Packed(origin, first_id, len(columns), rows, instants, readings), odd


@dataclass(frozen=True)
class Sorted:
    """Indices of several batches in the order of their key, each key once; ``again`` are those that came later."""

    origins: Sequence[Origin]
    rows: Int64
    origin_of: NDArray[np.intp]
    again: list[tuple[Origin, list[int]]]


def in_order(packed: Sequence[Packed]) -> Sorted:
    """All their indices in the order of (utility, instant, meter): the order in which every writer takes its locks."""
    origins = [one.origin for one in packed]
    rows = np.concatenate([one.readings for one in packed]) if packed else np.empty((0, 4), np.int64)
    counts = [len(one.readings) for one in packed]
    origin_of = np.repeat(np.arange(len(packed)), counts)
    utility = np.array([origin.utility_id for origin in origins], np.int64)[origin_of]
    order = np.lexsort((rows[:, _METER], rows[:, _AT], utility))
    rows, origin_of, utility = rows[order], origin_of[order], utility[order]
    same = (rows[1:, _AT] == rows[:-1, _AT]) & (rows[1:, _METER] == rows[:-1, _METER]) & (utility[1:] == utility[:-1])
    later = np.concatenate([np.zeros(min(1, len(rows)), bool), same])
    again = [(origins[place], row) for place, row in zip(origin_of[later], rows[later].tolist(), strict=True)]
    return Sorted(origins, rows[~later], origin_of[~later], again)


def encode_readings(ordered: Sorted) -> bytes:
    """The rows of ``reading`` in the binary format, in the order of READING_COLUMNS."""
    utility = np.array([origin.utility_id for origin in ordered.origins], np.int64)
    received = np.array([origin.received_ms for origin in ordered.origins], np.int64)
    at_ms = ordered.rows[:, _AT]
    columns: dict[str, Values] = {
        "utility_id": utility[ordered.origin_of],
        "at_ms": at_ms,
        "meter_id": ordered.rows[:, _METER],
        "kind": int(ReadingKind.RADIO),
        "revision": 0,
        "litres": ordered.rows[:, _LITRES],
        "status": int(ReadingStatus.VALID),
        "reason": "",
        "telegram_ms": at_ms,
        "telegram_id": ordered.rows[:, _TELEGRAM],
        "visit_id": None,
        "recorded_ms": received[ordered.origin_of],
    }
    return encode_rows(table_of(Reading), columns, len(ordered.rows))
