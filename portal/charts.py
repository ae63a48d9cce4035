"""Charts as inline SVG: one path for all bars, a title and a description for those who do not see it.

The same numbers always stand beside it as a sentence, a table and a CSV file.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

BAR, GAP = 8, 3
HEIGHT, TOP, LEFT, BOTTOM = 180, 14, 52, 26


@dataclass(frozen=True)
class Bar:
    """One value in litres with the label under it (empty: none) and whether it stands out."""

    litres: int
    label: str
    marked: bool = False


def bar_chart(bars: Sequence[Bar], title: str, description: str, width: int = BAR) -> Markup:
    """An SVG of ``bars`` scaled to the highest; marked ones have their own colour and a hatch above them."""
    top = ceiling(max((bar.litres for bar in bars), default=0))
    step = width + GAP
    total = LEFT + step * len(bars) + 8
    parts = [
        f'<svg class="chart" role="img" width="{total}" height="{HEIGHT}" viewBox="0 0 {total} {HEIGHT}" '
        f'aria-labelledby="chart-title chart-desc"><title id="chart-title">{escape(title)}</title>'
        f'<desc id="chart-desc">{escape(description)}</desc>',
        _grid(top, total),
        _series([bar for bar in enumerate(bars) if not bar[1].marked], top, step, width, "bar"),
        _series([bar for bar in enumerate(bars) if bar[1].marked], top, step, width, "bar warnbar"),
        _marks(bars, top, step, width),
        _labels(bars, step, width),
        "</svg>",
    ]
    return Markup("".join(parts))  # noqa: S704  every text above is escaped


def ceiling(litres: int) -> int:
    """The smallest of 1, 2, 5 times a power of ten that is not below ``litres``."""
    if litres <= 0:
        return 1
    power = int("1" + "0" * (len(str(litres)) - 1))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= litres)


def _y(litres: int, top: int) -> int:
    span = HEIGHT - TOP - BOTTOM
    return HEIGHT - BOTTOM - (litres * span + top // 2) // top


def _grid(top: int, total: int) -> str:
    lines = []
    for part in (0, 1, 2):
        litres = top * part // 2
        y = _y(litres, top)
        lines.append(f'<path class="axis" d="M{LEFT} {y}H{total}"/>')
        lines.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{litres} l</text>')
    return "".join(lines)


def _series(bars: Sequence[tuple[int, Bar]], top: int, step: int, width: int, kind: str) -> str:
    base = HEIGHT - BOTTOM
    path = "".join(
        f"M{LEFT + position * step + width // 2} {base}V{_y(bar.litres, top)}" for position, bar in bars if bar.litres
    )
    return f'<path class="{kind}" fill="none" stroke-width="{width}" d="{path}"/>' if path else ""


def _marks(bars: Sequence[Bar], top: int, step: int, width: int) -> str:
    path = "".join(
        f"M{LEFT + position * step} {_y(bar.litres, top) - 5}h{width}m-{width} -4h{width}"
        for position, bar in enumerate(bars)
        if bar.marked
    )
    return f'<path class="bar warnbar" fill="none" stroke-width="2" d="{path}"/>' if path else ""


def _labels(bars: Sequence[Bar], step: int, width: int) -> str:
    y = HEIGHT - 8
    return "".join(
        f'<text x="{LEFT + position * step + width // 2}" y="{y}" text-anchor="middle">{escape(bar.label)}</text>'
        for position, bar in enumerate(bars)
        if bar.label
    )
