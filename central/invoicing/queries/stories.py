"""The story behind a bill's lines and readings, as it was stored when the bill was issued."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from billing.invoice import InvoiceLine
from central.invoicing.archive import Archived
from central.invoicing.evidence import Source
from central.store.models import (
    Device,
    IngestBatch,
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


def lines_of(session: Session, archived: Archived) -> tuple[BillLine, ...]:
    """The lines of an invoice in order."""
    wanted = {one.tariff for one in archived.lines if one.tariff is not None}
    rows = select(TariffVersion).where(
        TariffVersion.utility_id == archived.row.utility_id, TariffVersion.id.in_(wanted)
    )
    tariffs = {
        row.id: Tariff(row.tariff, row.version, row.title, row.source, row.sha256) for row in session.scalars(rows)
    }
    return tuple(
        _line(position, one.line, None if one.tariff is None else tariffs.get(one.tariff))
        for position, one in enumerate(archived.lines)
    )


def readings_of(session: Session, archived: Archived) -> tuple[BillReading, ...]:
    """The readings of an invoice in order, each with the telegram it came from, if any."""
    utility_id = archived.row.utility_id
    found = [(end, *row) for end in archived.evidence.ends if (row := _row_of(session, utility_id, end.source))]
    heard = {
        (end.source.telegram_ms, end.source.telegram_id)
        for end, _, _ in found
        if end.source.telegram_ms is not None and end.source.telegram_id is not None
    }
    stories: dict[tuple[int | None, int | None], TelegramStory | None] = {
        key: _story(session, utility_id, key) for key in heard
    }
    return tuple(
        BillReading(
            end.piece,
            end.role,
            meter.address,
            meter.serial,
            instant_of(end.source.at_ms),
            end.source.litres,
            ReadingKind(end.source.kind),
            reading.reason,
            stories.get((end.source.telegram_ms, end.source.telegram_id)),
        )
        for end, meter, reading in found
    )


def _row_of(session: Session, utility_id: int, source: Source) -> tuple[Meter, Reading] | None:
    """The meter and the stored reading that a source names."""
    meter = session.get(Meter, (utility_id, source.meter_id))
    reading = session.scalar(
        select(Reading).where(
            Reading.utility_id == utility_id,
            Reading.at_ms == source.at_ms,
            Reading.meter_id == source.meter_id,
            Reading.kind == source.kind,
            Reading.revision == source.revision,
        )
    )
    return None if meter is None or reading is None else (meter, reading)


def _line(position: int, line: InvoiceLine, tariff: Tariff | None) -> BillLine:
    return BillLine(
        position,
        line.code,
        line.description,
        line.quantity,
        line.unit,
        line.unit_price,
        line.amount,
        line.vat,
        line.beneficiary,
        line.nature,
        line.why,
        tariff,
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
