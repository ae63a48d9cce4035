"""What a clerk must look at before a draft becomes a bill: each complaint states the numbers that were compared.

Limits are configuration (``RunSettings.review``); the defaults follow usual practice in utilities.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from billing.volume import Period
from billing.volume.estimate import Estimate, from_history
from central.invoicing.draft import Complaint
from central.invoicing.settings import RunSettings
from central.invoicing.subjects import Subject
from central.invoicing.volume import Measured

ESTIMATED = "estimated"
ESTIMATES_IN_A_ROW = "estimates_in_a_row"
ZERO, HIGH, LOW = "zero", "high", "low"
NEGATIVE = "negative"
IMPOSSIBLE = "impossible"
PERIOD_GAP = "period_gap"
TERMS_CHANGED = "terms_changed"
CANNOT_BILL = "cannot_bill"

DAYS_A_MONTH = 30
HOURS_A_DAY = 24


def complaints(subject: Subject, measured: Measured, settings: RunSettings) -> list[Complaint]:
    """All there is to say about one draft, each code once."""
    found: dict[str, Complaint] = {}
    for source in (_notes, _estimates, _amounts, _findings, _register):
        for complaint in source(subject, measured, settings):
            found.setdefault(complaint.code, complaint)
    return list(found.values())


def _notes(_subject: Subject, measured: Measured, _settings: RunSettings) -> Iterator[Complaint]:
    """What determining the volume noticed: a stopped meter, a reading below the last one, a missing opening…"""
    for note in measured.volume.notes:
        if note.code != ESTIMATED:
            yield Complaint(note.code, note.text, {"meter": note.meter})


def _estimates(_subject: Subject, measured: Measured, settings: RunSettings) -> Iterator[Complaint]:
    pieces = [piece for piece in measured.volume.pieces if piece.estimated]
    if not pieces:
        return
    litres = sum(piece.litres for piece in pieces)
    basis = sorted({piece.basis for piece in pieces if piece.basis})
    numbers: dict[str, Any] = {"estimated_litres": litres, "litres": measured.volume.litres, "basis": basis}
    yield Complaint(ESTIMATED, f"Estimado: {litres} l de {measured.volume.litres} l ({', '.join(basis)})", numbers)
    before = 0
    for past in sorted(measured.past.periods, key=lambda item: item.period.start, reverse=True):
        if not past.estimated:
            break
        before += 1
    limit = settings.review.estimates_in_a_row
    if before + 1 >= limit:
        text = f"{before + 1} períodos seguidos estimados (límite {limit})"
        yield Complaint(ESTIMATES_IN_A_ROW, text, {"in_a_row": before + 1, "limit": limit})


def _amounts(subject: Subject, measured: Measured, settings: RunSettings) -> Iterator[Complaint]:
    litres, limits = measured.volume.litres, settings.review
    if litres < 0:
        yield Complaint(NEGATIVE, f"Consumo negativo: {litres} l", {"litres": litres})
        return
    yield from _impossible(subject.period, measured, settings)
    usual = from_history(subject.period, measured.past.periods, settings.volume)
    if usual is None:
        return
    numbers = _compared(litres, usual)
    if litres == 0:
        if usual.litres * DAYS_A_MONTH > limits.zero_litres_per_month * subject.period.days:
            yield Complaint(ZERO, f"Consumo nulo; lo habitual son {usual.litres} l ({usual.basis})", numbers)
    elif litres * 100 > usual.litres * limits.high_percent and litres - usual.litres > limits.high_margin_litres:
        numbers |= {"limit_percent": limits.high_percent, "margin_litres": limits.high_margin_litres}
        yield Complaint(HIGH, f"Consumo alto: {litres} l; lo habitual son {usual.litres} l ({usual.basis})", numbers)
    elif litres * 100 < usual.litres * limits.low_percent and usual.litres - litres > limits.low_margin_litres:
        numbers |= {"limit_percent": limits.low_percent, "margin_litres": limits.low_margin_litres}
        yield Complaint(LOW, f"Consumo bajo: {litres} l; lo habitual son {usual.litres} l ({usual.basis})", numbers)


def _compared(litres: int, usual: Estimate) -> dict[str, Any]:
    return {
        "litres": litres,
        "usual_litres": usual.litres,
        "basis": usual.basis,
        "percent": litres * 100 // usual.litres if usual.litres else None,
    }


def _impossible(period: Period, measured: Measured, settings: RunSettings) -> Iterator[Complaint]:
    """More than a meter can pass in the time between its two readings: Q4 = 1.25 Q3 (ISO 4064-1)."""
    for piece in measured.volume.pieces:
        meter = measured.installation(piece.meter)
        q3 = meter.q3_lph or settings.volume.q3_lph(meter.calibre_mm)
        opens = piece.opening.at if piece.opening else period.opens
        closes = piece.closing.at if piece.closing else period.closes
        hours = max(HOURS_A_DAY, -((opens - closes) // timedelta(hours=1)))
        most = q3 * 5 // 4 * hours
        if piece.litres > most:
            text = f"Imposible: {piece.litres} l en {hours} h; el contador {piece.meter} pasa como mucho {most} l"
            yield Complaint(IMPOSSIBLE, text, {"litres": piece.litres, "hours": hours, "most_litres": most})


def _findings(subject: Subject, _measured: Measured, _settings: RunSettings) -> Iterator[Complaint]:
    """What validation found at the supply point and nobody has closed: a leak, a stopped meter, backflow…"""
    for finding in subject.findings:
        yield Complaint(f"finding_{finding.rule}", finding.text, dict(finding.numbers))


def _register(subject: Subject, _measured: Measured, _settings: RunSettings) -> Iterator[Complaint]:
    if subject.billed_until is not None and subject.billed_until < subject.period.start:
        days = (subject.period.start - subject.billed_until).days
        text = f"Facturado hasta {subject.billed_until}; {days} días sin facturar hasta {subject.period.start}"
        yield Complaint(PERIOD_GAP, text, {"billed_until": subject.billed_until.isoformat(), "days": days})
    if subject.terms_changed:
        last = subject.period.last_day
        text = f"Titular o condiciones cambian en el período; se factura con los vigentes el {last}"
        yield Complaint(TERMS_CHANGED, text, {"on": last.isoformat()})
