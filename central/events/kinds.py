"""What may be told: every type of event with the version and the shape of its payload.

Payloads hold identifiers, figures and dates, never names, addresses or tax numbers: who may see those asks
``/api/v1`` for the row. Money is decimal text in euros, volumes whole litres, ``*_ms`` UTC epoch milliseconds. A field
is added within a version; a change that would break a receiver is a new version.
"""

from dataclasses import dataclass
from datetime import date, datetime

import msgspec


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    """The ``data`` of an event."""


class InvoiceIssued(Payload, frozen=True):
    """An invoice was numbered, chained and posted; ``rectifies`` holds the numbers of those it rectifies."""

    invoice_id: int
    number: str
    kind: str
    contract_id: int
    customer_id: int
    run_id: int | None
    issue_date: date
    due_date: date
    period_from: date
    period_to: date
    litres: int
    total: str
    rectifies: list[str]


class Side(msgspec.Struct, frozen=True):
    """One side of a transaction of the ledger; debit positive."""

    account: str
    amount: str


class LedgerPosted(Payload, frozen=True):
    """A transaction was posted to the ledger: a charge, a payment, a reversal; its sides sum to zero."""

    transaction_id: int
    kind: str
    effective_on: date
    invoice_id: int | None
    contract_ids: list[int]
    entries: list[Side]


class RunStateChanged(Payload, frozen=True):
    """A billing run went from one state to another."""

    run_id: int
    before: str
    after: str


class RectificationChanged(Payload, frozen=True):
    """A rectification was proposed, issued or rejected.

    ``difference`` is what a proposal would change, and what an issued one bills.
    """

    rectification_id: int
    state: str
    invoices: list[str]
    difference: str | None


class ReadingQuarantined(Payload, frozen=True):
    """Something that arrived could not be applied and waits for somebody; its reason is in ``/quarantine``."""

    entry_id: int
    kind: str
    device: str


class FindingChanged(Payload, frozen=True):
    """A validation rule found something, or what it found is over."""

    finding_id: int
    rule: str
    severity: str
    meter_id: int | None
    supply_point_id: int | None
    since_ms: int
    until_ms: int | None


class MeterMoved(Payload, frozen=True):
    """A meter was hung at a supply point or taken down, with its index then where it was read."""

    installation_id: int
    meter_id: int
    supply_point_id: int
    at_ms: int
    litres: int | None


class ContractChanged(Payload, frozen=True):
    """A contract starts, ends (``on`` is the first day without it), or has other holders or terms from ``on``."""

    contract_id: int
    supply_point_id: int
    on: date
    customer_id: int | None


class ImportFinished(Payload, frozen=True):
    """A file was taken over; ``counts`` are rows by what became of them, where the import counts them."""

    kind: str
    counts: dict[str, int]


class TariffRecorded(Payload, frozen=True):
    """A tariff's text was recorded as its next version."""

    tariff_version_id: int
    tariff: str
    version: int


class TariffAssigned(Payload, frozen=True):
    """A tariff applies to a zone, or everywhere, from a day on."""

    assignment_id: int
    tariff: str
    zone: str | None
    valid_from: date


class DeviceChanged(Payload, frozen=True):
    """A reading device was let in or refused from now on."""

    device_id: int
    name: str


class ChangeRecorded(Payload, frozen=True):
    """Any other change in the audit, by its position there."""

    position: int
    action: str
    subject: str
    subject_id: int | None


class Ping(Payload, frozen=True):
    """Somebody tries an endpoint out."""

    endpoint_id: int


@dataclass(frozen=True)
class Kind:
    """A type of event: its name, the version and shape of its payload, and what it says in Spanish."""

    name: str
    version: int
    payload: type[Payload]
    spanish: str


_KINDS = (
    Kind("invoice.issued", 1, InvoiceIssued, "Factura emitida"),
    Kind("invoice.rectified", 1, InvoiceIssued, "Factura rectificativa emitida"),
    Kind("ledger.posted", 1, LedgerPosted, "Apunte en la cuenta: cargo, cobro o anulación"),
    Kind("run.state_changed", 1, RunStateChanged, "Cambio de estado de una remesa"),
    Kind("rectification.changed", 1, RectificationChanged, "Rectificación propuesta, emitida o rechazada"),
    Kind("reading.quarantined", 1, ReadingQuarantined, "Lectura o lote en cuarentena"),
    Kind("finding.opened", 1, FindingChanged, "Aviso de validación abierto"),
    Kind("finding.closed", 1, FindingChanged, "Aviso de validación cerrado"),
    Kind("meter.installed", 1, MeterMoved, "Contador instalado"),
    Kind("meter.removed", 1, MeterMoved, "Contador retirado"),
    Kind("contract.started", 1, ContractChanged, "Alta de contrato"),
    Kind("contract.ended", 1, ContractChanged, "Baja de contrato"),
    Kind("contract.holder_changed", 1, ContractChanged, "Cambio de titular"),
    Kind("contract.terms_changed", 1, ContractChanged, "Cambio de condiciones"),
    Kind("import.finished", 1, ImportFinished, "Importación terminada"),
    Kind("tariff.recorded", 1, TariffRecorded, "Tarifa registrada"),
    Kind("tariff.assigned", 1, TariffAssigned, "Tarifa asignada"),
    Kind("device.enrolled", 1, DeviceChanged, "Terminal dado de alta"),
    Kind("device.revoked", 1, DeviceChanged, "Terminal revocado"),
    Kind("change.recorded", 1, ChangeRecorded, "Otro cambio anotado en la auditoría"),
    Kind("webhook.test", 1, Ping, "Prueba"),
)
KINDS = {kind.name: kind for kind in _KINDS}
TEST = "webhook.test"


def wants(filters: list[str], event: str) -> bool:
    """Whether an endpoint with these filters is told of a type; ``invoice.*`` is all of a family, none is all."""
    return not filters or event in filters or f"{event.partition('.')[0]}.*" in filters


def unknown(filters: list[str]) -> list[str]:
    """Those of the filters that name no type."""
    families = {f"{name.partition('.')[0]}.*" for name in KINDS}
    return [one for one in filters if one not in KINDS and one not in families]


@dataclass(frozen=True)
class Happened:
    """Something to be told: its type, its payload and when."""

    type: str
    data: Payload
    at: datetime


def text_of(cents: int) -> str:
    """Cents as decimal text in euros."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02}"
