"""The way of fiscal records to the tax agency: who sends, what was sent, what was answered.

A record waits from the moment it is written: its place in the chain against ``FiscalSender.next_position`` says so,
and issuing a run needs to know nothing of sending.
"""

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from central.store.base import Base, BigInt, Code, Id, Instant, LongText, Name, Ref, UtilityId
from central.store.models.register import InUtility


class FiscalSender(Base):
    """One issuer's line to the agency: the first position never sent, and when the next message may go.

    ``claim`` is a fencing token: a worker that wakes late with an older one records nothing.
    """

    __tablename__ = "fiscal_sender"
    utility_id: Mapped[UtilityId] = mapped_column(ForeignKey("utility.id"))
    system: Mapped[str] = mapped_column(String(64), primary_key=True)
    next_position: Mapped[Ref]
    not_before: Mapped[Instant | None]
    claim: Mapped[int] = mapped_column(default=0)
    claimed_until: Mapped[Instant | None]
    failures: Mapped[int] = mapped_column(default=0)  # in a row
    interrupted_since: Mapped[Instant | None]  # makes the next message state Incidencia
    error: Mapped[LongText] = mapped_column(default="")


class FiscalSubmission(InUtility, Base):
    """A message of records [first_position, first_position + records) of a chain; ``state`` is "open" or "answered".

    Records never change, so the message is built again from them each time it is sent.
    """

    __tablename__ = "fiscal_submission"
    __table_args__ = (
        Index("ix_fiscal_submission_state", "utility_id", "system", "state"),
        Index("ix_fiscal_submission_place", "utility_id", "system", "first_position", unique=True),
    )
    system: Mapped[Code]
    first_position: Mapped[Ref]
    records: Mapped[int]
    state: Mapped[Code]
    attempts: Mapped[int] = mapped_column(default=0)
    prepared_at: Mapped[Instant]
    answered_at: Mapped[Instant | None]
    verdict: Mapped[Code | None]  # EstadoEnvio
    csv: Mapped[Code | None]  # the agency's receipt
    answer: Mapped[LongText | None]


class FiscalOutcome(Base):
    """What the agency answered for one record: "accepted", "accepted_with_errors" or "rejected"."""

    __tablename__ = "fiscal_outcome"
    __table_args__ = (
        ForeignKeyConstraint(["utility_id", "record_id"], ["fiscal_record.utility_id", "fiscal_record.id"]),
        ForeignKeyConstraint(["utility_id", "submission_id"], ["fiscal_submission.utility_id", "fiscal_submission.id"]),
        Index("ix_fiscal_outcome_verdict", "utility_id", "verdict", "record_id"),
    )
    utility_id: Mapped[UtilityId]
    record_id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    submission_id: Mapped[Ref]
    verdict: Mapped[Code]
    code: Mapped[int | None]
    text: Mapped[LongText]
    duplicate: Mapped[bool]  # the agency already had it from an answer that was lost


class FiscalCorrection(Base):
    """A later record (``record_id``) that mends an earlier one of the same invoice (subsanación)."""

    __tablename__ = "fiscal_correction"
    __table_args__ = (
        ForeignKeyConstraint(["utility_id", "record_id"], ["fiscal_record.utility_id", "fiscal_record.id"]),
        ForeignKeyConstraint(["utility_id", "corrects_id"], ["fiscal_record.utility_id", "fiscal_record.id"]),
        Index("ix_fiscal_correction_corrects", "utility_id", "corrects_id", unique=True),
    )
    utility_id: Mapped[UtilityId]
    record_id: Mapped[Id]
    corrects_id: Mapped[Ref]
    made_at: Mapped[Instant]
    made_by: Mapped[Name]
    reason: Mapped[LongText]
