"""Log-in sessions: a random reference token whose hash alone is stored (OWASP ASVS 5.0 section 7)."""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from central.access.policy import Identity
from central.store.models import LoginSession, User

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
# ``seen_at`` is written at most this often, so that a page view is seldom a write.
SEEN_EVERY = timedelta(minutes=1)


def open_session(session: Session, user: User, now: datetime | None = None) -> str:
    """A fresh 256-bit token for ``user``, to be kept in the browser's cookie."""
    token = secrets.token_urlsafe(32)
    at = now or datetime.now(UTC)
    session.add(
        LoginSession(utility_id=user.utility_id, token_hash=_hash(token), user_id=user.id, created_at=at, seen_at=at)
    )
    session.flush()
    return token


def identify(
    session: Session, utility_id: int, token: str, now: datetime | None = None
) -> tuple[Identity, bool] | None:
    """Who holds ``token`` and whether :func:`touch` is due; None where it is unknown, ended, idle or too old."""
    at = now or datetime.now(UTC)
    row = session.execute(
        select(LoginSession, User)
        .join(User, (User.utility_id == LoginSession.utility_id) & (User.id == LoginSession.user_id))
        .where(LoginSession.utility_id == utility_id, LoginSession.token_hash == _hash(token))
    ).first()
    if row is None:
        return None
    login, user = row
    if login.ended_at is not None or user.disabled_at is not None:
        return None
    if at - login.seen_at > IDLE or at - login.created_at > ABSOLUTE:
        return None
    identity = Identity(utility_id, user.id, user.login, user.name, user.role, user.customer_id)
    return identity, at - login.seen_at > SEEN_EVERY


def touch(session: Session, utility_id: int, token: str, now: datetime | None = None) -> None:
    """Note that the session is in use."""
    _set(session, utility_id, token, seen_at=now or datetime.now(UTC))


def close_session(session: Session, utility_id: int, token: str, now: datetime | None = None) -> None:
    """End the session at the server; the cookie is worth nothing from here on."""
    _set(session, utility_id, token, ended_at=now or datetime.now(UTC))


def _set(session: Session, utility_id: int, token: str, **values: datetime) -> None:
    session.execute(
        update(LoginSession)
        .where(LoginSession.utility_id == utility_id, LoginSession.token_hash == _hash(token))
        .values(**values)
    )


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
