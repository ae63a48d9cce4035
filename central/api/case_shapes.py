"""What is told of a case."""

from datetime import date
from typing import Any

from central.api.values import Euros, Int64, Output, Utc


class CaseOut(Output):
    """A case in a list: one procedure on one supply point, and where it stands."""

    id: Int64
    number: Int64
    procedure: str
    cause: str
    channel: str
    state: str
    supply_point_id: Int64
    contract_id: Int64 | None
    effective_on: date
    opened_at: Utc
    opened_by: str
    closed_at: Utc | None
    closed_by: str | None
    closed_why: str | None


class FeeOut(Output):
    """A one-off charge of the tariff, before VAT."""

    code: str
    name: str
    amount: Euros


class PaperOut(Output):
    """A document of the checklist and what holds of it: missing, received, waived or refused."""

    code: str
    title: str
    required: bool
    verdict: str
    document_id: Int64 | None
    media_type: str | None
    sha256: str | None
    size: int | None
    recorded_by: str | None
    recorded_at: Utc | None
    reason: str


class DueOut(Output):
    """A legal deadline and where it is written."""

    code: str
    title: str
    source: str
    last_day: date
    late: bool


class FinalLineOut(Output):
    """A bill of a closing run; ``parked`` where none could be made, ``number`` empty until it is issued."""

    period_from: date
    period_to: date
    customer_id: Int64 | None
    litres: Int64
    total: Euros
    parked: bool
    number: str


class FinalBillOut(Output):
    """The closing bill of who left: its run, its bills, the deposit given back, and what is left to pay.

    ``balance`` counts the deposit and bills still to be issued; negative, it is owed to who left.
    """

    run_id: Int64
    run: str
    status: str
    open_exceptions: int
    bills: list[FinalLineOut]
    deposit: Euros
    balance: Euros


class CaseViewOut(CaseOut):
    """A case with all that decides about it: what the holder owes, and the deposit and fees it would charge."""

    details: dict[str, Any]
    missing: list[str]
    problems: list[str]
    next_step: str
    owed: Euros
    deposit: Euros | None
    fees: list[FeeOut]
    documents: list[PaperOut]
    deadlines: list[DueOut]
    result: dict[str, Any] | None
    final_bill: FinalBillOut | None
