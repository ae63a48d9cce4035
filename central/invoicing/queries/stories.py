"""The story behind a bill's lines and readings, as it was stored when the bill was issued."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from billing.money import euros
from central.store.models import (
    Device,
    IngestBatch,
    InvoiceLine,
    InvoiceReading,
    Meter,
    Reading,
    ReadingKind,
    TariffVersion,
    Telegram,
    TelegramExplanation,
)
from central.times import instant_of


@dataclass(frozen=True, slots=True)
class Tariff:
    """The tariff text a line follows from: its id, which text of that id, and where it was published."""

    tariff: str
    version: int
    title: str
    source: str
    sha256: str


@dataclass(frozen=True, slots=True)
class BillLine:
    """One line: quantity times unit price in euros, and why it is what it is (``why``: see ``billing.rating.Line``)."""

    position: int
    code: str
    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    amount: Decimal
    vat: str
    beneficiary: str
    nature: str
    why: Mapping[str, Any]
    tariff: Tariff | None


@dataclass(frozen=True, slots=True)
class TelegramStory:
    """The telegram a reading came from: who heard it, when, how well, its bytes, and what each byte means.

    ``spans`` have offset, length, hex, layer and meaning; ``decoded`` is the shape of `sgc decode`.
    """

    received_at: datetime
    device: str
    receiver: str
    mode: str
    rssi_dbm: int | None
    crc_checked_by: str
    access_no: int | None
    hex: str
    decoder: str
    decoded: Mapping[str, Any]
    spans: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class BillReading:
    """A reading the bill depends on: the ``role`` ("opening", "closing") it plays in a ``piece`` of the volume."""

    piece: int
    role: str
    meter: str
    serial: str
    at: datetime
    litres: int
    kind: ReadingKind
    reason: str
    telegram: TelegramStory | None


def lines_of(session: Session, utility_id: int, invoice_id: int) -> tuple[BillLine, ...]:
    """The lines of an invoice in order."""
    version = and_(
        TariffVersion.utility_id == InvoiceLine.utility_id, TariffVersion.id == InvoiceLine.tariff_version_id
    )
    rows = (
        select(InvoiceLine, TariffVersion)
        .outerjoin(TariffVersion, version)
        .where(InvoiceLine.utility_id == utility_id, InvoiceLine.invoice_id == invoice_id)
        .order_by(InvoiceLine.position)
    )
    return tuple(_line(line, tariff) for line, tariff in session.execute(rows))


def readings_of(session: Session, utility_id: int, invoice_id: int) -> tuple[BillReading, ...]:
    """The readings of an invoice in order, each with the telegram it came from, if any."""
    rows = (
        select(InvoiceReading, Meter, Reading)
        .join(Meter, and_(Meter.utility_id == InvoiceReading.utility_id, Meter.id == InvoiceReading.meter_id))
        .join(
            Reading,
            and_(
                Reading.utility_id == InvoiceReading.utility_id,
                Reading.at_ms == InvoiceReading.at_ms,
                Reading.meter_id == InvoiceReading.meter_id,
                Reading.kind == InvoiceReading.kind,
                Reading.revision == InvoiceReading.revision,
            ),
        )
        .where(InvoiceReading.utility_id == utility_id, InvoiceReading.invoice_id == invoice_id)
        .order_by(InvoiceReading.position)
    )
    found = session.execute(rows).all()
    heard = {
        (row.telegram_ms, row.telegram_id)
        for row, _, _ in found
        if row.telegram_ms is not None and row.telegram_id is not None
    }
    stories: dict[tuple[int | None, int | None], TelegramStory | None] = {
        key: _story(session, utility_id, key) for key in heard
    }
    return tuple(
        BillReading(
            row.piece,
            row.role,
            meter.address,
            meter.serial,
            instant_of(row.at_ms),
            row.litres,
            ReadingKind(row.kind),
            reading.reason,
            stories.get((row.telegram_ms, row.telegram_id)),
        )
        for row, meter, reading in found
    )


def _line(line: InvoiceLine, tariff: TariffVersion | None) -> BillLine:
    text = Tariff(tariff.tariff, tariff.version, tariff.title, tariff.source, tariff.sha256) if tariff else None
    return BillLine(
        line.position,
        line.code,
        line.description,
        Decimal(line.quantity),
        line.unit,
        Decimal(line.unit_price),
        euros(line.amount_cents),
        line.vat,
        line.beneficiary,
        line.nature,
        line.why,
        text,
    )


def _story(session: Session, utility_id: int, key: tuple[int, int]) -> TelegramStory | None:
    explanation = and_(
        TelegramExplanation.utility_id == Telegram.utility_id,
        TelegramExplanation.telegram_ms == Telegram.received_ms,
        TelegramExplanation.telegram_id == Telegram.id,
    )
    batch = and_(IngestBatch.utility_id == Telegram.utility_id, IngestBatch.id == Telegram.batch_id)
    device = and_(Device.utility_id == IngestBatch.utility_id, Device.id == IngestBatch.device_id)
    row = session.execute(
        select(Telegram, TelegramExplanation, Device.name)
        .join(TelegramExplanation, explanation)
        .outerjoin(IngestBatch, batch)
        .outerjoin(Device, device)
        .where(Telegram.utility_id == utility_id, Telegram.received_ms == key[0], Telegram.id == key[1])
    ).first()
    if row is None:
        return None
    telegram, said, name = row
    return TelegramStory(
        instant_of(telegram.received_ms),
        name or "",
        telegram.receiver,
        telegram.mode,
        telegram.rssi_dbm,
        telegram.crc_checked_by,
        telegram.access_no,
        telegram.frame.hex(),
        said.decoder,
        said.decoded,
        tuple(said.spans),
    )
