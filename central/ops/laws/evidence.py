"""Every billed litre lies between two readings, or is an estimate and says so."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import and_, select

from billing.volume import DERIVED, Method, Piece
from central.invoicing.settings import settings_of
from central.ops.laws.law import Case, Report, pages
from central.store.models import BillingRun, Consumption, Invoice, InvoiceReading, Meter, Reading, ReadingKind


@dataclass(frozen=True, slots=True)
class End:
    """One end of a piece as an invoice keeps it, and the index of the reading it names (None: no such reading)."""

    kind: int
    litres: int
    stored: int | None
    modulus: int


Ends = dict[tuple[int, str], End]


def litres_have_evidence(case: Case, report: Report) -> None:
    """The pieces add up to what was billed; each follows from its two readings, which exist, or is an estimate."""
    units = _units(case)
    for rows in pages(case, select(Consumption).where(Consumption.utility_id == case.utility_id), Consumption.id):
        invoices = _invoices(case, [row.id for row in rows])
        ends = _ends(case, [invoice.id for invoice in invoices.values()])
        for row in rows:
            report.saw()
            invoice = invoices.get(row.id)
            if invoice is None:
                report.breach(f"consumption {row.id}: has no invoice")
                continue
            for fault in _faults(row, invoice, ends.get(invoice.id, {}), units.get(row.run_id, 1)):
                report.breach(f"invoice {invoice.number_text}: {fault}")


def _faults(row: Consumption, invoice: Any, ends: Ends, unit: int) -> list[str]:
    pieces = msgspec.convert(row.pieces, tuple[Piece, ...])
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


def _invoices(case: Case, consumptions: Sequence[int]) -> dict[int, Any]:
    rows: Any = select(Invoice.id, Invoice.consumption_id, Invoice.number_text, Invoice.litres).where(
        Invoice.utility_id == case.utility_id, Invoice.consumption_id.in_(consumptions)
    )
    return {row.consumption_id: row for row in case.session.execute(rows)}


def _ends(case: Case, invoices: Sequence[int]) -> dict[int, Ends]:
    reading = and_(
        Reading.utility_id == InvoiceReading.utility_id,
        Reading.at_ms == InvoiceReading.at_ms,
        Reading.meter_id == InvoiceReading.meter_id,
        Reading.kind == InvoiceReading.kind,
        Reading.revision == InvoiceReading.revision,
    )
    meter = and_(Meter.utility_id == InvoiceReading.utility_id, Meter.id == InvoiceReading.meter_id)
    rows: Any = (
        select(InvoiceReading, Reading.litres, Meter.modulus_litres)
        .join(Meter, meter)
        .outerjoin(Reading, reading)
        .where(InvoiceReading.utility_id == case.utility_id, InvoiceReading.invoice_id.in_(invoices))
    )
    found: dict[int, Ends] = defaultdict(dict)
    for row, stored, modulus in case.session.execute(rows):
        found[row.invoice_id][row.piece, row.role] = End(row.kind, row.litres, stored, modulus)
    return found
