"""How imports of the register and issues of its quality board are told."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, Field

from central.api.values import Int64, Output, Utc


class ImportOut(Output):
    """A file and what would become, or became, of its rows: ``counts`` is section → fate → rows."""

    id: Int64
    name: str
    sha256: str
    digest: str
    counts: dict[str, dict[str, int]]
    refused: int
    state: str
    without_refused: bool
    uploaded_at: Utc
    uploaded_by: str
    decided_at: Utc | None
    decided_by: str | None


class FateOut(Output):
    """The fate of one line; a change tells each field before and after, a refusal field, value and rule."""

    section: str
    sheet: str
    line: int
    key: str
    fate: str
    changes: dict[str, tuple[str, str]]
    field: str
    value: str
    rule: str
    warning: str


class IssueOut(Output):
    """What one rule says of one subject."""

    id: Int64
    rule: str
    severity: str
    owner: str
    about: str
    subject: str
    text: str
    advice: str
    state: str
    first_seen_at: Utc
    last_seen_at: Utc
    cleared_at: Utc | None
    assigned_to: str | None
    dismissed_at: Utc | None
    dismissed_by: str | None
    dismissed_reason: str
    dismissed_until: date | None


class CountOut(BaseModel):
    """A rule's open issues on a day."""

    day: date
    open: int


class LineOut(BaseModel):
    """A rule on the board."""

    rule: str
    title: str
    severity: str
    owner: str
    about: str
    advice: str
    open: int
    assigned: int
    dismissed: int
    since: Utc | None
    days: int | None
    trend: list[CountOut]


class BoardOut(BaseModel):
    """The quality board; ``asked_on`` is the day the rules were asked last."""

    asked_on: date | None
    open: Annotated[dict[str, int], Field(description="open issues by severity")]
    items: list[LineOut]
