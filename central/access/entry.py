"""Logging in with a password: counted, as slow for a login that nobody has, told to the audit where it is refused."""

from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from central.access import throttle
from central.access.sessions import From, open_session
from central.access.users import authenticate, by_login
from central.store.models import User


@dataclass(frozen=True)
class Client:
    """Who knocks: address, what the browser calls itself, and the token by which it is known, if it is."""

    address: str
    agent: str
    browser: str | None

    @property
    def place(self) -> From:
        """What is kept of it."""
        return From.of(self.agent, self.address)


@dataclass(frozen=True)
class Entered:
    """A log-in that succeeded: the session's token, and that by which the browser is known from now on."""

    user: User
    token: str
    browser: str


def log_in(
    session: Session, utility_id: int, login: str, password: str, client: Client, now: datetime
) -> Entered | None:
    """Open a session for who knows the password; None, counted and told, where it is wrong.

    ThrottledError after too many wrong ones. The caller commits in either case.
    """
    counters = throttle.counters_of_login(session, utility_id, login, client.address, client.browser)
    throttle.check(session, utility_id, counters, now)
    user = authenticate(session, utility_id, login, password)
    if user is None:
        named = by_login(session, utility_id, login)
        throttle.refuse(session, utility_id, counters, named, "password", client.place.network, now)
        return None
    return enter(session, user, client, now, how="password")


def enter(session: Session, user: User, client: Client, now: datetime, *, how: str, factor: bool = False) -> Entered:
    """Open a session for ``user``, whom ``how`` has proved; the log of the process tells it (ASVS 5.0 16.3.1)."""
    token = open_session(session, user, now, factor=factor, place=client.place)
    browser = throttle.know_browser(session, user, client.browser, now)
    structlog.get_logger().info("login", user=user.id, how=how, network=client.place.network)
    return Entered(user, token, browser)
