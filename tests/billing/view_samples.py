"""Bills to be printed in tests."""

from dataclasses import replace
from datetime import UTC, date, datetime

from billing.document import Contact, InvoiceView
from billing.fiscal import FiscalConfig, Software, registry
from billing.invoice import Invoice
from billing.volume import PastPeriod, Period
from tests.billing.invoice_samples import B02, invoice

CONFIG = FiscalConfig(Software("Aguas Municipales de Prueba, S. A.", "A28015865", "SGC", "SG", "0.1.0", "1"))
CONTACT = Contact(
    phone="960 000 000",
    hours="lunes a viernes, de 8 a 20 h",
    email="clientes@aguas.example",
    web="aguas.example/mi-agua",
    office="Plaza del Pueblo, 2",
    iban="ES79 2100 0813 6101 2345 6789",
    consumer_body="la Oficina Municipal de Información al Consumidor (OMIC)",
    quality_url="aguas.example/calidad",
    legal="Inscrita en el Registro Mercantil de Valencia, tomo 1, folio 1, hoja V-1.",
)
LITRES = (21, 23, 25, 22, 26, 34, 38, 41, 30, 24, 22, 27)


def months(count: int = 12) -> tuple[PastPeriod, ...]:
    """Billed months before the sample invoice, one of them estimated."""
    found = []
    for back in range(count, 0, -1):
        total = 2026 * 12 - back
        start = date(total // 12, total % 12 + 1, 1)
        end = date((total + 1) // 12, (total + 1) % 12 + 1, 1)
        found.append(PastPeriod(Period(start, end), LITRES[-back] * 500 + 137, estimated=back == 4))
    return tuple(found)


def with_blocks(bill: Invoice) -> Invoice:
    """The sample bill with the explanation that rating gives for its blocks."""
    why = [
        {},
        {"block": 1, "limits_litres": [0, 18_000]},
        {"block": 2, "limits_litres": [18_000, None]},
        {},
        {},
    ]
    lines = tuple(replace(line, why=reason) for line, reason in zip(bill.lines, why, strict=True))
    return replace(bill, lines=lines)


def view(bill: Invoice | None = None, **changes: object) -> InvoiceView:
    """A printable bill with everything on it."""
    bill = bill or with_blocks(invoice(B02))
    record = registry("verifactu", CONFIG).record_for(bill, None, datetime(2026, 3, 5, 9, tzinfo=UTC))
    made = InvoiceView(bill, record, months(), CONTACT, average_litres=22_000)
    return replace(made, **changes)  # type: ignore[arg-type]
