"""What a cell of a table means: text in, a value of a register file out, or the rule it breaks.

Cells come as text from every kind of file, so that leading zeros, NIFs, cadastral references and IBANs survive.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from central.times import MADRID, instant_of, millis

LONGEST = 10_000
_GROUPED = {mark: re.compile(rf"-?\d{{1,3}}({re.escape(mark)}\d{{3}})+") for mark in ",."}
_NUMBER = re.compile(r"-?\d+([.,]\d+)?")
_SHORTENED = re.compile(r"-?\d([.,]\d+)?E\+?\d+")
_DAYS = re.compile(r"(?P<d>\d{1,2})[/.-](?P<m>\d{1,2})[/.-](?P<y>\d{4})")
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_CLOCK = re.compile(r"(?P<day>\S+)[T ](?P<clock>\d{1,2}:\d{2}(:\d{2})?)")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
YES = frozenset({"si", "sí", "s", "yes", "y", "true", "verdadero", "1", "x"})
NO = frozenset({"no", "n", "false", "falso", "0"})


class CellError(ValueError):
    """A cell that breaks a rule; the text is the rule."""


@dataclass(frozen=True)
class Written:
    """How a table writes numbers and dates: ``decimal`` is "," or ".", or empty where either may come."""

    decimal: str = ""
    day_format: str = ""


def guarded(text: str) -> str:
    """A text that no spreadsheet takes for a formula: an apostrophe leads one that might be (OWASP, CSV injection).

    Numbers stay as they are. :func:`unguarded` gives every text back.
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def unguarded(text: str) -> str:
    """The text before :func:`guarded`; raises :class:`CellError` for one that is a formula."""
    if text[:1] in ("=", "@"):
        raise CellError("begins like a formula; write the value itself")
    return text[1:] if text[:1] == "'" and _FORMULA.match(text) else text


def as_text(text: str, written: Written) -> str:
    """Text as it stands, without white space around it."""
    if _SHORTENED.fullmatch(text):
        raise CellError("is a number that a spreadsheet shortened; give the column the format text and write it again")
    if _CONTROL.search(text):
        raise CellError("has a control character")
    if len(text) > LONGEST:
        raise CellError(f"has {len(text)} characters, at most {LONGEST} are taken")
    return text.strip()


def as_number(text: str, written: Written) -> Decimal:
    """A number with the decimal mark of the table; marks between thousands are taken where they are clear."""
    plain = text.replace("\N{NO-BREAK SPACE}", "").replace(" ", "")
    if "," in plain and "." in plain:
        decimal = max(",", ".", key=plain.rfind)
        thousands = "." if decimal == "," else ","
        whole = plain.rpartition(decimal)[0]
        if not _GROUPED[thousands].fullmatch(whole):
            raise CellError("must be a number")
        plain = plain.replace(thousands, "").replace(decimal, ".")
    else:
        other = {",": ".", ".": ","}.get(written.decimal)
        if other is not None and _GROUPED[other].fullmatch(plain):
            plain = plain.replace(other, "")
        plain = plain.replace(",", ".")
    if not _NUMBER.fullmatch(plain):
        raise CellError("must be a number")
    return Decimal(plain)


def as_whole(text: str, written: Written) -> int:
    """A whole number."""
    return _whole(as_number(text, written))


def as_litres(text: str, written: Written) -> int:
    """Cubic metres (or cubic metres an hour) as litres."""
    return _whole(as_number(text, written) * 1000, "must be cubic metres of at most three decimals")


def as_degrees(text: str, written: Written) -> int:
    """Degrees as degrees times 10^7, to the nearest."""
    return int((as_number(text, written) * 10**7).to_integral_value())


def as_modulus(text: str, written: Written) -> int:
    """Digits of a counter in cubic metres as the litres after which it starts again."""
    digits = as_whole(text, written)
    if not 3 <= digits <= 12:
        raise CellError("must be 3 to 12 digits of cubic metres")
    return int(10**digits * 1000)


def as_yes(text: str, written: Written) -> bool:
    """Yes or no in Spanish or English."""
    if text.casefold() in YES:
        return True
    if text.casefold() in NO:
        return False
    raise CellError("must be sí or no")


def as_day(text: str, written: Written) -> str:
    """A day as YYYY-MM-DD: written so, as DD/MM/YYYY, or as the mapping says."""
    if written.day_format:
        try:
            return datetime.strptime(text, written.day_format).date().isoformat()  # noqa: DTZ007 (a day has no zone)
        except ValueError:
            raise CellError(f"must be a date as {written.day_format}") from None
    if _NUMBER.fullmatch(text):
        raise CellError("is a number; a date must be YYYY-MM-DD, DD/MM/YYYY or a cell with the format date")
    plain = text.removesuffix("T00:00:00").removesuffix(" 00:00:00").removesuffix(" 0:00:00")
    found = _DAYS.fullmatch(plain)
    try:
        if found:
            return date(int(found["y"]), int(found["m"]), int(found["d"])).isoformat()
        if _ISO_DAY.fullmatch(plain):
            return date.fromisoformat(plain).isoformat()
    except ValueError:
        pass
    raise CellError("must be a date YYYY-MM-DD or DD/MM/YYYY")


def as_moment(text: str, written: Written) -> str:
    """A day, or an instant: one without zone is of Europe/Madrid and must exist there."""
    found = _CLOCK.fullmatch(text)
    if found is None:
        if "T" in text and (text.endswith("Z") or re.search(r"[+-]\d{2}:\d{2}$", text)):
            return _instant(text)
        return as_day(text, written)
    day = as_day(found["day"], written)
    at = datetime.combine(date.fromisoformat(day), _clock(found["clock"]), MADRID)
    if instant_of(millis(at)).astimezone(MADRID).replace(tzinfo=None) != at.replace(tzinfo=None):
        raise CellError("is an hour that the clocks skipped")
    return day if (at.hour, at.minute, at.second) == (0, 0, 0) else at.isoformat()


def _clock(text: str) -> Any:
    try:
        return datetime.strptime(text if text.count(":") == 2 else f"{text}:00", "%H:%M:%S").time()  # noqa: DTZ007
    except ValueError:
        raise CellError("must have a time HH:MM") from None


def _instant(text: str) -> str:
    try:
        return datetime.fromisoformat(text).isoformat()
    except ValueError:
        raise CellError("must be a day, or an instant YYYY-MM-DDThh:mm:ss with its zone") from None


def as_json(text: str, written: Written) -> Any:
    """A list or an object as JSON."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, (dict, list)):
        raise CellError("must be JSON: an object or a list")
    return value


def as_list(text: str, written: Written) -> list[str]:
    """Words with | or , between them."""
    return [part.strip() for part in re.split(r"[|,]", text) if part.strip()]


def _whole(value: Decimal, rule: str = "must be a whole number") -> int:
    if value != value.to_integral_value():
        raise CellError(rule)
    return int(value)


KINDS: dict[str, Callable[[str, Written], Any]] = {
    "text": as_text,
    "whole": as_whole,
    "litres": as_litres,
    "degrees": as_degrees,
    "modulus": as_modulus,
    "yes": as_yes,
    "day": as_day,
    "moment": as_moment,
    "json": as_json,
    "list": as_list,
}
