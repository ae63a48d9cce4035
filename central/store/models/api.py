"""What programs that use the API leave behind: their tokens, and the answers given to their idempotency keys."""

from sqlalchemy import ForeignKeyConstraint, LargeBinary, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from central.store.base import Base, BigInt, Code, DataList, Instant, LongText, Name, Ref, UtilityId
from central.store.models.register import InUtility


class ApiToken(InUtility, Base):
    """A program's right to act as a user until it expires or is revoked: only the hash of the secret is kept."""

    __tablename__ = "api_token"
    __table_args__ = (ForeignKeyConstraint(["utility_id", "user_id"], ["user.utility_id", "user.id"]),)
    user_id: Mapped[Ref] = mapped_column(index=True)
    name: Mapped[Name]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    scopes: Mapped[DataList]  # permissions it is limited to; empty is all of its user's
    created_at: Mapped[Instant]
    created_by: Mapped[Name]
    expires_at: Mapped[Instant]
    revoked_at: Mapped[Instant | None]


class ApiAnswer(Base):
    """The answer a POST was given, for as long as its key may be sent again (draft-ietf-httpapi-idempotency-key)."""

    __tablename__ = "api_answer"
    __table_args__ = (ForeignKeyConstraint(["utility_id", "user_id"], ["user.utility_id", "user.id"]),)
    utility_id: Mapped[UtilityId]
    user_id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))  # of method, path and body
    route: Mapped[Code]
    status: Mapped[int] = mapped_column(SmallInteger)
    body: Mapped[LongText]
    created_at: Mapped[Instant]
