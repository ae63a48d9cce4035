"""Every billed litre lies between two readings, or is an estimate and says so."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from billing.volume import DERIVED, Method, Piece
from central.invoicing.evidence import Evidence, Source
from central.invoicing.settings import settings_of
from central.ops.laws.law import AT_ONCE, Case, Report, pages
from central.store.bulk import chunks
from central.store.models import BillingRun, Consumption, Invoice, Meter, Reading, ReadingKind


@dataclass(frozen=True, slots=True)
class End:
    """One end of a piece as an invoice keeps it, and the index of the reading it names (None: no such reading)."""

    kind: int
    litres: int
    stored: int | None
    modulus: int


Ends = dict[tuple[int, str], End]
Key = tuple[int, int, int, int]


def litres_have_evidence(case: Case, report: Report) -> None:
    """The pieces add up to what was billed; each follows from its two readings, which exist, or is an estimate."""
    units = _units(case)
    for rows in pages(case, select(Consumption).where(Consumption.utility_id == case.utility_id), Consumption.id):
        invoices = _invoices(case, rows)
        kept = {row.id: Evidence.of(row.evidence) for row in rows}
        sources = [end.source for evidence in kept.values() for end in evidence.ends]
        stored, moduli = stored_litres(case, sources), _moduli(case, sources)
        for row in rows:
            report.saw()
            invoice = invoices.get(row.id)
            if invoice is None:
                report.breach(f"consumption {row.id}: has no invoice")
                continue
            ends = {
                (end.piece, end.role): End(
                    end.source.kind, end.source.litres, stored.get(key_of(end.source)), moduli[end.source.meter_id]
                )
                for end in kept[row.id].ends
                if end.source.meter_id in moduli
            }
            for fault in _faults(row, kept[row.id].pieces, invoice, ends, units.get(row.run_id, 1)):
                report.breach(f"invoice {invoice.number_text}: {fault}")


def key_of(source: Source) -> Key:
    """The stored row of a reading."""
    return source.at_ms, source.meter_id, source.kind, source.revision


def stored_litres(case: Case, sources: Iterable[Source]) -> dict[Key, int]:
    """The indexes of those readings that exist."""
    wanted = sorted({key_of(source) for source in sources})
    found: dict[Key, int] = {}
    for some in chunks(wanted, AT_ONCE):
        rows: Any = select(Reading.at_ms, Reading.meter_id, Reading.kind, Reading.revision, Reading.litres).where(
            Reading.utility_id == case.utility_id,
            Reading.at_ms.in_(sorted({key[0] for key in some})),
            Reading.meter_id.in_(sorted({key[1] for key in some})),
        )
        found |= {tuple(row[:4]): row.litres for row in case.session.execute(rows)}
    return found


def _moduli(case: Case, sources: Iterable[Source]) -> dict[int, int]:
    """By meter, where its register starts again."""
    found: dict[int, int] = {}
    for some in chunks(sorted({source.meter_id for source in sources}), AT_ONCE):
        rows: Any = select(Meter.id, Meter.modulus_litres).where(
            Meter.utility_id == case.utility_id, Meter.id.in_(some)
        )
        found |= {row.id: row.modulus_litres for row in case.session.execute(rows)}
    return found


def _faults(row: Consumption, pieces: Sequence[Piece], invoice: Any, ends: Ends, unit: int) -> list[str]:
    faults = []
    total = sum(piece.litres for piece in pieces)
    if not total == row.litres == invoice.litres:
        faults.append(f"bills {invoice.litres} litres, its consumption is {row.litres}, its pieces are {total}")
    estimated = sum(piece.litres for piece in pieces if piece.estimated)
    if estimated != row.estimated_litres:
        faults.append(f"{row.estimated_litres} litres are called estimated, its pieces say {estimated}")
    for number, piece in enumerate(pieces):
        faults += [f"piece {number}: {fault}" for fault in _piece_faults(number, piece, ends, unit)]
    return faults


def _piece_faults(number: int, piece: Piece, ends: Ends, unit: int) -> list[str]:
    opening, closing = ends.get((number, "opening")), ends.get((number, "closing"))
    if piece.method in DERIVED:
        return []  # follows from other supplies, whose litres have their own readings among these pieces or bills
    if opening is None or closing is None:
        return [] if piece.estimated else [f"{piece.litres} litres have no reading and are not called estimated"]
    faults = []
    for role, end, reading in (("opening", opening, piece.opening), ("closing", closing, piece.closing)):
        if reading is None or end.litres != reading.litres:
            faults.append(f"{role} is kept as {end.litres} litres, the piece says {reading and reading.litres}")
        if end.stored is None:
            faults.append(f"{role} of {end.litres} litres names a reading that does not exist")
        elif not 0 <= end.stored - end.litres < unit:
            faults.append(f"{role} is kept as {end.litres} litres, its reading says {end.stored}")
    if closing.kind == ReadingKind.ESTIMATED and not piece.estimated:
        faults.append("closes with an estimate and is not called estimated")
    expected = _between(piece.method, opening, closing)
    if expected is not None and expected != piece.litres:
        faults.append(f"{piece.litres} litres ({piece.method}) are not what lies between its readings, {expected}")
    return faults


def _between(method: Method, opening: End, closing: End) -> int | None:
    """What a method makes of two indexes; None for a stopped register, which shows nothing."""
    difference = closing.litres - opening.litres
    if method is Method.STOPPED:
        return None
    if method in (Method.ROLLOVER, Method.ESTIMATED):
        return difference % closing.modulus
    return -difference if method is Method.REVERSED else difference


def _units(case: Case) -> dict[int, int]:
    """Litres of a billing unit, by run: indexes are cut down to it."""
    runs = select(BillingRun).where(BillingRun.utility_id == case.utility_id)
    return {run.id: settings_of(run).volume.unit_litres for run in case.session.scalars(runs)}


def _invoices(case: Case, consumptions: Sequence[Consumption]) -> dict[int, Any]:
    """The invoice of each consumption, of the same contract, by which invoices are indexed."""
    rows: Any = select(Invoice.id, Invoice.consumption_id, Invoice.number_text, Invoice.litres).where(
        Invoice.utility_id == case.utility_id,
        Invoice.contract_id.in_({row.contract_id for row in consumptions}),
        Invoice.consumption_id.in_([row.id for row in consumptions]),
    )
    return {row.consumption_id: row for row in case.session.execute(rows)}
