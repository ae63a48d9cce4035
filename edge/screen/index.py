"""An index as typed: read from the form, held against what is expected, shown in cubic metres."""

import re
from typing import NamedTuple

from edge.screen.codes import BELOW_LAST, EXCESSIVE, READ, ZERO
from edge.store.view import StopView

_TYPED = re.compile(r"([0-9]{1,9})(?:[.,]([0-9]{1,3}))?")
_LITRES = re.compile(r"[0-9]{1,12}")


class NotAnIndexError(ValueError):
    """What was typed is no index; the text says why, in Spanish, for the reader."""


class Finding(NamedTuple):
    """Why an index needs a second look: in words, and the incidence code it is kept with if it stands."""

    words: str
    code: str


def read_cubic_metres(text: str) -> int:
    """Whole litres of ``text``: digits, and after a comma or point up to three decimals."""
    match = _TYPED.fullmatch(text.strip())
    if match is None:
        raise NotAnIndexError(
            f"«{text.strip()[:20]}» no es una lectura: sólo cifras y, si acaso, coma y hasta 3 decimales"
        )
    whole, decimals = match.groups()
    return int(whole) * 1000 + int((decimals or "").ljust(3, "0"))


def read_litres(text: str) -> int:
    """Whole litres of ``text``."""
    if _LITRES.fullmatch(text.strip()) is None:
        raise NotAnIndexError(f"«{text.strip()[:20]}» no son litros: sólo cifras")
    return int(text)


def cubic_metres(litres: int) -> str:
    """``1 234,567``: cubic metres as a reader writes them."""
    whole, rest = divmod(litres, 1000)
    return f"{whole:,}".replace(",", "\u202f") + f",{rest:03d}"


def judge(view: StopView, litres: int) -> Finding | None:
    """What is unexpected about an index at this stop; raises where the register cannot show it."""
    stop = view.stop
    if stop.modulus_litres and litres >= stop.modulus_litres:
        most = cubic_metres(stop.modulus_litres - 1)
        raise NotAnIndexError(f"{cubic_metres(litres)} m³ no cabe en este contador: marca como mucho {most}")
    return _against_radio(view, litres) or _against_last(view, litres) or _against_range(view, litres)


def _against_radio(view: StopView, litres: int) -> Finding | None:
    """A typed index below what the meter itself has sent was misread, or is another meter's."""
    if view.heard is None or litres >= view.heard.litres - 1000:
        return None
    return Finding(f"Es menor que la recibida por radio: {cubic_metres(view.heard.litres)} m³", BELOW_LAST)


def _against_last(view: StopView, litres: int) -> Finding | None:
    last = view.stop.last_litres
    if last is None or litres >= last or _expected(view, litres):
        return None
    return Finding(f"Es menor que la anterior: {cubic_metres(last)} m³", BELOW_LAST)


def _against_range(view: StopView, litres: int) -> Finding | None:
    stop = view.stop
    if stop.low_litres is None or stop.high_litres is None or _expected(view, litres):
        return None
    between = f"se esperaba entre {cubic_metres(stop.low_litres)} y {cubic_metres(stop.high_litres)} m³"
    if litres == stop.last_litres:
        return Finding(f"No ha gastado nada: {between}", ZERO)
    if litres < stop.low_litres:
        return Finding(f"Es más baja de lo normal: {between}", READ)
    return Finding(f"Es más alta de lo normal: {between}", EXCESSIVE)


def _expected(view: StopView, litres: int) -> bool:
    """Whether an index lies in the expected range, which may run through the register's zero."""
    low, high = view.stop.low_litres, view.stop.high_litres
    if low is None or high is None:
        return False
    return low <= litres <= high if low <= high else litres >= low or litres <= high
