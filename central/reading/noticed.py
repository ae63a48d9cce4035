"""Open findings of a supply point, as pages show them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from central.store.models import Finding


@dataclass(frozen=True)
class OpenFinding:
    """What a rule found and has not been settled: since when, in words, and the numbers it compared."""

    rule: str
    severity: str
    since: datetime
    text: str
    numbers: dict[str, Any]


def open_findings(session: Session, utility_id: int, supply_point_id: int) -> list[OpenFinding]:
    """The supply point's open findings, the newest first."""
    rows = session.scalars(
        select(Finding)
        .where(
            Finding.utility_id == utility_id,
            Finding.supply_point_id == supply_point_id,
            Finding.status == "open",
        )
        .order_by(Finding.since_ms.desc())
    )
    return [
        OpenFinding(row.rule, row.severity, datetime.fromtimestamp(row.since_ms // 1000, UTC), row.text, row.numbers)
        for row in rows
    ]
