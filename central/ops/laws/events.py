"""The log of events of a system that does not submit: none missing, every hash right, every signature whole."""

from datetime import UTC, datetime

from sqlalchemy import func, select

from central.fiscal.integrity import log_anomalies
from central.ops.laws.law import Case, Report
from central.store.models import FiscalEvent


def events_are_chained(case: Case, report: Report) -> None:
    """Positions follow one another; each event is signed, states the hash before it and its own, worked out again."""
    report.saw(
        case.session.scalar(
            select(func.count()).select_from(FiscalEvent).where(FiscalEvent.utility_id == case.utility_id)
        )
        or 0
    )
    for anomaly in log_anomalies(case.session, case.utility_id, datetime.max.replace(tzinfo=UTC)):
        report.breach(f"fiscal_event {anomaly.position} (type {anomaly.name}): {anomaly.text}")
