"""Telegrams and readings, the hot tables: keys are led by time, so bulk loads append; PostgreSQL has months apart.

Instants here are UTC epoch milliseconds (``*_ms``): compact, and the same on every database.
"""

from enum import IntEnum

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, LargeBinary, SmallInteger, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from central.store.base import (
    Base,
    BigInt,
    Code,
    Data,
    DataList,
    Instant,
    Litres,
    LongText,
    Millis,
    Ref,
    Small,
    UtilityId,
)
from central.store.models.register import InUtility


class ReadingKind(IntEnum):
    """How an index value came to be known."""

    RADIO = 1  # the index a telegram carried when it was heard
    RADIO_DUE = 2  # the index at a due date, as a telegram carried it
    TYPED = 3  # a reader typed it on the spot
    SELF = 4  # the subscriber communicated it
    THIRD_PARTY = 5
    INSTALLATION = 6
    REMOVAL = 7
    FINAL = 8
    ESTIMATED = 9
    AGREED = 10  # both sides of a change accept it; nobody read it


class ReadingStatus(IntEnum):
    """The validation's verdict."""

    VALID = 1
    SUSPECT = 2
    REJECTED = 3


class IngestBatch(InUtility, Base):
    """A batch that is committed: the transaction that inserts this row applied it. A refused one is in quarantine."""

    __tablename__ = "ingest_batch"
    __table_args__ = (
        ForeignKeyConstraint(["utility_id", "device_id"], ["device.utility_id", "device.id"]),
        Index("uq_ingest_batch_device_boot_number", "utility_id", "device_id", "boot", "number", unique=True),
    )
    device_id: Mapped[Ref]
    boot: Mapped[str] = mapped_column(String(36))
    os_boot: Mapped[str] = mapped_column(String(36))
    number: Mapped[Ref]
    digest: Mapped[bytes] = mapped_column(LargeBinary(16))
    items: Mapped[int]
    received_at: Mapped[Instant]


class Telegram(Base):
    """A telegram as it was heard: its bytes, who heard it, and what it meant at once."""

    __tablename__ = "telegram"
    __table_args__ = (
        # Telegrams whose meter or content is not known yet; the others are found by the readings they led to.
        Index(
            "ix_telegram_loose",
            "utility_id",
            "address",
            "received_ms",
            postgresql_where=text(
                "meter_id IS NULL OR state IN ('key_missing', 'key_wrong', 'unsupported')",
            ),
        ),
        {"sqlite_with_rowid": False, "postgresql_partition_by": "RANGE (received_ms)"},
    )
    utility_id: Mapped[UtilityId]
    received_ms: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    batch_id: Mapped[Ref]
    item: Mapped[Ref]  # the item's id on the device
    meter_id: Mapped[int | None] = mapped_column(BigInteger)
    address: Mapped[str | None] = mapped_column(String(64))
    frame: Mapped[bytes] = mapped_column(LargeBinary)
    mode: Mapped[str] = mapped_column(String(8))
    rssi_dbm: Mapped[int | None] = mapped_column(SmallInteger)
    receiver: Mapped[str] = mapped_column(String(64))
    crc_checked_by: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    proof: Mapped[str | None] = mapped_column(String(8))
    access_no: Mapped[int | None] = mapped_column(SmallInteger)
    litres: Mapped[int | None] = mapped_column(BigInteger)
    alarms: Mapped[str] = mapped_column(String(200))  # names joined by a space
    mono_ns: Mapped[Ref]
    clock_trusted: Mapped[bool]
    claimed_ms: Mapped[int | None] = mapped_column(BigInteger)  # the device's own clock, where it was corrected


class Reading(Base):
    """An index value of a meter at an instant. A correction is a new row with the next ``revision``."""

    __tablename__ = "reading"
    __table_args__ = (
        Index("ix_reading_meter", "utility_id", "meter_id", "at_ms"),
        # Rows are recorded in the order of time, whatever month they are of: a summary of blocks does.
        Index(
            "ix_reading_recorded",
            "utility_id",
            "recorded_ms",
            "meter_id",
            postgresql_using="brin",
            postgresql_with={"autosummarize": "on"},
        ),
        {"sqlite_with_rowid": False, "postgresql_partition_by": "RANGE (at_ms)"},
    )
    utility_id: Mapped[UtilityId]
    at_ms: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    meter_id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    kind: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    revision: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False, default=0)
    litres: Mapped[Litres]
    status: Mapped[Small]
    reason: Mapped[str] = mapped_column(String(200))  # empty where valid, else what the rule compared
    telegram_ms: Mapped[int | None] = mapped_column(BigInteger)  # with telegram_id: the telegram it came from
    telegram_id: Mapped[int | None] = mapped_column(BigInteger)
    visit_id: Mapped[int | None] = mapped_column(BigInteger)
    recorded_ms: Mapped[Millis]


class Visit(InUtility, Base):
    """A reader's visit: a typed index or the reason why there is none. Corrections point at what they replace."""

    __tablename__ = "visit"
    __table_args__ = (
        Index("ix_visit_supply", "utility_id", "supply_point_id", "at_ms"),
        Index("ix_visit_item", "utility_id", "device_id", "item"),
    )
    device_id: Mapped[Ref]
    batch_id: Mapped[Ref]
    item: Mapped[Ref]
    supply_point_id: Mapped[Ref]
    meter_id: Mapped[Ref | None]
    at_ms: Mapped[Millis]
    litres: Mapped[Litres | None]
    code: Mapped[str] = mapped_column(String(2))
    reader: Mapped[Code]
    note: Mapped[LongText]
    replaces_item: Mapped[Ref | None]
    confirmed: Mapped[bool]
    clock_trusted: Mapped[bool]


class TelegramExplanation(Base):
    """A telegram decoded byte by byte, kept when a bill came to depend on it."""

    __tablename__ = "telegram_explanation"
    utility_id: Mapped[UtilityId]
    telegram_ms: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    telegram_id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    decoder: Mapped[Code]
    decoded: Mapped[Data]
    spans: Mapped[DataList]
    recorded_at: Mapped[Instant]


class Finding(InUtility, Base):
    """What a validation rule found, with the numbers it compared.

    ``subject`` is the address of the meter or the code of the supply point it is about: some findings are about a
    meter that hangs nowhere, or that nobody registered.
    """

    __tablename__ = "finding"
    __table_args__ = (
        Index("uq_finding_rule", "utility_id", "rule", "subject", "since_ms", unique=True),
        Index("ix_finding_supply", "utility_id", "supply_point_id"),
        ForeignKeyConstraint(["utility_id", "supply_point_id"], ["supply_point.utility_id", "supply_point.id"]),
    )
    rule: Mapped[Code]
    severity: Mapped[Code]
    subject: Mapped[Code]
    supply_point_id: Mapped[Ref | None]
    meter_id: Mapped[Ref | None]
    since_ms: Mapped[Millis]
    until_ms: Mapped[Millis | None]
    text: Mapped[LongText]
    numbers: Mapped[Data]
    status: Mapped[Code]
    opened_at: Mapped[Instant]


class ValidationMark(Base):
    """Up to when a utility's readings have been validated, by the instant they were recorded.

    ``slow_ms`` is the same for the rules that are asked once a day, ``slow_at`` when they were asked last.
    """

    __tablename__ = "validation_mark"
    utility_id: Mapped[UtilityId]
    recorded_ms: Mapped[Millis]
    slow_ms: Mapped[Millis | None]
    slow_at: Mapped[Instant | None]


class Quarantine(Base):
    """What could not be applied, whole, with the reason; never dropped, never in anybody's way.

    ``key`` names what is kept, so that the same thing arriving again adds nothing while its entry is open.
    ``utility_id`` is None where the sender is unknown, which is why this table alone is keyed without it.
    """

    __tablename__ = "quarantine"
    __table_args__ = (
        Index(
            "uq_quarantine_open",
            "key",
            unique=True,
            sqlite_where=text("resolved_at IS NULL"),
            postgresql_where=text("resolved_at IS NULL"),
        ),
        Index("ix_quarantine_batch", "device", "boot", "number"),
    )
    id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    utility_id: Mapped[int | None] = mapped_column(index=True)
    kind: Mapped[Code]  # "batch", "telegram", "reading", "visit"
    key: Mapped[str] = mapped_column(String(200))
    arrivals: Mapped[int] = mapped_column(default=1)
    device: Mapped[Code]
    boot: Mapped[str | None] = mapped_column(String(36))
    number: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(Text)
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[Instant]
    resolved_at: Mapped[Instant | None]
    resolution: Mapped[str | None] = mapped_column(Text)
