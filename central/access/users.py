"""Users: made, shut out, and let in by their password."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from central import journal
from central.access.errors import AccessError
from central.access.passwords import hash_password, matches, no_password, renewed_hash
from central.access.policy import PERMISSIONS
from central.store import new_id
from central.store.models import User

LONGEST_LOGIN = 64


def create_user(
    session: Session,
    utility_id: int,
    login: str,
    password: str | None,
    *,
    role: str,
    name: str,
    customer_id: int | None = None,
    actor: str = "operator",
) -> User:
    """Add a user; raises :class:`AccessError` for an unknown role, an empty or taken login, or a bad password.

    Without a password they get in once they chose one by a link (:func:`central.access.passwords.make_link`).
    """
    if role not in PERMISSIONS:
        raise AccessError(f"role: {role!r}, must be one of {', '.join(sorted(PERMISSIONS))}")
    if not login.strip():
        raise AccessError("login: empty, must name the user")
    if not (login.isprintable() and name.isprintable()):
        raise AccessError(f"login: {login!r}, name: {name!r}, must have no control characters")
    if len(login) > LONGEST_LOGIN:
        raise AccessError(f"login: {len(login)} characters, must be at most {LONGEST_LOGIN}")
    if by_login(session, utility_id, login) is not None:
        raise AccessError(f"login: {login!r} is taken, each login is one user")
    user = User(
        utility_id=utility_id,
        id=new_id(),
        login=login,
        name=name,
        role=role,
        password_hash=no_password() if password is None else hash_password(password, (login, name)),
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
    user = find_user(session, utility_id, login)
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
    """The enabled user with this login and password, or None; both answers cost one hash.

    A hash made with earlier parameters is made anew.
    """
    user = by_login(session, utility_id, login)
    right = matches(user.password_hash if user is not None else None, password)
    if user is None or user.disabled_at is not None or not right:
        return None
    user.password_hash = renewed_hash(user.password_hash, password)
    return user


def find_user(session: Session, utility_id: int, login: str) -> User:
    """The user ``login``; AccessError where there is none."""
    user = by_login(session, utility_id, login)
    if user is None:
        raise AccessError(f"login: {login!r} does not exist")
    return user


def by_login(session: Session, utility_id: int, login: str) -> User | None:
    """The user ``login``, or None."""
    return session.scalar(select(User).where(User.utility_id == utility_id, User.login == login))


def by_id(session: Session, utility_id: int, user_id: int) -> User:
    """The user with this id; AccessError where there is none."""
    user = session.get(User, (utility_id, user_id))
    if user is None:
        raise AccessError(f"user: {user_id} does not exist")
    return user
