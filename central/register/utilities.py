"""Utilities: one municipality's service each."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from central.register import identifiers as check
from central.register.change import Change, journalled
from central.register.errors import RegisterError
from central.store.models import Utility


def add_utility(
    session: Session,
    code: str,
    name: str,
    nif: str,
    ine_code: str,
    *,
    address: dict[str, Any],
    contact: dict[str, Any],
    settings: dict[str, Any],
    by: Change,
) -> Utility:
    """A new utility; its id is the next whole number."""
    if find_utility(session, code) is not None:
        raise RegisterError("utility.code", code, "exists already")
    utility = Utility(
        id=(session.scalar(select(func.max(Utility.id))) or 0) + 1,
        code=check.code("utility.code", code),
        name=check.name("utility.name", name),
        nif=check.nif("utility.nif", nif),
        ine_code=check.ine_code("utility.ine_code", ine_code),
        address=address,
        contact=contact,
        settings=settings,
        created_at=by.at,
    )
    session.add(utility)
    session.flush()
    journalled(session, utility.id, by, "add", "utility", utility.id, after={"code": code, "name": utility.name})
    return utility


def find_utility(session: Session, code: str) -> Utility | None:
    """The utility with this code."""
    return session.scalar(select(Utility).where(Utility.code == code))


def only_utility(session: Session) -> Utility | None:
    """The utility where exactly one is registered."""
    utilities = session.scalars(select(Utility).limit(2)).all()
    return utilities[0] if len(utilities) == 1 else None


def utility_named(session: Session, code: str | None) -> Utility:
    """The utility with this code, or the only one where no code is given; raises :class:`RegisterError`."""
    if code is not None:
        utility = find_utility(session, code)
        if utility is None:
            raise RegisterError("utility", code, "is not registered")
        return utility
    utilities = session.scalars(select(Utility).order_by(Utility.code).limit(2)).all()
    if len(utilities) != 1:
        rule = "no utility is registered" if not utilities else "name one: several are registered"
        raise RegisterError("utility", code, rule)
    return utilities[0]
