"""What is told of work in the street."""

from datetime import date
from typing import Any

from central.api.values import Euros, Int64, Output, Utc


class WorkOrderOut(Output):
    """Something to be done at a supply point, and how far it is."""

    id: Int64
    code: str
    kind: str
    cause: str
    status: str
    supply_point_id: Int64
    meter_id: Int64 | None
    contract_id: Int64 | None
    finding_id: Int64 | None
    route_id: Int64 | None
    device_id: Int64 | None
    planned_on: date | None
    due_by: Utc | None
    instructions: str
    details: dict[str, Any]
    created_by: str
    created_at: Utc
    closed_at: Utc | None


class OrderReportOut(Output):
    """What a device said of an order, and what the centre made of it; never a meter's key."""

    id: Int64
    order_code: str
    order_id: Int64 | None
    device_id: Int64
    outcome: str
    reason: str
    at_ms: Int64
    doubt: str
    supply: str
    meter: str
    litres: Int64 | None
    new_serial: str
    new_address: str
    new_litres: Int64 | None
    seal: str
    note: str
    photos: list[str]
    lat_e7: int | None
    lon_e7: int | None
    reader: str
    received_ms: Int64
    status: str
    problem: str
    settled_by: str | None
    settled_at: Utc | None


class CutFactOut(Output):
    """A step taken towards a cut, or what forbids it."""

    id: Int64
    contract_id: Int64
    kind: str
    since: date
    until: date | None
    cents: Int64 | None
    reference: str
    recorded_at: Utc
    recorded_by: str
    retired_at: Utc | None


class RefusalOut(Output):
    """A rule that forbids a cut, with the numbers it compared."""

    rule: str
    text: str


class CutCheckOut(Output):
    """Whether a contract may be cut for its debt on a day, and what forbids it."""

    contract_id: Int64
    on: date
    lawful: bool
    debt_eur: Euros
    law: str
    refusals: list[RefusalOut]


class StopOut(Output):
    """A stop of a route as it stands."""

    position: int
    supply: str
    street: str
    number: str
    detail: str
    meter: str
    lat_e7: int | None
    lon_e7: int | None
    state: str
    at_ms: Int64 | None
    litres: Int64 | None
    code: str
    reread: str


class ProgressOut(Output):
    """A route, how many of its stops are in each state, and each of them in walking order."""

    id: Int64
    code: str
    name: str
    round: str
    device: str
    planned_on: date
    status: str
    closed_list: bool
    seconds: int
    metres: int
    counts: dict[str, int]
    last_ms: Int64 | None
    stops: list[StopOut]
