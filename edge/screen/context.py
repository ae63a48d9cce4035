"""What the pages need, and how they find and show a stop."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from edge.config import ScreenConfig
from edge.screen.codes import words
from edge.screen.index import cubic_metres
from edge.screen.session import Sessions
from edge.store import Store
from edge.store.view import RouteView, StopView

STATIC = Path(__file__).parent / "static"
MADRID = ZoneInfo("Europe/Madrid")
_ORDER_STATES = {
    "open": "Por hacer",
    "done": "Hecha",
    "impossible": "No se pudo",
    "withdrawn": "Retirada por la oficina",
}
ORDER_KINDS = {
    "read": "Leer otra vez",
    "inspect": "Inspeccionar",
    "seal": "Precintar",
    "replace": "Cambiar el contador",
    "install": "Instalar un contador",
    "remove": "Retirar el contador",
    "cut": "Cortar el suministro",
    "reconnect": "Restablecer el suministro",
}
_STATES = {"unread": "Sin leer", "radio": "Por radio", "typed": "A mano", "visited": "Visitado"}


@dataclass(frozen=True)
class ScreenContext:
    """Shared by all pages of one screen."""

    config: ScreenConfig
    store: Store
    status: Callable[[], dict[str, object]]
    sessions: Sessions
    templates: Environment


def environment() -> Environment:
    """The templates with the words and formats they use."""
    found = Environment(loader=PackageLoader("edge.screen"), autoescape=select_autoescape(), undefined=StrictUndefined)
    found.filters.update(
        m3=cubic_metres,
        code_words=words,
        local_time=local_time,
        local_day=local_day,
        state_words=_STATES.__getitem__,
        order_words=_ORDER_STATES.__getitem__,
        order_kind=order_kind,
    )
    return found


def local_time(wall_ms: int) -> str:
    """``24/11/2026 10:05`` in the legal time of Spain's mainland."""
    return datetime.datetime.fromtimestamp(wall_ms / 1000, MADRID).strftime("%d/%m/%Y %H:%M")


def local_day(day: str) -> str:
    """``24/11/2026`` of an ISO date."""
    return datetime.date.fromisoformat(day).strftime("%d/%m/%Y")


def order_kind(kind: str) -> str:
    """What an order asks for; a kind that a newer centre knows is told by its name."""
    return ORDER_KINDS.get(kind, kind)


def context_of(request: Request) -> ScreenContext:
    """The context of the application that serves ``request``."""
    found: ScreenContext = request.app.state.context
    return found


class Totals(NamedTuple):
    """A route's stops by state; ``total`` is their sum."""

    unread: int
    radio: int
    typed: int
    visited: int
    alarms: int

    @property
    def total(self) -> int:
        """All stops."""
        return self.unread + self.radio + self.typed + self.visited


def totals(route: RouteView) -> Totals:
    """How far the round is."""
    states = [view.state for view in route.stops]
    alarms = sum(bool(view.heard and view.heard.alarms) for view in route.stops)
    unread, radio, typed, visited = (states.count(state) for state in ("unread", "radio", "typed", "visited"))
    return Totals(unread, radio, typed, visited, alarms)


def find_stop(route: RouteView | None, supply: str, meter: str) -> StopView | None:
    """The stop of a supply; ``meter`` decides where a supply has several."""
    found = [v for v in (route.stops if route else []) if v.stop.supply == supply and meter in ("", v.stop.meter)]
    return found[0] if len(found) == 1 else None


def in_order(route: RouteView, order: str) -> list[StopView]:
    """The stops as the reader walks them: forward, or ``inverso``."""
    return route.stops[::-1] if order == "inverso" else route.stops


def next_unread(route: RouteView, order: str, after: StopView) -> StopView | None:
    """The unread stop that comes next in walking order, starting over at the end."""
    stops = in_order(route, order)
    here = next((i for i, v in enumerate(stops) if v.stop == after.stop), -1)
    return next((v for v in stops[here + 1 :] + stops[: here + 1] if v.state == "unread"), None)


def matches(view: StopView, search: str) -> bool:
    """Whether a stop answers to the last digits of its meter's number, its house number or its street."""
    stop, wanted = view.stop, search.strip().casefold()
    return stop.serial.endswith(wanted) or stop.number.casefold() == wanted or wanted in stop.street.casefold()
