"""How people prove who they are beside their password: codes of an application, passkeys, recovery codes, links."""

from sqlalchemy import BigInteger, ForeignKeyConstraint, LargeBinary, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from central.store.base import Base, BigInt, Code, DataList, Instant, Name, Ref, UtilityId
from central.store.models.register import InUtility


def _of_user() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["utility_id", "user_id"], ["user.utility_id", "user.id"])


class TotpSecret(InUtility, Base):
    """The shared secret of an authenticator application (RFC 6238), sealed; it counts once a code confirmed it.

    ``last_step`` is the time step of the last code taken: only later ones are.
    """

    __tablename__ = "totp_secret"
    __table_args__ = (_of_user(),)
    user_id: Mapped[Ref] = mapped_column(index=True)
    kek: Mapped[Code]
    nonce: Mapped[bytes] = mapped_column(LargeBinary(12))
    sealed: Mapped[bytes] = mapped_column(LargeBinary(64))
    created_at: Mapped[Instant]
    confirmed_at: Mapped[Instant | None]
    removed_at: Mapped[Instant | None]
    last_step: Mapped[int] = mapped_column(BigInteger, default=0)


class Passkey(InUtility, Base):
    """A public key of a person's device or security key (W3C Web Authentication)."""

    __tablename__ = "passkey"
    __table_args__ = (_of_user(), UniqueConstraint("utility_id", "credential_id"))
    user_id: Mapped[Ref] = mapped_column(index=True)
    name: Mapped[Name]
    credential_id: Mapped[bytes] = mapped_column(LargeBinary(1023))
    public_key: Mapped[bytes] = mapped_column(LargeBinary)  # COSE
    sign_count: Mapped[int] = mapped_column(BigInteger)
    transports: Mapped[DataList]
    created_at: Mapped[Instant]
    used_at: Mapped[Instant | None]
    removed_at: Mapped[Instant | None]


class PasskeyChallenge(Base):
    """A question put to a browser, answered once within minutes; ``user_id`` is None at a log-in without a name."""

    __tablename__ = "passkey_challenge"
    __table_args__ = (_of_user(),)
    utility_id: Mapped[UtilityId]
    challenge: Mapped[bytes] = mapped_column(LargeBinary(64), primary_key=True)
    purpose: Mapped[Code]  # login, factor or register
    user_id: Mapped[Ref | None]
    expires_at: Mapped[Instant]


class RecoveryCode(InUtility, Base):
    """One of ten codes to be kept on paper: its Argon2id hash, and the digit that says which one it is."""

    __tablename__ = "recovery_code"
    __table_args__ = (_of_user(),)
    user_id: Mapped[Ref] = mapped_column(index=True)
    digit: Mapped[int] = mapped_column(SmallInteger)
    code_hash: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[Instant]
    used_at: Mapped[Instant | None]
    retired_at: Mapped[Instant | None]


class PasswordLink(InUtility, Base):
    """A link by which its bearer sets a user's password, once; only the hash of its secret is kept."""

    __tablename__ = "password_link"
    __table_args__ = (_of_user(), UniqueConstraint("utility_id", "token_hash"))
    user_id: Mapped[Ref] = mapped_column(index=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    created_at: Mapped[Instant]
    created_by: Mapped[Name]
    expires_at: Mapped[Instant]
    used_at: Mapped[Instant | None]


class FactorGrace(Base):
    """Since when a user has been asked to add a second factor: the time of grace runs from here."""

    __tablename__ = "factor_grace"
    __table_args__ = (_of_user(),)
    utility_id: Mapped[UtilityId]
    user_id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    since: Mapped[Instant]


class KnownBrowser(Base):
    """A browser that a user once logged in with: strangers' wrong guesses do not shut it out."""

    __tablename__ = "known_browser"
    __table_args__ = (_of_user(),)
    utility_id: Mapped[UtilityId]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    created_at: Mapped[Instant]


class LoginRefusal(InUtility, Base):
    """A wrong password or code, counted for minutes; ``key`` is a hash of whom or what it counts for."""

    __tablename__ = "login_refusal"
    key: Mapped[bytes] = mapped_column(LargeBinary(32), index=True)
    at: Mapped[Instant] = mapped_column(index=True)
