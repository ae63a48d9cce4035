"""Money given back: asked for by one person, decided by another, sent to the bank in an order and reported as paid."""

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from central.store.base import Base, Cents, Code, Day, Instant, LongText, Name, Ref
from central.store.models.register import InUtility


class RefundOrder(InUtility, Base):
    """A credit transfer file as it was sent to the bank (ISO 20022 pain.001)."""

    __tablename__ = "refund_order"
    __table_args__ = (Index("uq_refund_order_code", "utility_id", "code", unique=True),)
    code: Mapped[Code]  # the message's identification
    execute_on: Mapped[Day]
    debtor_iban: Mapped[str] = mapped_column(String(34))
    transfers: Mapped[int]
    total_cents: Mapped[Cents]
    sha256: Mapped[str] = mapped_column(String(64))
    content: Mapped[LongText]
    made_by: Mapped[Name]
    made_at: Mapped[Instant]


class Refund(InUtility, Base):
    """A contract's credit that is paid back to its holder's account. ``decision`` is "approved" or "rejected"."""

    __tablename__ = "refund"
    __table_args__ = (
        CheckConstraint("cents > 0", name="positive_cents"),
        ForeignKeyConstraint(["utility_id", "contract_id"], ["contract.utility_id", "contract.id"]),
        ForeignKeyConstraint(["utility_id", "customer_id"], ["customer.utility_id", "customer.id"]),
        ForeignKeyConstraint(["utility_id", "order_id"], ["refund_order.utility_id", "refund_order.id"]),
    )
    contract_id: Mapped[Ref] = mapped_column(index=True)
    customer_id: Mapped[Ref]
    cents: Mapped[Cents]
    iban: Mapped[str] = mapped_column(String(34))
    holder: Mapped[Name]
    reason: Mapped[LongText]
    asked_by: Mapped[Name]
    asked_at: Mapped[Instant]
    decision: Mapped[Code | None]
    decided_by: Mapped[Name | None]
    decided_at: Mapped[Instant | None]
    decided_why: Mapped[LongText | None]
    order_id: Mapped[Ref | None] = mapped_column(index=True)
    paid_on: Mapped[Day | None]
    paid_by: Mapped[Name | None]
    paid_at: Mapped[Instant | None]
    returned_on: Mapped[Day | None]
    returned_why: Mapped[LongText | None]
