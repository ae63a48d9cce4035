"""Which fiscal system holds from which day, and the log of events of a system that does not submit its records."""

from sqlalchemy import ForeignKeyConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from central.store.base import Base, BigInt, Code, Data, Day, Instant, LongText, Name, Ref, UtilityId
from central.store.models.register import InUtility


class FiscalRegime(InUtility, Base):
    """A utility's fiscal system from a day on, proposed by one person and decided by another; nothing is deleted.

    ``fiscal`` is the whole of the settings (``central.invoicing.settings.FiscalSettings``). Of two confirmed rows of
    one day the one decided later holds.
    """

    __tablename__ = "fiscal_regime"
    valid_from: Mapped[Day]
    system: Mapped[Code]
    fiscal: Mapped[Data]
    reason: Mapped[LongText]
    proposed_by: Mapped[Name]
    proposed_at: Mapped[Instant]
    decision: Mapped[Code | None]  # "confirmed" or "rejected"
    decided_by: Mapped[Name | None]
    decided_at: Mapped[Instant | None]
    decided_why: Mapped[LongText | None]


class FiscalEvent(InUtility, Base):
    """An event of a system that does not submit, signed and chained to the one before (EventosSIF.xsd).

    ``kind`` is the agency's list of types of event: 01 start, 02 end, 03 to 06 searches for anomalies and what they
    found, 07 restored, 08 and 09 exports, 10 summary, 90 others. ``record`` is the signed XML.
    """

    __tablename__ = "fiscal_event"
    __table_args__ = (UniqueConstraint("utility_id", "position"),)
    position: Mapped[Ref]
    kind: Mapped[str] = mapped_column(String(2))
    generated_at: Mapped[Instant]
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
    record: Mapped[LongText]


class FiscalSignature(Base):
    """A record of a system that does not submit, signed (RD 1007/2023, article 12); ``document`` is the whole XML."""

    __tablename__ = "fiscal_signature"
    __table_args__ = (
        ForeignKeyConstraint(["utility_id", "record_id"], ["fiscal_record.utility_id", "fiscal_record.id"]),
    )
    utility_id: Mapped[UtilityId]
    record_id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    signed_at: Mapped[Instant]
    document: Mapped[LongText]
