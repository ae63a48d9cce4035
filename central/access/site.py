"""The utility a site serves, as its pages need it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from central.store.models import Utility


@dataclass(frozen=True)
class Site:
    """One utility: who it is and how to reach it."""

    utility_id: int
    code: str
    name: str
    nif: str
    address: dict[str, Any]
    contact: dict[str, Any]
    settings: dict[str, Any]


def load_site(session: Session, code: str) -> Site:
    """The utility named ``code``; raises :class:`LookupError` where there is none."""
    row = session.scalar(select(Utility).where(Utility.code == code))
    if row is None:
        raise LookupError(f"utility: {code!r} is not in the register")
    return Site(row.id, row.code, row.name, row.nif, row.address, row.contact, row.settings)
