"""The kinds of value the interface takes and gives: strict at this door, exact on the way out."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

MOST = 2**63 - 1
PAGE, LARGEST_PAGE = 100, 1000

_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,18}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})")


def _from_text(value: Any) -> Any:
    """In an address every value is text: whole numbers in their one spelling."""
    if isinstance(value, str):
        if not _WHOLE.fullmatch(value):
            raise ValueError("must be a whole number in decimal digits")
        return int(value)
    return value


def _day(value: Any) -> date:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("must be a date YYYY-MM-DD")
    day = date.fromisoformat(value)
    if not 1900 <= day.year < 2200:
        raise ValueError("must lie in the years 1900 to 2199")
    return day


def _instant(value: Any) -> datetime:
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise ValueError("must be an instant with its offset, YYYY-MM-DDThh:mm:ssZ (RFC 3339)")
    at = datetime.fromisoformat(value).astimezone(UTC)
    if not 1970 <= at.year < 2200:
        raise ValueError("must lie between 1970 and 2200")
    return at


def _euros(cents: Any) -> Any:
    return str(Decimal(cents).scaleb(-2).quantize(Decimal("0.01"))) if isinstance(cents, int) else cents


PathId = Annotated[int, BeforeValidator(_from_text), Field(ge=1, le=MOST, json_schema_extra={"format": "int64"})]
QueryMillis = Annotated[int, BeforeValidator(_from_text), Field(ge=0, le=2**53, json_schema_extra={"format": "int64"})]
Small = Annotated[int, BeforeValidator(_from_text), Field(ge=0, le=32_767)]
PageSize = Annotated[int, BeforeValidator(_from_text), Field(ge=1, le=LARGEST_PAGE)]
Int64 = Annotated[int, Field(ge=-MOST, le=MOST, json_schema_extra={"format": "int64"})]
Litres = Annotated[int, Field(ge=0, le=10**12, json_schema_extra={"format": "int64"})]
IsoDay = Annotated[date, BeforeValidator(_day)]
IsoInstant = Annotated[datetime, BeforeValidator(_instant)]
Utc = Annotated[datetime, PlainSerializer(lambda at: at.astimezone(UTC).isoformat(), return_type=str)]
Euros = Annotated[str, BeforeValidator(_euros), Field(pattern=r"^-?[0-9]+\.[0-9]{2}$", examples=["12.34"])]
Code = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")]
# No control characters: some databases refuse them, and no name has any.
Text = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Word = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Input(BaseModel):
    """A body: nothing is coerced, nothing unknown is passed over."""

    model_config = ConfigDict(strict=True, extra="forbid")


class Output(BaseModel):
    """What is told of a row."""

    model_config = ConfigDict(from_attributes=True, extra="forbid")


class Paging(BaseModel):
    """The query of a list; subclasses add what it may be narrowed by."""

    model_config = ConfigDict(extra="forbid")
    limit: PageSize = PAGE
    after: Annotated[str, Field(max_length=200, pattern=r"^[A-Za-z0-9_=-]*$")] = ""


Item = TypeVar("Item", bound=BaseModel)


class Page(BaseModel, Generic[Item]):
    """A page of a list; ``next`` opens the one after it, None where there is none."""

    items: list[Item]
    next: str | None
