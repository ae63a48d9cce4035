"""The pictures of a study, element by element: every bar is as long as its figure says."""

from typing import Any

import pytest
from lxml import etree

from billing.whatif import picture

SVG = "{http://www.w3.org/2000/svg}"
GREEN, RED, GREY = "#1b7f4b", "#b3261e", "#8a8f98"


def bin_of(low: str | None, high: str | None, contracts: int) -> dict[str, Any]:
    return {"from_eur": low, "to_eur": high, "contracts": contracts}


def group(name: str, mean: str, winners: int, same: int, losers: int) -> dict[str, Any]:
    contracts = winners + same + losers
    return {
        "group": name, "mean_difference_eur": mean, "winners": winners, "same": same, "losers": losers,
        "contracts": contracts,
    }  # fmt: skip


def root_of(svg: str) -> etree._Element:
    return etree.fromstring(svg)


def texts(svg: str) -> list[tuple[int, int, str]]:
    return [(_number(one, "x"), _number(one, "y"), one.text or "") for one in root_of(svg).iter(f"{SVG}text")]


def bars(svg: str) -> list[tuple[int, int, int, int, str]]:
    return [
        (_number(one, "x"), _number(one, "y"), _number(one, "width"), _number(one, "height"), one.get("fill", ""))
        for one in root_of(svg).iter(f"{SVG}rect")
    ]


def size(svg: str) -> tuple[str | None, ...]:
    root = root_of(svg)
    return root.get("width"), root.get("height"), root.get("viewBox"), root.get("role")


def _number(item: etree._Element, name: str) -> int:
    return int(item.get(name, ""))


def test_the_histogram_has_a_row_for_each_stretch_of_change() -> None:
    bins = [
        bin_of(None, "-5.00", 10),
        bin_of("-5.00", "0.00", 40),
        bin_of("0.00", "5.00", 20),
        bin_of("5.00", None, 3),
    ]
    svg = picture.histogram({"distribution": {"histogram": bins}})
    # 480 units are the longest bar; the others are their share of it, rounded down.
    assert bars(svg) == [
        (150, 38, 120, 18, GREEN),
        (150, 62, 480, 18, GREEN),
        (150, 86, 240, 18, RED),
        (150, 110, 36, 18, RED),
    ]
    assert texts(svg) == [
        (8, 20, "Contratos según lo que cambia su factura"),
        (142, 51, "< -5.00 €"), (638, 51, "10"),
        (142, 75, "-5.00 … 0.00 €"), (638, 75, "40"),
        (142, 99, "0.00 … 5.00 €"), (638, 99, "20"),
        (142, 123, "≥ 5.00 €"), (638, 123, "3"),
    ]  # fmt: skip
    assert size(svg) == ("720", "140", "0 0 720 140", "img")
    title = root_of(svg).find(f"{SVG}title")
    assert title is not None
    assert title.text == "Contratos según lo que cambia su factura"


def test_nobody_whose_bill_changes_is_one_grey_row() -> None:
    svg = picture.histogram({"distribution": {"histogram": [bin_of(None, None, 7)]}})
    assert bars(svg) == [(150, 38, 480, 18, GREY)]
    assert [text for *_, text in texts(svg)][1:] == ["todos", "7"]


@pytest.mark.parametrize(
    ("low", "high", "colour"),
    [("-1.00", "1.00", GREY), ("-1.00", None, GREY), (None, "1.00", GREY), (None, "0.00", GREEN), ("0.50", None, RED)],
)
def test_green_pays_less_and_red_pays_more(low: str | None, high: str | None, colour: str) -> None:
    svg = picture.histogram({"distribution": {"histogram": [bin_of(low, high, 1)]}})
    assert bars(svg) == [(150, 38, 480, 18, colour)]
    assert not any(item.tail for item in root_of(svg).iter())


def test_an_empty_study_is_an_empty_picture() -> None:
    svg = picture.histogram({"distribution": {"histogram": []}})
    assert (bars(svg), size(svg)[1]) == ([], "44")
    zero = picture.histogram({"distribution": {"histogram": [bin_of(None, None, 0)]}})
    assert [bar[2] for bar in bars(zero)] == [0]


def test_a_cent_more_is_more_and_a_cent_less_is_less() -> None:
    groups = [group("a", "0.01", 0, 0, 1), group("b", "-0.01", 1, 0, 0)]
    svg = picture.group_means({"groups": {"use": groups}}, "use", "Por uso")
    assert bars(svg) == [(150, 38, 480, 18, RED), (150, 62, 480, 18, GREEN)]


def test_means_of_groups_are_bars_of_their_size_whatever_their_sign() -> None:
    groups = [group("15 mm", "-1.50", 1, 0, 0), group("<40 & más>", "3.00", 0, 0, 1), group("20 mm", "0.00", 0, 1, 0)]
    svg = picture.group_means({"groups": {"calibre": groups}}, "calibre", "Por calibre")
    assert bars(svg) == [(150, 38, 240, 18, GREEN), (150, 62, 480, 18, RED), (150, 86, 0, 18, GREY)]
    assert [text for *_, text in texts(svg)] == [
        "Por calibre", "15 mm", "-1.50 €", "<40 & más>", "3.00 €", "20 mm", "0.00 €",
    ]  # fmt: skip


def test_winners_and_losers_share_a_row() -> None:
    groups = [group("doméstico", "0.10", 3, 1, 4), group("industrial", "1.00", 0, 0, 2)]
    svg = picture.winners_and_losers({"groups": {"use": groups}}, "use", "Por uso")
    assert bars(svg) == [
        (150, 38, 180, 18, GREEN), (330, 38, 60, 18, GREY), (390, 38, 240, 18, RED),
        (150, 62, 0, 18, GREEN), (150, 62, 0, 18, GREY), (150, 62, 480, 18, RED),
    ]  # fmt: skip
    assert [text for *_, text in texts(svg)] == ["Por uso", "doméstico", "8", "industrial", "2"]
    assert size(svg)[1] == "92"
