"""Checks a live database against every law, in one consistent snapshot."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Engine, select

from central.ops.laws import LAWS, Case, Report
from central.register import KeyRing
from central.store import read_session
from central.store.models import Utility


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one law over all utilities of a database."""

    law: str
    text: str
    checked: int
    breaches: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing breaks it."""
        return not self.breaches


def audit(engine: Engine, ring: KeyRing | None = None) -> Iterator[Verdict]:
    """Each law's verdict as soon as it is known; reads only."""
    with read_session(engine) as session:
        utilities = session.scalars(select(Utility.id).order_by(Utility.id)).all()
        for law in LAWS:
            report = Report()
            for utility_id in utilities:
                law.check(Case(session, utility_id, ring), report)
                session.expunge_all()
            yield Verdict(law.name, law.text, report.checked, tuple(report.breaches), tuple(report.notes))
