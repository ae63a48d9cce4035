"""The report's pictures as SVG that stands alone: how many pay how much more, and who."""

from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

WIDTH, ROW, LEFT, RIGHT = 720, 24, 150, 90
GAIN, LOSS, SAME, INK = "#1b7f4b", "#b3261e", "#8a8f98", "#1f2328"


def histogram(report: dict[str, Any]) -> str:
    """Contracts by how much more or less they pay."""
    bins = report["distribution"]["histogram"]
    rows = [(_range(item), item["contracts"], _colour(item)) for item in bins]
    return _bars("Contratos según lo que cambia su factura", rows, [f"{item['contracts']}" for item in bins])


def group_means(report: dict[str, Any], by: str, title: str) -> str:
    """The mean change of each group of one grouping."""
    groups = report["groups"][by]
    cents = [int(item["mean_difference_eur"].replace(".", "")) for item in groups]
    colours = [LOSS if value > 0 else GAIN if value < 0 else SAME for value in cents]
    rows = [(item["group"], abs(value), colour) for item, value, colour in zip(groups, cents, colours, strict=True)]
    return _bars(title, rows, [f"{item['mean_difference_eur']} €" for item in groups])


def winners_and_losers(report: dict[str, Any], by: str, title: str) -> str:
    """The shares of each group that pay less, the same, and more."""
    parts, height = [], _height(len(report["groups"][by]))
    for number, item in enumerate(report["groups"][by]):
        at, y = LEFT, _y(number)
        parts.append(_label(item["group"], y))
        for name, colour in (("winners", GAIN), ("same", SAME), ("losers", LOSS)):
            length = item[name] * (WIDTH - LEFT - RIGHT) // item["contracts"]
            parts.append(_bar(at, y, length, colour))
            at += length
        parts.append(_figure(f"{item['contracts']}", y))
    return _svg(title, height, parts)


def _bars(title: str, rows: Sequence[tuple[str, int, str]], figures: Sequence[str]) -> str:
    top = max([1, *(value for _, value, _ in rows)])
    parts = []
    for number, ((label, value, colour), figure) in enumerate(zip(rows, figures, strict=True)):
        y = _y(number)
        parts += [_label(label, y), _bar(LEFT, y, value * (WIDTH - LEFT - RIGHT) // top, colour), _figure(figure, y)]
    return _svg(title, _height(len(rows)), parts)


def _range(item: dict[str, Any]) -> str:
    low, high = item["from_eur"], item["to_eur"]
    if low is None:
        return f"< {high} €" if high else "todos"
    return f"{low} … {high} €" if high else f"≥ {low} €"


def _colour(item: dict[str, Any]) -> str:
    low, high = item["from_eur"], item["to_eur"]
    if high is not None and (high.startswith("-") or high == "0.00"):
        return GAIN
    return SAME if low is None or low.startswith("-") else LOSS


def _height(rows: int) -> int:
    return 44 + rows * ROW


def _y(number: int) -> int:
    return 38 + number * ROW


def _label(text: str, y: int) -> str:
    return f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{escape(text)}</text>'


def _bar(x: int, y: int, length: int, colour: str) -> str:
    return f'<rect x="{x}" y="{y}" width="{length}" height="{ROW - 6}" fill="{colour}"/>'


def _figure(text: str, y: int) -> str:
    return f'<text x="{WIDTH - RIGHT + 8}" y="{y + 13}">{escape(text)}</text>'


def _svg(title: str, height: int, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        f'role="img" font-family="sans-serif" font-size="13" fill="{INK}"><title>{escape(title)}</title>'
        f'<text x="8" y="20" font-size="15" font-weight="bold">{escape(title)}</text>{"".join(parts)}</svg>'
    )
