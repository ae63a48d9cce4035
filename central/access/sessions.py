"""Log-in sessions: a random reference token whose hash alone is stored (OWASP ASVS 5.0 section 7).

A session is open once everything that its user must prove was proved; until then it reaches the pages that ask for it
and nothing else. The token changes whenever the session's rights do.
"""

import hashlib
import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from central import journal
from central.access.policy import Identity
from central.access.rules import load_rules, rules_of
from central.store import new_id
from central.store.models import FactorGrace, LoginSession, Passkey, TotpSecret, User, Utility

# ``seen_at`` is written at most this often, so that a page view is seldom a write.
SEEN_EVERY = timedelta(minutes=1)
MOST_AGENT = 200


class Stage(StrEnum):
    """What a session may reach: everything; only the page that asks for a factor; only those that add one."""

    OPEN = "open"
    FACTOR = "factor"
    ENROL = "enrol"


@dataclass(frozen=True)
class Seen:
    """A session that holds. ``touch_due``: :func:`touch` is to be called; ``grace_until``: a factor must be there."""

    identity: Identity
    stage: Stage
    session_id: int
    has_factor: bool
    proved_until: datetime
    grace_until: datetime | None
    touch_due: bool


@dataclass(frozen=True)
class From:
    """Where a session comes from, as its owner is shown it: what the browser calls itself, and its network."""

    agent: str = ""
    network: str = ""

    @classmethod
    def of(cls, agent: str, address: str) -> "From":
        """The network of an address: /24 of IPv4, /48 of IPv6; the whole address is nobody's business later."""
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return cls(agent[:MOST_AGENT])
        kept = ipaddress.ip_network(f"{parsed}/{24 if parsed.version == 4 else 48}", strict=False)
        return cls(agent[:MOST_AGENT], str(kept))


NOWHERE = From()


def open_session(
    session: Session, user: User, now: datetime | None = None, *, factor: bool = False, place: From = NOWHERE
) -> str:
    """A fresh 256-bit token for ``user``, for the browser's cookie; ``factor``: a second one was given too."""
    at = now or datetime.now(UTC)
    if not factor:
        _start_grace(session, user, at)
    return _add(session, user, at, at, at if factor else None, place)


def renew_session(session: Session, utility_id: int, token: str, now: datetime, *, factor: bool = False) -> str:
    """Another token for the session of ``token``, which ends: its user has just proved who they are.

    The new one grows no older than the first would have. LookupError where the session does not hold.
    """
    row = session.get(LoginSession, (utility_id, _hash(token)))
    if row is None or row.ended_at is not None:
        raise LookupError("session: has ended")
    user = session.get_one(User, (utility_id, row.user_id))
    row.ended_at = now
    passed = now if factor else row.factor_at
    return _add(session, user, row.created_at, now, passed, From(row.agent, row.network))


def identify(session: Session, utility_id: int, token: str, now: datetime | None = None) -> Seen | None:
    """Who holds ``token`` and what it reaches; None where it is unknown, ended, idle or too old."""
    at = now or datetime.now(UTC)
    row = session.execute(
        select(LoginSession, User, Utility.settings, FactorGrace.since)
        .join(User, (User.utility_id == LoginSession.utility_id) & (User.id == LoginSession.user_id))
        .join(Utility, Utility.id == LoginSession.utility_id)
        .outerjoin(
            FactorGrace,
            (FactorGrace.utility_id == LoginSession.utility_id) & (FactorGrace.user_id == LoginSession.user_id),
        )
        .where(LoginSession.utility_id == utility_id, LoginSession.token_hash == _hash(token))
    ).first()
    if row is None:
        return None
    login, user, settings, asked_since = row
    if login.ended_at is not None or user.disabled_at is not None:
        return None
    rules = rules_of(settings)
    if at - login.seen_at > rules.idle(user.role) or at - login.created_at > rules.longest(user.role):
        return None
    factor = login.factor_at is not None or has_factor(session, utility_id, user.id)
    until = None if factor else rules.grace_until(user.role, asked_since)
    return Seen(
        identity=Identity(utility_id, user.id, user.login, user.name, user.role, user.customer_id),
        stage=_stage(login, factor, until, at),
        session_id=login.id,
        has_factor=factor,
        proved_until=(login.proved_at or login.created_at) + timedelta(minutes=rules.proof_minutes),
        grace_until=until,
        touch_due=at - login.seen_at > SEEN_EVERY,
    )


def _stage(login: LoginSession, factor: bool, until: datetime | None, at: datetime) -> Stage:
    if login.factor_at is None and factor:
        return Stage.FACTOR
    return Stage.ENROL if until is not None and at >= until else Stage.OPEN


def has_factor(session: Session, utility_id: int, user_id: int) -> bool:
    """Whether a user has a second factor that counts."""
    secret = exists().where(
        TotpSecret.utility_id == utility_id,
        TotpSecret.user_id == user_id,
        TotpSecret.confirmed_at.is_not(None),
        TotpSecret.removed_at.is_(None),
    )
    key = exists().where(Passkey.utility_id == utility_id, Passkey.user_id == user_id, Passkey.removed_at.is_(None))
    return bool(session.scalar(select(secret | key)))


def touch(session: Session, utility_id: int, token: str, now: datetime | None = None) -> None:
    """Note that the session is in use."""
    _set(session, utility_id, token, seen_at=now or datetime.now(UTC))


def close_session(session: Session, utility_id: int, token: str, now: datetime | None = None) -> None:
    """End the session at the server; the cookie is worth nothing from here on."""
    _set(session, utility_id, token, ended_at=now or datetime.now(UTC))


def live_sessions(session: Session, utility_id: int, user: User, now: datetime) -> Sequence[LoginSession]:
    """A user's sessions that hold, the one last seen first."""
    rules = load_rules(session, utility_id)
    return session.scalars(
        select(LoginSession)
        .where(
            LoginSession.utility_id == utility_id,
            LoginSession.user_id == user.id,
            LoginSession.ended_at.is_(None),
            LoginSession.seen_at >= now - rules.idle(user.role),
            LoginSession.created_at >= now - rules.longest(user.role),
        )
        .order_by(LoginSession.seen_at.desc())
    ).all()


def end_sessions(
    session: Session, utility_id: int, user_id: int, now: datetime, *, only: int | None = None, keep: str = ""
) -> int:
    """End a user's sessions and say how many: all, ``only`` the one with this id, or all but that of token ``keep``."""
    query = update(LoginSession).where(
        LoginSession.utility_id == utility_id,
        LoginSession.user_id == user_id,
        LoginSession.ended_at.is_(None),
        LoginSession.token_hash != _hash(keep),
    )
    if only is not None:
        query = query.where(LoginSession.id == only)
    return len(session.scalars(query.values(ended_at=now).returning(LoginSession.id)).all())


def end_own(session: Session, user: User, now: datetime, *, only: int | None = None, keep: str = "") -> int:
    """The same by the user's own hand, told to the audit."""
    ended = end_sessions(session, user.utility_id, user.id, now, only=only, keep=keep)
    if ended:
        told = {"sessions": ended}
        journal.record(session, user.utility_id, user.login, "session.ended", "user", user.id, at=now, after=told)
    return ended


def end_sessions_of(session: Session, utility_id: int, login: str, actor: str, now: datetime) -> int:
    """End every session of a user by another's hand, and say so in the audit; LookupError where there is none."""
    user = session.scalar(select(User).where(User.utility_id == utility_id, User.login == login))
    if user is None:
        raise LookupError(f"login: {login!r} does not exist")
    ended = end_sessions(session, utility_id, user.id, now)
    told = {"login": login, "sessions": ended}
    journal.record(session, utility_id, actor, "session.ended", "user", user.id, at=now, after=told)
    return ended


def _add(
    session: Session, user: User, created: datetime, now: datetime, factor_at: datetime | None, place: From
) -> str:
    token = secrets.token_urlsafe(32)
    session.add(
        LoginSession(
            utility_id=user.utility_id,
            token_hash=_hash(token),
            id=new_id(),
            user_id=user.id,
            created_at=created,
            seen_at=now,
            factor_at=factor_at,
            proved_at=now,
            agent=place.agent,
            network=place.network,
        )
    )
    session.flush()
    return token


def _start_grace(session: Session, user: User, now: datetime) -> None:
    """From the first log-in at which a factor was due and not there, the time of grace runs."""
    if user.role not in load_rules(session, user.utility_id).factor_roles:
        return
    if session.get(FactorGrace, (user.utility_id, user.id)) is None:
        session.add(FactorGrace(utility_id=user.utility_id, user_id=user.id, since=now))


def _set(session: Session, utility_id: int, token: str, **values: datetime) -> None:
    session.execute(
        update(LoginSession)
        .where(LoginSession.utility_id == utility_id, LoginSession.token_hash == _hash(token))
        .values(**values)
    )


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
