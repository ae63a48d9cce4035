"""Telegrams behind billed readings: each was explained, and says what the reading says."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, select

from central.invoicing.decoding import StoredTelegrams
from central.invoicing.explain import MeterKeys
from central.ops.laws.law import Case, Report, pages
from central.store.models import Invoice, InvoiceReading, Reading, Telegram, TelegramExplanation

LITRES = 1000


def telegrams_say_their_readings(case: Case, report: Report) -> None:
    """Each telegram behind a billed reading is explained, and decodes, today as then, to the reading's index."""
    sealed = 0
    for invoices in pages(case, select(Invoice).where(Invoice.utility_id == case.utility_id), Invoice.id):
        heard = _heard(case, [invoice.id for invoice in invoices])
        addresses = sorted({row.address for row in heard if row.address})
        keys = MeterKeys(case.session, case.utility_id, addresses, case.ring)
        stored = StoredTelegrams(case.session, case.utility_id, keys)
        for row in heard:
            report.saw()
            where = f"invoice {row.number_text}: telegram of {row.address}"
            if row.frame is None or row.decoded is None:
                missing = "the telegram" if row.frame is None else "its explanation"
                report.breach(f"invoice {row.number_text}: {missing} behind {row.litres} litres is missing")
                continue
            if row.litres not in _explained_litres(row.decoded):
                report.breach(f"{where}: its explanation does not say {row.litres} litres")
            decoded = stored.decode(row.frame, row.meter_id, row.received_ms)
            if decoded.security.state == "key_missing" and case.ring is None:
                sealed += 1
            elif row.litres not in (decoded.total_litres, *(litres for _, litres in decoded.due_litres)):
                report.breach(f"{where}: decodes to {decoded.total_litres} litres, the reading says {row.litres}")
    if sealed:
        report.note(f"{sealed} encrypted telegrams were not decoded again: no key file")


def _explained_litres(decoded: Mapping[str, Any]) -> set[int]:
    """Every volume that a stored explanation states, in whole litres."""
    values = [record["value"] for record in decoded["records"] if record["quantity"] == "volume"]
    values += [value for name, value in decoded["fields"].items() if name.endswith("_m3")]
    return {int(Decimal(value) * LITRES) for value in values if value is not None}


def _heard(case: Case, invoices: Sequence[int]) -> Sequence[Any]:
    reading = and_(
        Reading.utility_id == InvoiceReading.utility_id,
        Reading.at_ms == InvoiceReading.at_ms,
        Reading.meter_id == InvoiceReading.meter_id,
        Reading.kind == InvoiceReading.kind,
        Reading.revision == InvoiceReading.revision,
    )
    telegram = and_(
        Telegram.utility_id == InvoiceReading.utility_id,
        Telegram.received_ms == InvoiceReading.telegram_ms,
        Telegram.id == InvoiceReading.telegram_id,
    )
    explanation = and_(
        TelegramExplanation.utility_id == InvoiceReading.utility_id,
        TelegramExplanation.telegram_ms == InvoiceReading.telegram_ms,
        TelegramExplanation.telegram_id == InvoiceReading.telegram_id,
    )
    invoice = and_(Invoice.utility_id == InvoiceReading.utility_id, Invoice.id == InvoiceReading.invoice_id)
    columns = (Telegram.address, Telegram.frame, Telegram.meter_id, Telegram.received_ms)
    rows: Any = (
        select(Invoice.number_text, *columns, TelegramExplanation.decoded, Reading.litres)
        .select_from(InvoiceReading)
        .join(Invoice, invoice)
        .join(Reading, reading)
        .outerjoin(Telegram, telegram)
        .outerjoin(TelegramExplanation, explanation)
        .where(
            InvoiceReading.utility_id == case.utility_id,
            InvoiceReading.invoice_id.in_(invoices),
            InvoiceReading.telegram_id.is_not(None),
        )
    )
    return case.session.execute(rows).all()
