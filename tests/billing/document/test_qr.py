"""The QR code: symbols as a library draws them, the standard's choice of mask, a drawing of every module."""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import cast

import pytest
import segno
from segno import consts
from segno.encoder import evaluate_mask

from billing.document.qr import penalties, qr_modules, qr_svg
from billing.document.symbol import _data, masked_symbols
from billing.fiscal import Environment, qr_url

URLS = [
    qr_url("A28015865", f"AG2026/{number:06d}", date(2026, 3, 5), Decimal(number) / 7, Environment.PRODUCTION)
    for number in range(1, 1000, 97)
]

CAPACITY = cast("dict[int, dict[int, int]]", consts.SYMBOL_CAPACITY)
PENALTY: Callable[[list[bytearray], int, int], int] = evaluate_mask


def drawn(text: str, mask: int | None = None) -> list[bytes]:
    code = segno.make(text, error="m", mode="byte", micro=False, boost_error=False, mask=mask)
    return [bytes(row) for row in code.matrix]


def full(version: int) -> str:
    """A text that leaves no room in its symbol: libraries pad what follows a shorter one in more than one way."""
    bits = CAPACITY[version][consts.ERROR_LEVEL_M] - 4 - (16 if version > 9 else 8)
    return URLS[0].ljust(bits // 8, "x")[: bits // 8]


@pytest.mark.parametrize("version", [1, 2, 5, 7, 9, 10, 14])
def test_all_eight_symbols_are_the_library_s(version: int) -> None:
    text = full(version)
    symbols = masked_symbols(text)
    assert [[row.tobytes() for row in symbol] for symbol in symbols] == [drawn(text, mask) for mask in range(8)]


def test_a_shorter_text_is_padded_as_the_standard_says() -> None:
    """7.4.10: mode, length, data, terminator, then 11101100 and 00010001 in turn."""
    assert _data(b"ab", 1).tobytes().hex(" ") == "40 26 16 20 ec 11 ec 11 ec 11 ec 11 ec 11 ec 11"
    assert _data(b"ab", 10).tobytes().hex(" ").startswith("40 00 26 16 20 ec 11")


def test_the_mask_is_the_one_of_least_penalty() -> None:
    """The library counts patterns that overlap once, 40 points each; all else is the same."""
    for url in URLS:
        symbols = masked_symbols(url)
        ours = penalties(symbols)
        theirs = [PENALTY([bytearray(row.tobytes()) for row in each], *each.shape) for each in symbols]
        assert {int(score) % 40 for score in ours - theirs} == {0}
        assert (ours >= theirs).all()
        assert qr_modules(url).tolist() == symbols[ours.argmin()].tolist()


def test_what_no_symbol_holds_is_refused() -> None:
    with pytest.raises(ValueError, match="2332 bytes"):
        masked_symbols("x" * 2332)


def test_the_drawing_has_every_dark_module() -> None:
    modules = qr_modules(URLS[0])
    seen = [[0] * len(modules) for _ in modules]
    for x, y, length in re.findall(r"M(\d+) (\d+)\.5h(\d+)", qr_svg(URLS[0])):
        for column in range(int(x), int(x) + int(length)):
            seen[int(y)][column] = 1
    assert seen == modules.tolist()
