"""How the water was used: the figures, the comparison, the chart of up to thirteen bills, the readings."""

from typing import Any, TypedDict

from billing.document.view import InvoiceView
from billing.document.words import Words
from billing.invoice import Invoice
from billing.money import divide
from billing.volume import PastPeriod, Period, Piece, Reading
from billing.volume.period import local_date

Data = dict[str, Any]
MAX_BARS = 13
FULL_HEIGHT = 1000
# Characters that surely fit in meter, volume, method and the second line of both readings.
ROOM = (20, 11, 18, 28, 28)


class Row(TypedDict):
    """One row of the table of readings."""

    meter: str
    ends: list[Data]
    volume: str
    method: str


def usage(view: InvoiceView, words: Words) -> Data:
    """Volume in m3 and litres, by day, and against the bill before, a year ago and a like household."""
    invoice = view.invoice
    period = invoice.period
    daily = divide(invoice.litres, period.days)
    lines = [words.say("usage.per_day", litres=words.litres(daily), days=period.days)]
    for key, past in (("previous", _previous(view)), ("last_year", _year_ago(view))):
        if past is not None and past.litres > 0:
            lines.append(words.say(f"usage.{key}", change=_change(invoice, past, words)))
    if view.average_litres is not None:
        lines.append(words.say("usage.average", m3=words.m3(view.average_litres)))
    return {
        "heading": words.say("usage.heading"),
        "m3": words.say("usage.volume", m3=words.m3(invoice.litres)),
        "litres": words.say("usage.litres", litres=words.litres(invoice.litres)),
        "lines": lines,
    }


def _previous(view: InvoiceView) -> PastPeriod | None:
    before = [item for item in view.history if item.period.end == view.invoice.period.start]
    return before[0] if before else None


def _year_ago(view: InvoiceView) -> PastPeriod | None:
    """The bill that covers most of the same season a year before, if it covers most of it."""
    season = view.invoice.period.years_before(1)
    best = max(view.history, key=lambda item: item.period.overlap_days(season), default=None)
    if best is None or best.period.overlap_days(season) * 2 <= max(season.days, best.period.days):
        return None
    return best


def _change(invoice: Invoice, past: PastPeriod, words: Words) -> str:
    """Daily consumption against a past period, in whole percent."""
    now, before = invoice.litres * past.period.days, past.litres * invoice.period.days
    percent = divide((now - before) * 100, before)
    if percent == 0:
        return words.say("usage.same")
    return words.say("usage.more" if percent > 0 else "usage.less", percent=abs(percent))


def chart(view: InvoiceView, words: Words) -> Data:
    """Bars of the last bills, this one last, with the same content as text."""
    invoice = view.invoice
    estimated = any(piece.estimated for piece in invoice.pieces)
    current = PastPeriod(invoice.period, invoice.litres, estimated)
    earlier = sorted(
        (item for item in view.history if item.period.end <= invoice.period.start), key=lambda item: item.period
    )
    items = [*earlier[-(MAX_BARS - 1) :], current]
    top = max(1, *(item.litres for item in items))
    hatched = words.say("chart.hatched") if any(item.estimated for item in items) else ""
    return {
        "heading": words.say("chart.heading"),
        "alt": words.say("chart.alt", items="; ".join(_item(item, words) for item in items)),
        "note": hatched,
        "bars": [
            {
                "label": _months(item.period, words),
                "year": _year(item.period) if item.period.start.year != before else "",
                "value": words.litres(divide(item.litres, 1000)),
                "height": divide(max(0, item.litres) * FULL_HEIGHT, top),
                "estimated": item.estimated,
                "current": item is current,
            }
            for before, item in zip([0, *(item.period.start.year for item in items)], items, strict=False)
        ],
    }


def _item(item: PastPeriod, words: Words) -> str:
    key = "chart.item_estimated" if item.estimated else "chart.item"
    return words.say(key, label=_label(item.period, words), m3=words.m3(item.litres))


def _label(period: Period, words: Words) -> str:
    return f"{_months(period, words)} {_year(period)}"


def _months(period: Period, words: Words) -> str:
    """``ene`` for a month, ``ene–feb`` for longer."""
    first, last = words.month(period.start), words.month(period.last_day)
    return first if first == last else f"{first}–{last}"


def _year(period: Period) -> str:
    return f"{period.start:%Y}"


def readings(invoice: Invoice, words: Words) -> Data:
    """Each piece of the volume: two readings, how they were taken, and how the litres came out."""
    rows = [_piece(piece, words) for piece in invoice.pieces]
    return {
        "heading": words.say("readings.heading"),
        "header": [words.say(f"readings.{name}") for name in ("meter", "opening", "closing", "volume", "method")],
        "rows": rows,
        "fits": all(_fits(row) for row in rows),
        "notes": [words.say("readings.estimated_note")] if any(piece.estimated for piece in invoice.pieces) else [],
    }


def _piece(piece: Piece, words: Words) -> Row:
    basis = words.known(f"bases.{piece.basis}") or piece.basis
    return {
        "meter": piece.meter,
        "ends": [_reading(piece.opening, words), _reading(piece.closing, words)],
        "volume": words.say("usage.volume", m3=words.m3(piece.litres)),
        "method": words.say(f"methods.{piece.method.value}", basis=basis),
    }


def _reading(reading: Reading | None, words: Words) -> Data:
    if reading is None:
        return {"value": words.say("readings.none"), "how": ""}
    kind = words.say(f"kinds.{reading.kind.value}")
    how = words.say("readings.reading", date=words.short_day(local_date(reading.at)), kind=kind)
    return {"value": words.say("usage.volume", m3=words.m3(reading.litres)), "how": how}


def _fits(row: Row) -> bool:
    """Whether every cell of a row keeps to its lines."""
    texts = (row["meter"], row["volume"], row["method"], *(end["how"] for end in row["ends"]))
    return all(len(text) <= limit for text, limit in zip(texts, ROOM, strict=True))
