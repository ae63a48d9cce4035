"""A route drawn as inline SVG without tiles: the way walked as one grey line, one path for each state of its stops.

States differ by shape and by colour. The table beside it says the same; where no coordinates are known, the stops
stand in rows in the order they are walked.
"""

from collections.abc import Sequence
from math import cos, radians

from markupsafe import Markup, escape

from central.fleet.progress import RADIO, STATES, TYPED, UNREAD, VISITED, Stop

WIDTH, MARGIN, SIZE = 720, 16, 5
TALLEST, LOWEST = 560, 120
IN_A_ROW = 24

Spot = tuple[int, int]


def route_map(stops: Sequence[Stop], title: str, description: str) -> Markup:
    """The stops as an SVG image of ``WIDTH`` units across."""
    spots, height = _placed(stops)
    line = "M" + "L".join(f"{x} {y}" for x, y in spots) if len(spots) > 1 else ""
    parts = [
        f'<svg class="map" role="img" viewBox="0 0 {WIDTH} {height}" aria-labelledby="map-title map-desc">'
        f'<title id="map-title">{escape(title)}</title><desc id="map-desc">{escape(description)}</desc>',
        f'<path class="way" fill="none" d="{line}"/>' if line else "",
        *(_marks(state, [spot for stop, spot in zip(stops, spots, strict=True) if stop.state == state])
          for state in STATES),
        "</svg>",
    ]  # fmt: skip
    return Markup("".join(parts))  # noqa: S704  every text above is escaped


def mark_of(state: str) -> Markup:
    """A state's mark alone, for the legend."""
    marks = _marks(state, [(8, 8)])
    return Markup(f'<svg class="map" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">{marks}</svg>')  # noqa: S704


def _placed(stops: Sequence[Stop]) -> tuple[list[Spot], int]:
    """Where each stop is drawn, and how high the drawing is."""
    known = [(stop.lon_e7, stop.lat_e7) for stop in stops if stop.lon_e7 is not None and stop.lat_e7 is not None]
    if len(known) < len(stops) or len(set(known)) < 2:
        return _rows(len(stops))
    across = cos(radians(known[0][1] / 10**7))
    flat = [(lon * across, float(lat)) for lon, lat in known]
    low_x, high_x = min(x for x, _ in flat), max(x for x, _ in flat)
    low_y, high_y = min(y for _, y in flat), max(y for _, y in flat)
    scale = min((WIDTH - 2 * MARGIN) / max(high_x - low_x, 1.0), (TALLEST - 2 * MARGIN) / max(high_y - low_y, 1.0))
    height = max(LOWEST, round((high_y - low_y) * scale) + 2 * MARGIN)
    left = (WIDTH - (high_x - low_x) * scale) / 2
    return [(round(left + (x - low_x) * scale), round(MARGIN + (high_y - y) * scale)) for x, y in flat], height


def _rows(count: int) -> tuple[list[Spot], int]:
    """Stops in rows, each begun where the one above ended."""
    step = (WIDTH - 2 * MARGIN) // (IN_A_ROW - 1)
    spots = []
    for at in range(count):
        row, place = divmod(at, IN_A_ROW)
        spots.append((MARGIN + step * (place if row % 2 == 0 else IN_A_ROW - 1 - place), MARGIN + step * row))
    return spots, 2 * MARGIN + step * ((max(count, 1) - 1) // IN_A_ROW)


_SHAPES = {
    RADIO: f"m-{SIZE} 0a{SIZE} {SIZE} 0 1 0 {2 * SIZE} 0a{SIZE} {SIZE} 0 1 0 -{2 * SIZE} 0",
    TYPED: f"m-{SIZE} -{SIZE}h{2 * SIZE}v{2 * SIZE}h-{2 * SIZE}z",
    VISITED: f"m-{SIZE} -{SIZE}l{2 * SIZE} {2 * SIZE}m0 -{2 * SIZE}l-{2 * SIZE} {2 * SIZE}",
    UNREAD: f"m0 -{SIZE + 1}l{SIZE + 1} {SIZE + 1}l-{SIZE + 1} {SIZE + 1}l-{SIZE + 1} -{SIZE + 1}z",
}


def _marks(state: str, spots: Sequence[Spot]) -> str:
    if not spots:
        return ""
    return f'<path class="stop-{state}" d="{"".join(f"M{x} {y}{_SHAPES[state]}" for x, y in spots)}"/>'
