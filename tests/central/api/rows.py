"""One row of each kind that programs read and that no other fixture makes, in any utility."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from central import register
from central.reading import findings, quarantine
from central.reading.findings import Found
from central.register import KeyRing
from central.register.importing import desk
from central.store import new_id
from central.store.models import (
    ApiToken,
    Contract,
    ContractHolder,
    Device,
    DeviceEvent,
    Finding,
    FiscalRegime,
    Meter,
    QualityIssue,
    Quarantine,
    Receiver,
    Refund,
    RefundOrder,
    SupplyPoint,
    Visit,
    WebhookDelivery,
    WebhookEvent,
)
from central.times import millis
from central.webhooks import endpoints


def add_rows(session: Session, utility_id: int, ring: KeyRing, at: datetime) -> dict[str, int]:
    """Add them; returns the id of one of each, by the name of its list."""
    device = session.scalars(select(Device).where(Device.utility_id == utility_id)).first()
    meter = session.scalars(select(Meter).where(Meter.utility_id == utility_id)).first()
    point = session.scalars(select(SupplyPoint).where(SupplyPoint.utility_id == utility_id)).first()
    assert device is not None
    assert meter is not None
    assert point is not None
    by = register.Change("test", at)
    hook, _ = endpoints.add(session, utility_id, "https://erp.example/", ring, events=["webhook.test"], by=by)
    endpoints.ping(session, hook, by=by)
    now_ms = millis(at)
    entry = quarantine.Entry("series", f"made:{utility_id}", device.name, "reason", b"", at, utility_id)
    quarantine.keep(session.connection(), [entry])
    leak = Found("leak", "high", meter.address, 1, 2, "at no supply point: it holds up no run", meter.id)
    findings.record(session.connection(), utility_id, [leak], now_ms)
    own = {"utility_id": utility_id, "device_id": device.id}
    receiver = Receiver(**own, id=new_id(), name="r1", first_ms=now_ms, last_ms=now_ms)
    event = DeviceEvent(**own, id=new_id(), batch_id=1, item=1, at_ms=now_ms, kind="clock", data={"to": "x"})
    visit = Visit(
        **own, id=new_id(), batch_id=1, item=1, supply_point_id=point.id, meter_id=meter.id, at_ms=now_ms, litres=1,
        code="00", reader="ana", note="", confirmed=False, clock_trusted=True,
    )  # fmt: skip
    issue = QualityIssue(
        utility_id=utility_id,
        id=new_id(),
        rule="same_nif",
        subject="12345678Z",
        text="x",
        first_seen_at=at,
        last_seen_at=at,
    )
    file = b"codigo;calle;numero;cp;ine\nNEW;Major;1;03698;03002"
    kept = desk.keep(session, utility_id, "suministros.csv", file, "", by)
    session.add_all([receiver, event, visit, issue])
    session.flush()
    made = {"register-imports": kept.id, "quality-issues": issue.id} | _decisions(session, utility_id, at)
    made |= {"webhooks": hook.id, "receivers": receiver.id, "device-events": event.id, "visits": visit.id}
    kinds: dict[str, Any] = {
        "findings": Finding,
        "quarantine": Quarantine,
        "tokens": ApiToken,
        "webhook-events": WebhookEvent,
        "webhook-deliveries": WebhookDelivery,
    }
    for name, kind in kinds.items():
        found = session.scalars(select(kind.id).where(kind.utility_id == utility_id).order_by(kind.id)).first()
        made[name] = int(found or 0)
    return made


def _decisions(session: Session, utility_id: int, at: datetime) -> dict[str, int]:
    """A refund that was asked for, an order without transfers, and a fiscal system that was proposed."""
    own = {"utility_id": utility_id}
    holder = session.scalars(select(ContractHolder).where(ContractHolder.utility_id == utility_id)).first()
    last = session.scalars(select(Contract.id).where(Contract.utility_id == utility_id).order_by(Contract.id.desc()))
    contract = last.first()
    assert holder is not None
    assert contract is not None
    refund = Refund(
        **own, id=new_id(), contract_id=contract, customer_id=holder.customer_id, cents=1, iban="", holder="x",
        reason="x", asked_by="test", asked_at=at,
    )  # fmt: skip
    order = RefundOrder(
        **own, id=new_id(), code=f"SGC-{utility_id}", execute_on=at.date(), debtor_iban="", transfers=0, total_cents=0,
        sha256="", content="<Document/>", made_by="test", made_at=at,
    )  # fmt: skip
    change = FiscalRegime(
        **own, id=new_id(), valid_from=at.date(), system="none", fiscal={"system": "none"}, reason="x",
        proposed_by="test", proposed_at=at,
    )  # fmt: skip
    session.add_all([refund, order, change])
    session.flush()
    return {"refunds": refund.id, "refund-orders": order.id, "fiscal-system-changes": change.id}
