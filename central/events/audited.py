"""Changes that the audit records, as events: each is told where it is written into the audit, by nobody twice."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import structlog
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from central.events import kinds as events
from central.events.kinds import ChangeRecorded, Happened, Payload
from central.events.outbox import publish
from central.store.models import AuditEntry, Contract, Installation

log = structlog.get_logger("webhooks")

Tell = Callable[[Session, AuditEntry, Mapping[str, Any]], Payload]


def tell(session: Session, entry: AuditEntry) -> None:
    """Publish what an entry tells, in the transaction it is written in."""
    kind, payload = _told_of(entry)
    publish(session.connection(), entry.utility_id, [kind], lambda: [_happened(session, entry, kind, payload)])


def _happened(session: Session, entry: AuditEntry, kind: str, payload: Tell) -> Happened:
    """What an entry tells. One that says less than its event needs must not stop the change: it is told as a change."""
    try:
        return Happened(kind, payload(session, entry, entry.after or {}), entry.at)
    except (KeyError, ValueError, TypeError, NoResultFound) as error:
        log.error("audit entry tells no event", action=entry.action, subject=entry.subject, error=repr(error))
        return Happened("change.recorded", _change(session, entry, {}), entry.at)


def _told_of(entry: AuditEntry) -> tuple[str, Tell]:
    if entry.subject == "billing_run" and entry.action != "run.created" and _has_states(entry):
        return "run.state_changed", _run
    return _TOLD.get((entry.subject, entry.action), ("change.recorded", _change))


def _has_states(entry: AuditEntry) -> bool:
    return "status" in (entry.before or {}) and "status" in (entry.after or {})


def _change(_session: Session, entry: AuditEntry, _after: Mapping[str, Any]) -> Payload:
    return ChangeRecorded(
        position=entry.position, action=entry.action, subject=entry.subject, subject_id=entry.subject_id
    )


def _run(_session: Session, entry: AuditEntry, after: Mapping[str, Any]) -> Payload:
    before = (entry.before or {})["status"]
    return events.RunStateChanged(run_id=_subject(entry), before=before, after=after["status"])


def _meter(session: Session, entry: AuditEntry, after: Mapping[str, Any]) -> Payload:
    row = session.get_one(Installation, (entry.utility_id, _subject(entry)))
    return events.MeterMoved(
        installation_id=row.id,
        meter_id=row.meter_id,
        supply_point_id=row.supply_point_id,
        at_ms=after["at_ms"],
        litres=after["litres"],
    )


def _contract(day: str) -> Tell:
    def payload(session: Session, entry: AuditEntry, after: Mapping[str, Any]) -> Payload:
        row = session.get_one(Contract, (entry.utility_id, _subject(entry)))
        return events.ContractChanged(
            contract_id=row.id,
            supply_point_id=row.supply_point_id,
            on=date.fromisoformat(after[day]),
            customer_id=after.get("customer_id"),
        )

    return payload


def _rectification(state: str) -> Tell:
    def payload(_session: Session, entry: AuditEntry, after: Mapping[str, Any]) -> Payload:
        cents = after.get("cents")
        return events.RectificationChanged(
            rectification_id=_subject(entry),
            state=state,
            invoices=list(after.get("invoices", ())),
            difference=None if cents is None else events.text_of(cents),
        )

    return payload


def _import(kind: str) -> Tell:
    def payload(_session: Session, _entry: AuditEntry, after: Mapping[str, Any]) -> Payload:
        return events.ImportFinished(kind=kind, counts={name: n for name, n in after.items() if type(n) is int})

    return payload


def _tariff(_session: Session, entry: AuditEntry, after: Mapping[str, Any]) -> Payload:
    return events.TariffRecorded(tariff_version_id=_subject(entry), tariff=after["tariff"], version=after["version"])


def _assignment(_session: Session, entry: AuditEntry, after: Mapping[str, Any]) -> Payload:
    return events.TariffAssigned(
        assignment_id=_subject(entry),
        tariff=after["tariff"],
        zone=after["zone"],
        valid_from=date.fromisoformat(after["valid_from"]),
    )


def _device(_session: Session, entry: AuditEntry, after: Mapping[str, Any]) -> Payload:
    return events.DeviceChanged(device_id=_subject(entry), name=after["name"])


def _subject(entry: AuditEntry) -> int:
    if entry.subject_id is None:
        raise ValueError(f"audit_entry {entry.position}: {entry.action} must name its subject")
    return entry.subject_id


_TOLD: dict[tuple[str, str], tuple[str, Tell]] = {
    ("installation", "install"): ("meter.installed", _meter),
    ("installation", "remove"): ("meter.removed", _meter),
    ("contract", "sign"): ("contract.started", _contract("valid_from")),
    ("contract", "cancel"): ("contract.ended", _contract("valid_to")),
    ("contract", "change_holder"): ("contract.holder_changed", _contract("on")),
    ("contract", "change_terms"): ("contract.terms_changed", _contract("on")),
    ("rectification", "rectification.proposed"): ("rectification.changed", _rectification("proposed")),
    ("rectification", "rectification.issued"): ("rectification.changed", _rectification("issued")),
    ("rectification", "rectification.rejected"): ("rectification.changed", _rectification("rejected")),
    ("register", "import"): ("import.finished", _import("register")),
    ("reading", "readings.imported"): ("import.finished", _import("readings")),
    ("tariff_version", "tariff.recorded"): ("tariff.recorded", _tariff),
    ("tariff_assignment", "tariff.assigned"): ("tariff.assigned", _assignment),
    ("device", "enrol"): ("device.enrolled", _device),
    ("device", "revoke"): ("device.revoked", _device),
}
