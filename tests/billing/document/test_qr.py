"""The QR code: the standard's choice of mask, and a drawing of every module."""

import re
from datetime import date
from decimal import Decimal

import pytest
import segno
from segno.encoder import evaluate_mask

from billing.document.qr import penalties, qr_modules, qr_svg
from billing.fiscal import Environment, qr_url

URLS = [
    qr_url("A28015865", f"AG2026/{number:06d}", date(2026, 3, 5), Decimal(number) / 7, Environment.PRODUCTION)
    for number in range(1, 1000, 97)
]


@pytest.mark.parametrize("url", URLS)
def test_the_mask_is_at_least_as_good_as_the_library_finds(url: str) -> None:
    ours = qr_modules(url)
    theirs = segno.make(url, error="m", micro=False, boost_error=False)
    score = evaluate_mask([bytearray(row.tobytes()) for row in ours], *ours.shape)
    assert penalties(ours[None])[0] == score
    assert score <= evaluate_mask([bytearray(row) for row in theirs.matrix], *ours.shape)


@pytest.mark.parametrize("url", URLS)
def test_the_symbol_is_one_of_the_eight_of_its_text(url: str) -> None:
    symbols = [
        [bytes(row) for row in segno.make(url, error="m", micro=False, boost_error=False, mask=mask).matrix]
        for mask in range(8)
    ]
    assert [row.tobytes() for row in qr_modules(url)] in symbols


def test_the_drawing_has_every_dark_module() -> None:
    modules = qr_modules(URLS[0])
    drawn = [[0] * len(modules) for _ in modules]
    for x, y, length in re.findall(r"M(\d+) (\d+)\.5h(\d+)", qr_svg(URLS[0])):
        for column in range(int(x), int(x) + int(length)):
            drawn[int(y)][column] = 1
    assert drawn == modules.tolist()
