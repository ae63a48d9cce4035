"""Closing the books: what the simulated meters metered against what the centre stored and billed.

Three comparisons, each exact: every telegram that was heard is at the centre once; every stored reading is the index
the meter really had at that instant; every billed litre went through that supply point's meters in that period.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sqlalchemy import func, select

from central.store import Engine, Session, read_session
from central.store.models import Consumption, Contract, Meter, Reading, ReadingKind, SupplyPoint, Telegram
from firmware_sim.meters import SimMeter
from firmware_sim.town import Town
from firmware_sim.truth import FILE

ROWS_AT_ONCE = 10_000
HEARD = "SELECT meter, instant_ms, access_no, litres FROM heard"
SHOWN = 5


@dataclass
class Books:
    """What was compared and what did not agree; ``wrong`` names the first differences."""

    sent: int = 0
    heard: int = 0
    stored: int = 0
    lost: int = 0
    doubled: int = 0
    typed: int = 0
    readings: int = 0
    readings_wrong: int = 0
    billed: int = 0
    billed_litres: int = 0
    metered_litres: int = 0
    litres_wrong: int = 0
    estimated: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def litres_match(self) -> bool:
        """Whether every reading and every billed period is what was metered."""
        return self.litres_wrong == 0 and self.readings_wrong == 0

    @property
    def closed(self) -> bool:
        """Whether nothing was lost, doubled or different."""
        return self.lost == 0 and self.doubled == 0 and self.litres_match

    def differ(self, text: str) -> None:
        """Keep the first few differences in words."""
        if len(self.wrong) < SHOWN:
            self.wrong.append(text)


def close_books(town: Town, directory: Path, engine: Engine, utility_id: int, typed: Mapping[str, int]) -> Books:
    """Compare ``town`` and its truth file in ``directory`` with the centre's database.

    ``typed`` is what a person read on the dial of each meter without radio (address → litres).
    """
    books = Books()
    with read_session(engine) as session:
        compare_telegrams(books, town, directory / FILE, session, utility_id)
        compare_readings(books, town, session, utility_id, typed)
        compare_bills(books, town, session, utility_id, typed)
    return books


def compare_telegrams(books: Books, town: Town, truth: Path, session: Session, utility_id: int) -> None:
    """Heard and stored telegrams as multisets of (meter, second, access number, litres).

    A telegram that was on the serial line when a process was killed is doubtful: it may be stored or not, but once.
    """
    meters = {str(meter.address): position for position, meter in enumerate(town.meters)}
    with sqlite3.connect(f"file:{truth}?mode=ro", uri=True) as db:
        books.sent, books.heard = db.execute("SELECT sent, heard FROM play").fetchone()
        heard = counted(db.execute(HEARD))
        certain = counted(db.execute(f"{HEARD} WHERE NOT doubtful"))
    stored = counted(stored_telegrams(session, utility_id, meters))
    books.stored = int(stored[1].sum())
    books.lost, missing = shortfall(certain, stored)
    books.doubled, extra = shortfall(stored, heard)
    for key in missing:
        books.differ(f"telegram {told(town, key)}: heard, not at the centre")
    for key in extra:
        books.differ(f"telegram {told(town, key)}: at the centre more often than heard")


Ints = npt.NDArray[np.int64]
Multiset = tuple[Ints, Ints]  # distinct keys ascending, how often each

# One telegram as 63 bits, so that a million of them fit beside everything else: meter 18, second 31, access number 8,
# and the low bits of the index, which the comparison of readings checks whole.
_SECOND, _ACCESS = 14, 6
UNKNOWN_METER = (1 << 18) - 1


def counted(rows: Iterable[tuple[int, int, int, int]]) -> Multiset:
    """(meter position, epoch ms, access number, litres) rows as a multiset of keys."""
    keys = np.fromiter((packed(*row) for row in rows), np.int64)
    return np.unique(keys, return_counts=True)


def packed(meter: int, instant_ms: int, access_no: int, litres: int) -> int:
    """One telegram's key."""
    second = instant_ms // 1000 & 0x7FFFFFFF
    return meter << 45 | second << _SECOND | (access_no & 0xFF) << _ACCESS | litres & 0x3F


def shortfall(wanted: Multiset, there: Multiset) -> tuple[int, list[int]]:
    """How many of ``wanted`` are missing in ``there``, and the first keys that are."""
    position = np.searchsorted(there[0], wanted[0])
    inside = np.minimum(position, max(len(there[0]) - 1, 0))
    found = np.zeros(len(wanted[0]), np.int64)
    if len(there[0]):
        found = np.where(there[0][inside] == wanted[0], there[1][inside], 0)
    missing = np.maximum(wanted[1] - found, 0)
    return int(missing.sum()), wanted[0][missing > 0][:SHOWN].tolist()


def told(town: Town, key: int) -> str:
    """A key in words."""
    position, second = key >> 45, key >> _SECOND & 0x7FFFFFFF
    meter = str(town.meters[position].address) if position < len(town.meters) else "of an unknown meter"
    return f"{meter} {datetime.fromtimestamp(second, UTC).isoformat()} access number {key >> _ACCESS & 0xFF}"


def stored_telegrams(session: Session, utility_id: int, meters: dict[str, int]) -> Iterator[tuple[int, int, int, int]]:
    """What the centre keeps, with the meters' positions in the town."""
    rows = session.execute(
        select(Telegram.address, Telegram.received_ms, Telegram.access_no, Telegram.litres).where(
            Telegram.utility_id == utility_id
        ),
        execution_options={"yield_per": ROWS_AT_ONCE},
    )
    for address, received_ms, access_no, litres in rows:
        yield meters.get(address or "", UNKNOWN_METER), received_ms, access_no or 0, litres or 0


def compare_readings(books: Books, town: Town, session: Session, utility_id: int, typed: Mapping[str, int]) -> None:
    """Every stored reading against the meter's true index at its instant, a typed one against what the dial showed."""
    meters = known_meters(town, session, utility_id)
    heard = stored_readings(session, utility_id)
    # In the key's order the readings of one meter lie apart: they are brought together here, not by a query a meter.
    starts = np.searchsorted(heard["meter"], [meter_id for meter_id, _ in meters], "left")
    ends = np.searchsorted(heard["meter"], [meter_id for meter_id, _ in meters], "right")
    for (_, meter), start, end in zip(meters, starts, ends, strict=True):
        compare_heard(books, town, meter, heard[start:end])
    compare_typed(books, session, utility_id, meters, typed)


_STORED = np.dtype([("meter", np.int64), ("at", np.int64), ("litres", np.int64)])


def stored_readings(session: Session, utility_id: int) -> npt.NDArray[np.void]:
    """What meters said by themselves, ordered by meter id: (meter, epoch seconds, litres)."""
    rows = session.execute(
        select(Reading.meter_id, Reading.at_ms // 1000, Reading.litres)
        .where(Reading.utility_id == utility_id, Reading.kind.not_in((ReadingKind.ESTIMATED, ReadingKind.TYPED)))
        .order_by(Reading.at_ms),
        execution_options={"yield_per": ROWS_AT_ONCE},
    )
    found = np.fromiter((tuple(row) for row in rows), _STORED)
    return found[np.argsort(found["meter"], kind="stable")]


def compare_heard(books: Books, town: Town, meter: SimMeter, heard: npt.NDArray[np.void]) -> None:
    """One meter's own readings against what it had metered by then."""
    if not len(heard):
        return
    differ = np.flatnonzero(town.indexes_at(meter, heard["at"]) != heard["litres"])
    books.readings += len(heard)
    books.readings_wrong += len(differ)
    for position in differ[:SHOWN].tolist():
        instant = datetime.fromtimestamp(int(heard["at"][position]), UTC)
        truth = town.index_at(meter, instant)
        books.differ(f"reading {meter.address} {instant.isoformat()}: {heard['litres'][position]} l, metered {truth} l")


def compare_typed(
    books: Books, session: Session, utility_id: int, meters: list[tuple[int, SimMeter]], typed: Mapping[str, int]
) -> None:
    """The typed readings of every meter against its dial: each one typed, once."""
    said: dict[int, list[int]] = {}
    for meter_id, litres in session.execute(
        select(Reading.meter_id, Reading.litres).where(
            Reading.utility_id == utility_id, Reading.kind == ReadingKind.TYPED
        )
    ):
        said.setdefault(meter_id, []).append(litres)
    for meter_id, meter in meters:
        there = said.get(meter_id, [])
        shown = [typed[str(meter.address)]] if str(meter.address) in typed else []
        books.readings += len(there)
        books.typed += len(there)
        if there != shown:
            books.readings_wrong += 1
            books.differ(f"typed readings {meter.address}: {there} at the centre, the dial showed {shown}")


def known_meters(town: Town, session: Session, utility_id: int) -> list[tuple[int, SimMeter]]:
    """The town's meters with their ids at the centre."""
    rows = session.execute(select(Meter.address, Meter.id).where(Meter.utility_id == utility_id)).all()
    ids: dict[str, int] = {row.address: row.id for row in rows}
    return [(ids[str(meter.address)], meter) for meter in town.meters]


def compare_bills(books: Books, town: Town, session: Session, utility_id: int, typed: Mapping[str, int]) -> None:
    """Each supply point's billed litres over all periods against what its meters metered in the town's period."""
    metered = metered_litres(town, typed)
    rows = session.execute(
        select(
            SupplyPoint.code,
            func.sum(Consumption.litres),
            func.sum(Consumption.estimated_litres),
        )
        .join(Contract, (Contract.utility_id == Consumption.utility_id) & (Contract.id == Consumption.contract_id))
        .join(
            SupplyPoint,
            (SupplyPoint.utility_id == Contract.utility_id) & (SupplyPoint.id == Contract.supply_point_id),
        )
        .where(Consumption.utility_id == utility_id)
        .group_by(SupplyPoint.code)
    ).all()
    billed = {code: (int(litres), int(estimated)) for code, litres, estimated in rows}
    for code, truth in metered.items():
        litres, estimated = billed.get(code, (0, 0))
        books.billed += code in billed
        books.billed_litres += litres
        books.metered_litres += truth
        books.estimated += estimated > 0
        if litres != truth:
            books.litres_wrong += 1
            books.differ(f"supply point {code}: billed {litres} l, metered {truth} l")


def metered_litres(town: Town, typed: Mapping[str, int]) -> dict[str, int]:
    """What went through each supply point's meters: in the town's period, or until a person read the dial."""
    total: Counter[str] = Counter({house.supply_code: 0 for house in town.houses})
    for meter in town.meters:
        total[meter.house.supply_code] += typed.get(str(meter.address), meter.end_litres) - meter.start_litres
    return dict(total)
