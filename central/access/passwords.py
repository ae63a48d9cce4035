"""Passwords: what they may be, their Argon2id hashes, their change, and links that set one.

OWASP ASVS 5.0 sections 6.2, 6.4 and 11.4; NIST SP 800-63B: no rules of composition, no expiry, lists of common ones.
"""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from threading import Lock

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from central import journal
from central.access.errors import AccessError, PasswordError
from central.access.sessions import end_sessions
from central.store import new_id
from central.store.models import PasswordLink, User

MIN_PASSWORD = 8
MAX_PASSWORD = 128
LINK_HOLDS = timedelta(hours=1)
# Fewer guesses than these 10^6 (score 2 of zxcvbn) are made online within the limits of log-in.
_LEAST_SCORE = 2
_ESTIMATED = 72

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Verified against when the login is unknown, so that the answer takes as long as for a known one.
_NOBODY = _hasher.hash("nobody has this password")
# The estimator keeps a caller's own words in one place for all.
_estimating = Lock()


def check_password(password: str, context: Iterable[str] = ()) -> None:
    """Raise :class:`PasswordError` where a password is too short, too long, well known or easily guessed.

    ``context``: words that an attacker of this very user would try (login, name, utility).
    """
    if len(password) < MIN_PASSWORD:
        raise PasswordError("short", f"password: {len(password)} characters, must be {MIN_PASSWORD} to {MAX_PASSWORD}")
    if len(password) > MAX_PASSWORD:
        raise PasswordError("long", f"password: {len(password)} characters, must be {MIN_PASSWORD} to {MAX_PASSWORD}")
    from zxcvbn import zxcvbn
    from zxcvbn.matching import RANKED_DICTIONARIES

    if password.lower() in RANKED_DICTIONARIES["passwords"]:
        raise PasswordError("common", "password: is on the list of stolen ones, must be another")
    with _estimating:
        score = zxcvbn(password[:_ESTIMATED], user_inputs=[word for word in context if word])["score"]
    if score < _LEAST_SCORE:
        raise PasswordError("guessable", "password: easily guessed, must be longer or less predictable")


def hash_password(password: str, context: Iterable[str] = ()) -> str:
    """The Argon2id hash to store; raises :class:`PasswordError` where the password breaks a rule."""
    check_password(password, context)
    return slow_hash(password)


def slow_hash(secret: str) -> str:
    """The Argon2id hash of a secret that was not chosen by a person."""
    return _hasher.hash(secret)


def no_password() -> str:
    """A hash that no password opens, for who has yet to choose one."""
    return _hasher.hash(secrets.token_urlsafe(32))


def matches(hashed: str | None, password: str) -> bool:
    """Whether ``password`` is the one hashed; takes as long where there is none, and where it is longer than any."""
    known = hashed if len(password) <= MAX_PASSWORD else None
    try:
        return _hasher.verify(known or _NOBODY, password[:MAX_PASSWORD]) and known is not None
    except (VerificationError, InvalidHashError):
        return False


def renewed_hash(hashed: str, password: str) -> str:
    """The hash to keep from here on: a new one where ``hashed`` was made with other parameters than today's."""
    return _hasher.hash(password) if _hasher.check_needs_rehash(hashed) else hashed


def change_password(session: Session, user: User, old: str, new: str, keep: str, now: datetime) -> None:
    """Set a user's own password and end their other sessions; PasswordError where the old one is wrong.

    ``keep`` is the token of the session that asks.
    """
    if not matches(user.password_hash, old):
        raise PasswordError("wrong", "password: the present one is another")
    if old == new:
        raise PasswordError("same", "password: is the present one, must be another")
    _set(session, user, new)
    end_sessions(session, user.utility_id, user.id, now, keep=keep)
    journal.record(session, user.utility_id, user.login, "password.changed", "user", user.id, at=now)


def make_link(session: Session, utility_id: int, login: str, actor: str, now: datetime) -> str:
    """The secret of a link by which its bearer sets the password of ``login``, once, within the hour.

    Earlier links of the user end. Second factors stay (OWASP ASVS 5.0 6.4.3). AccessError for an unknown user.
    """
    user = session.scalar(select(User).where(User.utility_id == utility_id, User.login == login))
    if user is None or user.disabled_at is not None:
        raise AccessError(f"login: {login!r} is no enabled user")
    session.execute(
        update(PasswordLink)
        .where(PasswordLink.utility_id == utility_id, PasswordLink.user_id == user.id, PasswordLink.used_at.is_(None))
        .values(used_at=now)
    )
    secret = secrets.token_urlsafe(32)
    session.add(
        PasswordLink(
            utility_id=utility_id,
            id=new_id(),
            user_id=user.id,
            token_hash=_hash(secret),
            created_at=now,
            created_by=actor,
            expires_at=now + LINK_HOLDS,
        )
    )
    session.flush()
    journal.record(session, utility_id, actor, "password.link", "user", user.id, at=now, after={"login": login})
    return secret


def user_of_link(session: Session, utility_id: int, secret: str, now: datetime) -> User | None:
    """Whose password a link sets; None where it is unknown, used or too old."""
    return session.scalar(
        select(User)
        .join(PasswordLink, (PasswordLink.utility_id == User.utility_id) & (PasswordLink.user_id == User.id))
        .where(
            PasswordLink.utility_id == utility_id,
            PasswordLink.token_hash == _hash(secret),
            PasswordLink.used_at.is_(None),
            PasswordLink.expires_at > now,
            User.disabled_at.is_(None),
        )
    )


def use_link(session: Session, utility_id: int, secret: str, new: str, now: datetime) -> User:
    """Set the password a link is for and end every session of its user; AccessError where the link is worth nothing."""
    user = user_of_link(session, utility_id, secret, now)
    if user is None:
        raise AccessError("link: unknown, used or too old, must be a fresh one")
    _set(session, user, new)
    taken = session.scalar(
        update(PasswordLink)
        .where(
            PasswordLink.utility_id == utility_id,
            PasswordLink.token_hash == _hash(secret),
            PasswordLink.used_at.is_(None),
        )
        .values(used_at=now)
        .returning(PasswordLink.id)
    )
    if taken is None:  # another request was faster
        raise AccessError("link: unknown, used or too old, must be a fresh one")
    end_sessions(session, utility_id, user.id, now)
    journal.record(session, utility_id, user.login, "password.reset", "user", user.id, at=now)
    return user


def _set(session: Session, user: User, new: str) -> None:
    user.password_hash = hash_password(new, (user.login, user.name))
    session.flush()


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
