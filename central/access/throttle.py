"""How many wrong guesses are borne, without letting a stranger shut a user out (OWASP ASVS 5.0 6.3.1, 6.6.3).

Counted in the database, so that all processes and restarts share them. A browser that a user once logged in with has
a count of its own: who guesses elsewhere does not use it up. A passkey is never guessed and needs no count.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from central import journal
from central.access.errors import ThrottledError
from central.store import new_id
from central.store.models import KnownBrowser, LoginRefusal, User

WINDOW = timedelta(minutes=5)
PER_LOGIN = 10
PER_ADDRESS = 100
PER_FACTOR = 5


@dataclass(frozen=True)
class Counter:
    """Refusals of one kind for one someone, of which ``most`` are borne in the window."""

    kind: str
    who: str
    most: int

    @property
    def key(self) -> bytes:
        """What is stored instead of the someone."""
        return hashlib.sha256(f"{self.kind}\0{self.who}".encode()).digest()


def counters_of_login(
    session: Session, utility_id: int, login: str, address: str, browser: str | None
) -> Sequence[Counter]:
    """What a log-in as ``login`` counts for: its known browser alone, or login and address."""
    if browser and _knows(session, utility_id, login, browser):
        return (Counter("browser", f"{login}\0{browser}", PER_LOGIN),)
    return Counter("login", login, PER_LOGIN), Counter("address", address, PER_ADDRESS)


def counters_of_factor(user_id: int) -> Sequence[Counter]:
    """What a wrong code, or password of who is logged in, counts for."""
    return (Counter("factor", str(user_id), PER_FACTOR),)


def check(session: Session, utility_id: int, counters: Sequence[Counter], now: datetime) -> None:
    """ThrottledError where one of the counters is used up."""
    _one_at_a_time(session, counters[0])
    for counter in counters:
        query = select(func.count()).where(
            LoginRefusal.utility_id == utility_id, LoginRefusal.key == counter.key, LoginRefusal.at > now - WINDOW
        )
        if (session.scalar(query) or 0) >= counter.most:
            raise ThrottledError(f"{counter.kind}: {counter.most} wrong in {WINDOW}, must wait")


def refuse(
    session: Session,
    utility_id: int,
    counters: Sequence[Counter],
    user: User | None,
    how: str,
    network: str,
    now: datetime,
) -> None:
    """Count a wrong guess, and tell the audit what was tried on whom and whence.

    A login that nobody has is not told: people type passwords into the wrong field.
    """
    session.execute(delete(LoginRefusal).where(LoginRefusal.utility_id == utility_id, LoginRefusal.at <= now - WINDOW))
    session.add_all(LoginRefusal(utility_id=utility_id, id=new_id(), key=counter.key, at=now) for counter in counters)
    actor, subject = (user.login, user.id) if user is not None else ("?", None)
    told = {"how": how, "network": network}
    journal.record(session, utility_id, actor, "login.refused", "user", subject, at=now, after=told)


def recent(session: Session, now: datetime) -> int:
    """Refusals that count at this moment, of all utilities; one that counts for login and address is two."""
    return session.scalar(select(func.count(LoginRefusal.id)).where(LoginRefusal.at > now - WINDOW)) or 0


def know_browser(session: Session, user: User, browser: str | None, now: datetime) -> str:
    """The token by which this browser will be known as one of the user's: its present one, or a fresh one."""
    token = browser or secrets.token_urlsafe(32)
    key = (user.utility_id, _hash(token), user.id)
    if session.get(KnownBrowser, key) is None:
        session.add(KnownBrowser(utility_id=user.utility_id, token_hash=key[1], user_id=user.id, created_at=now))
    return token


def _one_at_a_time(session: Session, counter: Counter) -> None:
    """Guesses at one thing wait for each other: a hundred at once are no more than one after the other.

    SQLite has one writer at a time in any case.
    """
    if session.get_bind().dialect.name == "postgresql":
        number = int.from_bytes(counter.key[:8], "big", signed=True)
        session.execute(select(func.pg_advisory_xact_lock(number)))


def _knows(session: Session, utility_id: int, login: str, browser: str) -> bool:
    query = (
        select(KnownBrowser.user_id)
        .join(User, (User.utility_id == KnownBrowser.utility_id) & (User.id == KnownBrowser.user_id))
        .where(KnownBrowser.utility_id == utility_id, KnownBrowser.token_hash == _hash(browser), User.login == login)
    )
    return session.scalar(query) is not None


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
