"""Bills typeset per second, against the bare export of a page that is already laid out."""

import platform
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from billing.document.typeset import render, render_batch, render_many
from billing.document.view import Contact, InvoiceView
from billing.fiscal import FiscalConfig, Software, registry
from billing.invoice import Address, Invoice, InvoiceLine, Party, PaymentMethod, PaymentTerms, Supply, sum_vat
from billing.money import rounded
from billing.volume import Kind, Method, PastPeriod, Period, Piece, Reading

TOWN = Address("Calle del Agua, 1", "03698", "Agost", "Alicante")
ISSUER = Party("Aguas de Agost", "A28015865", TOWN, business=True)
SOFTWARE = Software(ISSUER.name, ISSUER.nif, "SGC", "SG", "1", "bench")
CONTACT = Contact("960 000 000", "de 8 a 20 h", "agua@agost.example", "agost.example/agua", "Plaza, 1")
PERIOD = Period(date(2026, 1, 1), date(2026, 3, 1))
# Agost 2023, bimester: limits in litres and euros per m3.
BLOCKS: tuple[tuple[int, int | None, str], ...] = (
    (0, 10_000, "0.4375"),
    (10_000, 26_000, "1.3673"),
    (26_000, None, "2.3699"),
)
BIMESTERS = tuple(
    Period(date(year, month, 1), date(year + month // 11, (month + 2) % 12, 1))
    for year in (2024, 2025)
    for month in range(1, 12, 2)
)
ROUNDS = 3
BATCH = 100


def bench_pdf(count: int = 200) -> dict[str, Any]:
    """The bench's result: the best of three rounds over ``count`` different bills, one process.

    The headline is that of batches for the printer; one document a bill is under ``more``.
    """
    # Every measurement has bills of its own: the compiler remembers what it has set before.
    fresh = iter([[_view(number * count + bill) for bill in range(count)] for number in range(3 * ROUNDS)])
    render(_view(0))
    made = _best(_batches, fresh, count)
    single = _best(render_many, fresh, count)
    bound = _best(lambda views: render_many(views[:1] * count), fresh, count)
    return {
        "bench": "pdf",
        "value": made[0],
        "unit": "invoices/s",
        "bound": {"name": "the same page every time, laid out once", "value": bound[0]},
        "ratio": round(made[0] / bound[0], 3),
        "n": count,
        "python": platform.python_version(),
        "cpu": platform.processor() or platform.machine(),
        "more": {
            "batch": BATCH,
            "invoices_per_cpu_second": made[1],
            "one_document_each": single[0],
            "one_document_each_per_cpu_second": single[1],
        },
    }


Work = Callable[[list[InvoiceView]], object]


def _batches(views: list[InvoiceView]) -> list[bytes]:
    return [render_batch(views[at : at + BATCH]) for at in range(0, len(views), BATCH)]


def _best(work: Work, fresh: Iterator[list[InvoiceView]], count: int) -> tuple[int, int]:
    return max(_rates(work, next(fresh), count) for _ in range(ROUNDS))


def _rates(work: Work, views: list[InvoiceView], count: int) -> tuple[int, int]:
    """Per second of the clock, and per second of processor time."""
    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
    work(views)
    wall, cpu = time.perf_counter_ns() - wall, time.process_time_ns() - cpu
    return count * 10**9 // wall, count * 10**9 // cpu


def _view(number: int) -> InvoiceView:
    """A bill unlike its neighbours in volume, charges, readings, history and number."""
    litres = 9_000 + number * 7_919 % 40_000
    lines = tuple(_lines(litres))
    vat = sum_vat(lines)
    bill = Invoice(
        series="AG2026",
        number=number + 1,
        issued=date(2026, 3, 5),
        issuer=ISSUER,
        recipient=Party(f"Titular número {number}", "12345678Z", TOWN),
        supply=Supply(f"C-{number}", f"PS-{number}", TOWN, calibre_mm=13),
        period=PERIOD,
        litres=litres,
        pieces=(_piece(number, litres),),
        lines=lines,
        vat=vat,
        total=sum((item.base + item.vat for item in vat), Decimal(0)),
        terms=PaymentTerms(PaymentMethod.DIRECT_DEBIT, date(2026, 3, 20), "ES91 **** 1332", f"M-{number}"),
    )
    history = tuple(PastPeriod(period, (number + 3) * period.days * 7_919 % 40_000) for period in BIMESTERS)
    port = registry("verifactu", FiscalConfig(SOFTWARE))
    record = port.record_for(bill, None, datetime(2026, 3, 5, 9, tzinfo=UTC))
    return InvoiceView(bill, record, history, CONTACT, 22_000)


def _lines(litres: int) -> Iterator[InvoiceLine]:
    yield _line("AGUA_SERV", "Cuota de servicio", "month", Decimal(2), "4.46", {})
    for number, (lower, upper, price) in enumerate(BLOCKS, 1):
        inside = min(litres, litres if upper is None else upper) - lower
        if inside > 0:
            why = {"block": number, "limits_litres": [lower, upper]}
            yield _line("AGUA_CONS", f"Consumo, bloque {number}", "m3", Decimal(inside).scaleb(-3), price, why)


def _line(code: str, text: str, unit: str, quantity: Decimal, price: str, why: dict[str, object]) -> InvoiceLine:
    amount = rounded(quantity * Decimal(price))
    return InvoiceLine(code, text, quantity, unit, Decimal(price), amount, "10", why=why)


def _piece(number: int, litres: int) -> Piece:
    meter, start = f"KAM-{76348799 + number}-1B-16", 100_000 + number * 1_337
    opening = Reading(meter, PERIOD.opens, start, Kind.REMOTE, f"{number}a")
    closing = Reading(meter, PERIOD.closes, start + litres, Kind.REMOTE, f"{number}b")
    return Piece(meter, 13, opening, closing, litres, litres, Method.DIFFERENCE, estimated=False)
