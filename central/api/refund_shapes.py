"""What is told of credits and of paying them back; accounts with their middle hidden."""

from datetime import date
from typing import Any

from pydantic import Field, model_validator

from central.api.values import Euros, Int64, Output, Utc
from central.collection.credits import hidden
from central.collection.refunds import state_of
from central.store.models import Refund


class CreditOut(Output):
    """What a person is owed of a contract: ``fate`` is "net" (off the next bill) or "refund".

    ``asked`` is the part of refunds that nobody has decided yet.
    """

    contract_id: Int64
    contract: str
    customer_id: Int64
    holder: str
    amount: Euros
    fate: str
    iban: str
    asked: Euros


class RefundOut(Output):
    """A refund; ``state``: asked, rejected, approved, sent, paid or returned."""

    id: Int64
    contract_id: Int64
    customer_id: Int64
    amount: Euros
    iban: str
    holder: str
    reason: str
    state: str
    asked_by: str
    asked_at: Utc
    decision: str | None
    decided_by: str | None
    decided_at: Utc | None
    decided_why: str | None
    order_id: Int64 | None
    paid_on: date | None
    returned_on: date | None
    returned_why: str | None

    @model_validator(mode="before")
    @classmethod
    def _of_row(cls, row: Any) -> Any:
        if not isinstance(row, Refund):
            return row
        told = {name: getattr(row, name) for name in cls.model_fields if name not in {"amount", "iban", "state"}}
        return told | {"amount": row.cents, "iban": hidden(row.iban), "state": state_of(row)}


class RefundsOut(Output):
    """Refunds that were asked for together."""

    items: list[RefundOut]


class RefundOrderOut(Output):
    """A credit transfer file for the bank; ``sha256`` is of its bytes."""

    id: Int64
    code: str
    execute_on: date
    transfers: int
    total: Euros = Field(validation_alias="total_cents")
    sha256: str
    made_by: str
    made_at: Utc


class PaymentOut(Output):
    """How many refunds of an order are paid by it."""

    id: Int64
    code: str
    paid: int
