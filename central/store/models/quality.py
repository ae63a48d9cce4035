"""What is wrong or suspicious in the register: since when, who looks after it, and why it may stay as it is."""

from datetime import date

from sqlalchemy import Date, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from central.store.base import Base, Code, Day, Instant, LongText, UtilityId
from central.store.models.register import InUtility


class QualityIssue(InUtility, Base):
    """One thing one rule says of one subject (a contract's, meter's, customer's or supply point's code).

    It is cleared when the rule no longer finds it, and opens again, with a new ``first_seen_at``, when it comes back.
    A dismissal outlives that: it says that somebody looked and accepts it, until ``dismissed_until`` (excluded) where
    that is given.
    """

    __tablename__ = "quality_issue"
    __table_args__ = (UniqueConstraint("utility_id", "rule", "subject"),)
    rule: Mapped[Code]
    subject: Mapped[Code]
    text: Mapped[LongText]
    first_seen_at: Mapped[Instant]
    last_seen_at: Mapped[Instant]
    cleared_at: Mapped[Instant | None]
    assigned_to: Mapped[Code | None]
    dismissed_at: Mapped[Instant | None]
    dismissed_by: Mapped[Code | None]
    dismissed_reason: Mapped[LongText] = mapped_column(default="")
    dismissed_until: Mapped[Day | None]


class QualityCount(Base):
    """How many issues a rule had open and dismissed when it was last asked on a day (Europe/Madrid): the trend."""

    __tablename__ = "quality_count"
    utility_id: Mapped[UtilityId] = mapped_column(ForeignKey("utility.id"))
    rule: Mapped[str] = mapped_column(String(64), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    open: Mapped[int]
    dismissed: Mapped[int]
