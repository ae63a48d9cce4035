"""What a clerk must look at before a draft becomes a bill: each complaint states the numbers that were compared.

Limits are configuration (``RunSettings.review``); the defaults follow usual practice in utilities.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from billing.volume import DERIVED, PastPeriod, Period
from billing.volume.estimate import from_history
from central.invoicing.draft import Complaint
from central.invoicing.settings import ReviewLimits, RunSettings
from central.invoicing.subjects import Subject
from central.invoicing.volume import Measured

ESTIMATED = "estimated"
ESTIMATES_IN_A_ROW = "estimates_in_a_row"
ZERO, HIGH, LOW = "zero", "high", "low"
HIGH_PREVIOUS, LOW_PREVIOUS = "high_previous", "low_previous"
NEGATIVE = "negative"
IMPOSSIBLE = "impossible"
PERIOD_GAP = "period_gap"
TERMS_CHANGED = "terms_changed"
CANNOT_BILL = "cannot_bill"
PREVIOUS = "previous_period"

DAYS_A_MONTH = 30
HOURS_A_DAY = 24


class _Usual(NamedTuple):
    """Litres that a use is compared with, for as many days, and where they come from."""

    litres: int
    basis: str


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
    known = from_history(subject.period, measured.past.periods, settings.volume)
    if known is None:
        return
    usual = _Usual(known.litres, known.basis)
    if litres == 0:
        if usual.litres * DAYS_A_MONTH > limits.zero_litres_per_month * subject.period.days:
            text = f"Consumo nulo; lo habitual son {usual.litres} l ({usual.basis})"
            yield Complaint(ZERO, text, _compared(litres, usual))
        return
    found = _far(litres, usual, (HIGH, LOW), "lo habitual son", limits)
    # What is usual may be last year's season: the period just before is looked at as well.
    before = None if found else _previous(subject.period, measured.past.periods)
    if before is not None:
        found = _far(litres, before, (HIGH_PREVIOUS, LOW_PREVIOUS), "el período anterior fueron", limits)
    if found:
        yield found


def _far(litres: int, usual: _Usual, codes: tuple[str, str], words: str, limits: ReviewLimits) -> Complaint | None:
    """What there is to say of a use that is far above or below another."""
    numbers, told = _compared(litres, usual), f"{litres} l; {words} {usual.litres} l ({usual.basis})"
    if litres * 100 > usual.litres * limits.high_percent and litres - usual.litres > limits.high_margin_litres:
        numbers |= {"limit_percent": limits.high_percent, "margin_litres": limits.high_margin_litres}
        return Complaint(codes[0], f"Consumo alto: {told}", numbers)
    if litres * 100 < usual.litres * limits.low_percent and usual.litres - litres > limits.low_margin_litres:
        numbers |= {"limit_percent": limits.low_percent, "margin_litres": limits.low_margin_litres}
        return Complaint(codes[1], f"Consumo bajo: {told}", numbers)
    return None


def _previous(period: Period, past: Sequence[PastPeriod]) -> _Usual | None:
    """The use of the newest usable period before this one, for as many days as this one has."""
    usable = [item for item in past if item.usable and item.period.end <= period.start]
    if not usable:
        return None
    last = max(usable, key=lambda item: item.period.end)
    days = last.period.days
    return _Usual((2 * last.litres * period.days + days) // (2 * days), PREVIOUS)


def _compared(litres: int, usual: _Usual) -> dict[str, Any]:
    return {
        "litres": litres,
        "usual_litres": usual.litres,
        "basis": usual.basis,
        "percent": litres * 100 // usual.litres if usual.litres else None,
    }


def _impossible(period: Period, measured: Measured, settings: RunSettings) -> Iterator[Complaint]:
    """More than a meter can pass in the time between its two readings: Q4 = 1.25 Q3 (ISO 4064-1)."""
    for piece in measured.volume.pieces:
        if piece.method in DERIVED:
            continue
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
    changed = [stage.valid_from for stage in subject.stages if stage.valid_from > subject.period.start]
    if changed:
        told = ", ".join(f"{day:%d/%m/%Y}" for day in changed)
        text = f"Las condiciones cambian en el período ({told}); se prorratea por días"
        yield Complaint(TERMS_CHANGED, text, {"on": [day.isoformat() for day in changed]})
