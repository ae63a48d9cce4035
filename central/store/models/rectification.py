"""Rectifications: proposed by one person, decided by another, issued as rectifying invoices. Nothing is deleted."""

from sqlalchemy import ForeignKeyConstraint, Index, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from central.store.base import Base, Cents, Code, Data, Day, Id, Instant, LongText, Name, Ref, UtilityId
from central.store.models.register import InUtility


class Rectification(InUtility, Base):
    """What is to be corrected on a contract's bills, and why (RD 1619/2012, article 15).

    ``cause`` is "correct" (rated again from the register as it is now), "spread" (what was metered is spread over the
    estimated periods) or "cancel". ``decision`` is "issued" or "rejected", taken by another person than the proposer.
    """

    __tablename__ = "rectification"
    __table_args__ = (ForeignKeyConstraint(["utility_id", "contract_id"], ["contract.utility_id", "contract.id"]),)
    contract_id: Mapped[Ref]
    cause: Mapped[Code]
    kind: Mapped[str] = mapped_column(String(2))  # R1 … R4 (list L2)
    method: Mapped[str] = mapped_column(String(1))  # S substitution, I differences (list L3)
    series: Mapped[Code]
    reason: Mapped[LongText]
    proposed_by: Mapped[Name]
    proposed_at: Mapped[Instant]
    decision: Mapped[Code | None]
    decided_by: Mapped[Name | None]
    decided_at: Mapped[Instant | None]
    decided_why: Mapped[LongText | None]


class RectificationItem(Base):
    """One bill of a rectification: the original, the draft of the rectifying invoice and, once issued, that invoice.

    ``before_cents`` is what the bill came to, with what had rectified it before; ``after_cents`` what it comes to.
    """

    __tablename__ = "rectification_item"
    __table_args__ = (
        Index("ix_rectification_item_invoice", "utility_id", "invoice_id"),
        Index("uq_rectification_item_result", "utility_id", "result_id", unique=True),
        ForeignKeyConstraint(["utility_id", "rectification_id"], ["rectification.utility_id", "rectification.id"]),
        ForeignKeyConstraint(["utility_id", "invoice_id"], ["invoice.utility_id", "invoice.id"]),
        ForeignKeyConstraint(["utility_id", "result_id"], ["invoice.utility_id", "invoice.id"]),
    )
    utility_id: Mapped[UtilityId]
    rectification_id: Mapped[Id]
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    invoice_id: Mapped[Ref]
    period_from: Mapped[Day]
    period_to: Mapped[Day]
    before_cents: Mapped[Cents]
    after_cents: Mapped[Cents]
    draft: Mapped[Data]
    result_id: Mapped[Ref | None]
