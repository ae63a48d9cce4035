"""The office over plain HTTP, inside this process, for people with a role each."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from html import unescape

import httpx
from fastapi import FastAPI
from sqlalchemy import Engine, select

from central.access import create_user, load_site
from central.access.sessions import open_session
from central.store import read_session, write_session
from central.store.models import User
from portal.app import create_app
from portal.config import PortalConfig
from tests.central.api.conftest import Inside
from tests.central.factories import UTILITY

Client = Callable[[str], httpx.Client]
_PASSWORD = "una clave muy larga"


def office(engine: Engine, database: str, people: Iterable[tuple[str, str]]) -> FastAPI:
    """The application over a database, with users by login and role."""
    with write_session(engine) as session:
        for login, role in people:
            create_user(session, UTILITY, login, _PASSWORD, role=role, name=login.title())
    app = create_app(PortalConfig(database, "agost", secure=False))
    app.state.engine = engine
    with read_session(engine) as session:
        app.state.site = load_site(session, "agost")
    return app


@contextmanager
def visitors(app: FastAPI, engine: Engine) -> Iterator[Client]:
    """Gives a client that is logged in as somebody, by login."""
    with ExitStack() as stack:

        def enter(login: str) -> httpx.Client:
            with write_session(engine) as session:
                token = open_session(session, session.scalars(select(User).where(User.login == login)).one())
            made = httpx.Client(
                headers={"Origin": "http://sgc.test"},
                cookies={"sgc": token},
                transport=Inside(app),
                base_url="http://sgc.test",
                follow_redirects=True,
            )
            return stack.enter_context(made)

        yield enter


def words(page: httpx.Response) -> str:
    """What a person reads on a page."""
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))).replace("\u00a0", " ")
