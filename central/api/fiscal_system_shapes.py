"""What is told of the fiscal system by dates."""

from datetime import date
from typing import Any

from pydantic import Field

from central.api.values import Int64, Output, Utc


class FiscalSystemOut(Output):
    """The system that invoices issued in [valid_from, valid_to) are recorded in; null is from, or to, ever."""

    system: str
    valid_from: date | None
    valid_to: date | None


class FiscalSystemsOut(Output):
    """The systems of a utility in time, without a gap."""

    items: list[FiscalSystemOut]


class FiscalSystemChangeOut(Output):
    """A change that was proposed, with the settings it brings; ``decision`` is confirmed, rejected or null."""

    id: Int64
    valid_from: date
    system: str
    settings: dict[str, Any] = Field(validation_alias="fiscal")
    reason: str
    proposed_by: str
    proposed_at: Utc
    decision: str | None
    decided_by: str | None
    decided_at: Utc | None
    decided_why: str | None
