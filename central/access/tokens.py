"""Tokens of programs: a random secret shown once, of which only a hash is kept (OWASP ASVS 5.0 sections 7 and 11)."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from central import journal
from central.access.errors import AccessError
from central.access.policy import PERMISSIONS, Identity, Permission
from central.store import new_id
from central.store.models import ApiToken, User

PREFIX = "sgc_"
LONGEST = timedelta(days=366)
LONGEST_NAME = 200


def create_token(
    session: Session,
    utility_id: int,
    login: str,
    name: str,
    valid_for: timedelta,
    actor: str,
    now: datetime,
    scopes: Sequence[Permission] = (),
) -> tuple[ApiToken, str]:
    """A token that acts as the user ``login``, and its secret; AccessError for an unknown or disabled user.

    ``scopes`` narrow it to some of what the user's role may do; none of them is all of it.
    """
    user = session.scalar(select(User).where(User.utility_id == utility_id, User.login == login))
    if user is None or user.disabled_at is not None:
        raise AccessError(f"login: {login!r} is no enabled user")
    if not name.strip():
        raise AccessError("name: empty, must say what the token is for")
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise AccessError(f"name: {name[:LONGEST_NAME]!r}, must be at most {LONGEST_NAME} characters without controls")
    if not timedelta(0) < valid_for <= LONGEST:
        raise AccessError(f"valid for: {valid_for}, must be from a moment to {LONGEST.days} days")
    beyond = set(scopes) - PERMISSIONS[user.role]
    if beyond:
        raise AccessError(f"scopes: {', '.join(sorted(beyond))}, must be what a {user.role} may do")
    secret = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken(
        utility_id=utility_id,
        id=new_id(),
        user_id=user.id,
        name=name,
        token_hash=_hash(secret),
        scopes=sorted(scope.value for scope in scopes),
        created_at=now,
        created_by=actor,
        expires_at=now + valid_for,
    )
    session.add(token)
    session.flush()
    told = {"login": login, "name": name, "scopes": token.scopes, "expires_at": token.expires_at.isoformat()}
    journal.record(session, utility_id, actor, "token.created", "api_token", token.id, at=now, after=told)
    return token, secret


def revoke_token(session: Session, utility_id: int, token_id: int, actor: str, now: datetime) -> ApiToken:
    """End a token; one that is ended already stays as it is. AccessError where there is none."""
    token = session.get(ApiToken, (utility_id, token_id))
    if token is None:
        raise AccessError(f"token: {token_id} does not exist")
    if token.revoked_at is None:
        token.revoked_at = now
        journal.record(session, utility_id, actor, "token.revoked", "api_token", token.id, at=now)
    return token


def tokens(session: Session, utility_id: int) -> Sequence[tuple[ApiToken, str]]:
    """Every token with its user's login, the newest first."""
    rows = session.execute(
        select(ApiToken, User.login)
        .join(User, (User.utility_id == ApiToken.utility_id) & (User.id == ApiToken.user_id))
        .where(ApiToken.utility_id == utility_id)
        .order_by(ApiToken.id.desc())
    )
    return [(token, login) for token, login in rows]


def bearer(session: Session, utility_id: int, secret: str, now: datetime) -> Identity | None:
    """Who a token acts as; None where it is unknown, ended or its user is disabled."""
    row = session.execute(
        select(ApiToken, User)
        .join(User, (User.utility_id == ApiToken.utility_id) & (User.id == ApiToken.user_id))
        .where(ApiToken.utility_id == utility_id, ApiToken.token_hash == _hash(secret))
    ).first()
    if row is None:
        return None
    token, user = row
    if token.revoked_at is not None or token.expires_at <= now or user.disabled_at is not None:
        return None
    scopes = frozenset(token.scopes) or None
    return Identity(utility_id, user.id, user.login, user.name, user.role, user.customer_id, scopes)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
