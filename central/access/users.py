"""Users and their passwords (Argon2id; OWASP ASVS 5.0 sections 6.2 and 11.4)."""

from collections.abc import Sequence
from datetime import UTC, datetime

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from central import journal
from central.access.policy import PERMISSIONS
from central.store import new_id
from central.store.models import User

MIN_PASSWORD = 8
MAX_PASSWORD = 128

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Verified against when the login is unknown, so that the answer takes as long as for a known one.
_NOBODY = _hasher.hash("nobody has this password")


class AccessError(ValueError):
    """A user that cannot be made; the text names field, value and rule."""


def hash_password(password: str) -> str:
    """The Argon2id hash to store; raises :class:`AccessError` where the password breaks a rule."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise AccessError(f"password: {len(password)} characters, must be {MIN_PASSWORD} to {MAX_PASSWORD}")
    return _hasher.hash(password)


def create_user(
    session: Session,
    utility_id: int,
    login: str,
    password: str,
    *,
    role: str,
    name: str,
    customer_id: int | None = None,
    actor: str = "operator",
) -> User:
    """Add a user; raises :class:`AccessError` for an unknown role, an empty or taken login, or a bad password."""
    if role not in PERMISSIONS:
        raise AccessError(f"role: {role!r}, must be one of {', '.join(sorted(PERMISSIONS))}")
    if not login.strip():
        raise AccessError("login: empty, must name the user")
    if _find(session, utility_id, login) is not None:
        raise AccessError(f"login: {login!r} is taken, each login is one user")
    user = User(
        utility_id=utility_id,
        id=new_id(),
        login=login,
        name=name,
        role=role,
        password_hash=hash_password(password),
        customer_id=customer_id,
        created_at=datetime.now(UTC),
    )
    session.add(user)
    session.flush()
    told = {"login": login, "role": role, "customer_id": customer_id}
    journal.record(session, utility_id, actor, "user.created", "user", user.id, at=user.created_at, after=told)
    return user


def disable_user(session: Session, utility_id: int, login: str, actor: str, now: datetime, reason: str = "") -> User:
    """Shut a user out: their sessions and tokens are worth nothing from here on. AccessError where there is none."""
    user = _find(session, utility_id, login)
    if user is None:
        raise AccessError(f"login: {login!r} does not exist")
    if user.disabled_at is None:
        user.disabled_at = now
        journal.record(
            session,
            utility_id,
            actor,
            "user.disabled",
            "user",
            user.id,
            at=now,
            before={"login": login, "role": user.role},
            reason=reason,
        )
    return user


def users(session: Session, utility_id: int) -> Sequence[User]:
    """Every user of a utility, by login."""
    return session.scalars(select(User).where(User.utility_id == utility_id).order_by(User.login)).all()


def authenticate(session: Session, utility_id: int, login: str, password: str) -> User | None:
    """The enabled user with this login and password, or None; both answers cost one hash."""
    user = _find(session, utility_id, login)
    known = user is not None and user.disabled_at is None
    matches = _matches(user.password_hash if user is not None else _NOBODY, password[:MAX_PASSWORD])
    return user if known and matches else None


def _find(session: Session, utility_id: int, login: str) -> User | None:
    return session.scalar(select(User).where(User.utility_id == utility_id, User.login == login))


def _matches(hashed: str, password: str) -> bool:
    try:
        return _hasher.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False
