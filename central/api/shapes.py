"""What is told of each kind of row."""

from datetime import date
from typing import Any

from pydantic import Field

from central.api.values import Euros, Int64, Output, Utc


class SupplyPointOut(Output):
    """A place water is supplied to; coordinates are degrees times 10^7."""

    id: Int64
    code: str
    street: str
    number: str
    detail: str
    postal_code: str
    ine_code: str
    cadastral_ref: str | None
    zone: str | None
    lat_e7: int | None
    lon_e7: int | None
    created_at: Utc


class MeterOut(Output):
    """A meter, without its key, which leaves the register only sealed."""

    id: Int64
    address: str
    serial: str
    calibre_mm: int
    q3_litres_hour: int | None
    modulus_litres: Int64
    radio: bool
    made_year: int | None
    created_at: Utc


class InstallationOut(Output):
    """A meter at a supply point during [from_ms, to_ms)."""

    id: Int64
    meter_id: Int64
    supply_point_id: Int64
    from_ms: Int64
    to_ms: Int64 | None
    recorded_at: Utc
    recorded_by: str


class CustomerOut(Output):
    """A person or body that holds contracts."""

    id: Int64
    code: str
    nif: str
    name: str
    kind: str
    email: str | None
    phone: str | None
    language: str
    created_at: Utc


class HolderOut(Output):
    """Who holds a contract during [valid_from, valid_to)."""

    customer_id: Int64
    valid_from: date
    valid_to: date | None
    recorded_at: Utc
    recorded_by: str


class TermsOut(Output):
    """What the tariff knows of a contract during [valid_from, valid_to)."""

    use: str
    dwellings: int
    premises: int
    persons: int | None
    groups: list[Any]
    bonuses: list[Any]
    parameters: dict[str, Any]
    habitual_home: bool
    vulnerable: bool
    valid_from: date
    valid_to: date | None


class ContractOut(Output):
    """A contract with its holders and terms over time, as they are believed now."""

    id: Int64
    code: str
    supply_point_id: Int64
    valid_from: date
    valid_to: date | None
    created_at: Utc
    holders: list[HolderOut] = Field(default_factory=list)
    terms: list[TermsOut] = Field(default_factory=list)


class RouteOut(Output):
    """Supply points to be read on one day by one device."""

    id: Int64
    code: str
    name: str
    device_id: Int64 | None
    planned_on: date
    closed_list: bool
    status: str
    created_at: Utc


class DeviceOut(Output):
    """A handheld or vehicle terminal."""

    id: Int64
    name: str
    kind: str
    enrolled_at: Utc
    revoked_at: Utc | None
    last_batch_ms: Int64 | None


class ReceiverOut(Output):
    """A radio receiver seen on a device."""

    id: Int64
    device_id: Int64
    name: str
    first_ms: Int64
    last_ms: Int64


class DeviceEventOut(Output):
    """Anything else a device recorded."""

    id: Int64
    device_id: Int64
    at_ms: Int64
    kind: str
    data: dict[str, Any]


class RouteStopOut(Output):
    """One supply point of a route, in walking order."""

    route_id: Int64
    position: int
    supply_point_id: Int64
    hint: str
    weight: int | None


class VisitOut(Output):
    """A reader's visit: the index typed, or the code that says why there is none."""

    id: Int64
    device_id: Int64
    supply_point_id: Int64
    meter_id: Int64 | None
    at_ms: Int64
    litres: Int64 | None
    code: str
    reader: str
    note: str
    confirmed: bool
    clock_trusted: bool


class ReadingOut(Output):
    """An index of a meter; ``kind`` and ``status`` as in docs/data-model.md."""

    meter_id: Int64
    at_ms: Int64
    kind: int
    revision: int
    litres: Int64
    status: int
    reason: str
    recorded_ms: Int64


class FindingOut(Output):
    """What a validation rule found, with the numbers it compared."""

    id: Int64
    rule: str
    severity: str
    subject: str
    supply_point_id: Int64 | None
    meter_id: Int64 | None
    since_ms: Int64
    until_ms: Int64 | None
    text: str
    numbers: dict[str, Any]
    status: str
    opened_at: Utc


class QuarantineOut(Output):
    """What could not be applied, with the reason; its bytes stay at the centre."""

    id: Int64
    kind: str
    device: str
    boot: str | None
    number: Int64 | None
    reason: str
    arrivals: int
    received_at: Utc
    resolved_at: Utc | None
    resolution: str | None


class ConsumptionOut(Output):
    """The billed volume of a contract in [period_from, period_to)."""

    id: Int64
    contract_id: Int64
    supply_point_id: Int64
    period_from: date
    period_to: date
    litres: Int64
    estimated_litres: Int64
    leak: bool
    run_id: Int64


class TariffOut(Output):
    """A version of a tariff; ``text`` is the whole file as it was approved."""

    id: Int64
    tariff: str
    series: str
    version: int
    valid_from: date | None
    valid_to: date | None
    title: str
    source: str
    text: str
    sha256: str
    recorded_at: Utc
    recorded_by: str


class AssignmentOut(Output):
    """A tariff that applies to the contracts of a zone (null = everywhere) during [valid_from, valid_to)."""

    id: Int64
    tariff: str
    zone: str | None
    position: int
    valid_from: date
    valid_to: date | None
    recorded_at: Utc


class RunOut(Output):
    """A billing run."""

    id: Int64
    code: str
    period_from: date
    period_to: date
    status: str
    series: str
    issue_date: date | None
    due_date: date | None
    created_by: str
    created_at: Utc
    approved_by: str | None
    approved_at: Utc | None
    issued_at: Utc | None
    delivered_at: Utc | None


class InvoiceOut(Output):
    """An issued invoice."""

    id: Int64
    series: str
    number: Int64
    number_text: str
    kind: str
    issue_date: date
    due_date: date
    period_from: date
    period_to: date
    run_id: Int64 | None
    contract_id: Int64
    supply_point_id: Int64
    customer_id: Int64
    litres: Int64
    base: Euros = Field(validation_alias="base_cents")
    vat: Euros = Field(validation_alias="vat_cents")
    total: Euros = Field(validation_alias="total_cents")
    issued_at: Utc


class LineOut(Output):
    """One line of an invoice with why it is what it is; quantity and price are exact decimal text."""

    position: int
    code: str
    description: str
    quantity: str
    unit: str
    unit_price: str
    amount: Euros = Field(validation_alias="amount_cents")
    vat: str
    beneficiary: str
    why: dict[str, Any]


class RectificationOut(Output):
    """What is to be corrected on a contract's bills, and who decided; ``decision`` is null while nobody has."""

    id: Int64
    contract_id: Int64
    cause: str
    kind: str
    method: str
    series: str
    reason: str
    proposed_by: str
    proposed_at: Utc
    decision: str | None
    decided_by: str | None
    decided_at: Utc | None
    decided_why: str | None


class EntryOut(Output):
    """One side of a transaction of the ledger; debit positive."""

    transaction_id: Int64
    position: int
    account: str
    contract_id: Int64 | None
    amount: Euros = Field(validation_alias="amount_cents")


class UserOut(Output):
    """Someone who logs in."""

    id: Int64
    login: str
    name: str
    role: str
    customer_id: Int64 | None
    created_at: Utc
    disabled_at: Utc | None


class TokenOut(Output):
    """A program's token, without its secret; no scopes are all of its user's permissions."""

    id: Int64
    user_id: Int64
    name: str
    scopes: list[str]
    created_at: Utc
    created_by: str
    expires_at: Utc
    revoked_at: Utc | None


class UtilityOut(Output):
    """The service whose rows are told here."""

    id: Int64
    code: str
    name: str
    nif: str
    ine_code: str
    address: dict[str, Any]
    contact: dict[str, Any]
    created_at: Utc


class AuditOut(Output):
    """Who changed what, when, from what to what; ``hash`` covers the entry and the hash before it."""

    position: Int64
    at: Utc
    actor: str
    action: str
    subject: str
    subject_id: Int64 | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str
    previous_hash: str
    hash: str
