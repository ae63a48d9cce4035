"""Users, their sessions, and the chained record of everything anyone changed."""

from sqlalchemy import BigInteger, ForeignKeyConstraint, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from central.store.base import Base, BigInt, Code, Data, Instant, LongText, Name, Ref, UtilityId
from central.store.models.register import InUtility


class User(InUtility, Base):
    """Someone who logs in. ``role``: subscriber, reader, clerk, supervisor, auditor, owner or admin."""

    __tablename__ = "user"
    __table_args__ = (
        UniqueConstraint("utility_id", "login"),
        ForeignKeyConstraint(["utility_id", "customer_id"], ["customer.utility_id", "customer.id"]),
    )
    login: Mapped[Code]
    name: Mapped[Name]
    role: Mapped[Code]
    password_hash: Mapped[str] = mapped_column(String(200))
    customer_id: Mapped[Ref | None]
    created_at: Mapped[Instant]
    disabled_at: Mapped[Instant | None]


class LoginSession(Base):
    """A log-in: only the hash of its token is kept. ``id`` names it to its owner; ``factor_at`` is None while a second
    factor has not been given, ``proved_at`` is when the person last proved who they are."""

    __tablename__ = "login_session"
    __table_args__ = (
        ForeignKeyConstraint(["utility_id", "user_id"], ["user.utility_id", "user.id"]),
        UniqueConstraint("utility_id", "id"),
    )
    utility_id: Mapped[UtilityId]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    id: Mapped[Ref]
    user_id: Mapped[Ref] = mapped_column(index=True)
    created_at: Mapped[Instant]
    seen_at: Mapped[Instant]
    ended_at: Mapped[Instant | None]
    factor_at: Mapped[Instant | None]
    proved_at: Mapped[Instant | None]
    agent: Mapped[Name] = mapped_column(default="")  # what the browser says of itself
    network: Mapped[Code] = mapped_column(default="")  # where it came from, to /24 or /48


class AuditEntry(Base):
    """Who changed what, when, from what to what; each entry's hash covers the one before."""

    __tablename__ = "audit_entry"
    utility_id: Mapped[UtilityId]
    position: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    at: Mapped[Instant]
    actor: Mapped[Name]
    action: Mapped[Code]
    subject: Mapped[Code]  # the kind of thing, e.g. "invoice"
    subject_id: Mapped[int | None] = mapped_column(BigInteger)
    before: Mapped[Data | None]
    after: Mapped[Data | None]
    reason: Mapped[LongText] = mapped_column(default="")
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
