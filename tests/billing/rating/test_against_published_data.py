"""Every tariff in the folder of published data, rated here and by a plain reading of that data, to the cent.

The reading below knows nothing of the tariff language: it takes the entry's fees and blocks as they stand. Where the
two differ on purpose, ``REFUSED`` and ``DIFFERENT`` say why.
"""

import json
import os
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from billing.rating import Case, rate
from billing.tariff import Book, RatingError
from tests.billing.rating.samples import EXAMPLES, shipped

MONTHS = {"month": 1, "bimester": 2, "quarter": 3, "year": 12}
USES = ("domestic", "industrial", "official", "other", "bulk_meter", "scattered", "irrigation", "charity", "community")
CALIBRES = (13, 15, 20, 25, 30, 40, 50, 65)
# A mutant meets one case in 97, of every kind all the same: thousands of mutants meet this test.
STEP = 97 if "MUTANT_UNDER_TEST" in os.environ else 1
CASES = tuple(product(USES, CALIBRES, (0, 3, 17, 26, 48, 130), (1, 2, 3), (1, 4)))[::STEP]

# Entries whose conditions this plain reading cannot follow: persons, population, zones, dwelling types, formulas.
ELSEWHERE = {
    "ES-ACA-CANON",
    "ES-GVA-CANON",
    "ES-CEHEGIN",
    "ES-AB-2013",
    "ES-AB-2024",
    "ES-EMASESA-NODOM-2024",
    "ES-CYII-2024",
    "ES-AMAEM-2022",
    "ES-PATERNA",
    "ES-MARBELLA-MANCHONES-2004",
    "ES-EMASA-2022",
    "ES-AND-CANON",
    "ES-CIEZA",
    "ES-ELVENDRELL-2022B",
}
# (tariff, use): the bulletin itself says more than the entry.
DIFFERENT = {
    ("ES-GUADASSEQUIES-2021", "scattered"): "no sewer there",
    ("ES-GUADASSEQUIES-2021", "irrigation"): "no sewer there",
}


def cents(value: Fraction) -> Decimal:
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    return exact.quantize(Decimal("0.01"), ROUND_HALF_UP)


def fee_of(part: dict[str, Any], calibre: int, months: int) -> Decimal | None:
    if part["per"] not in MONTHS:
        return None
    amounts = part["amounts"]
    amount = amounts if isinstance(amounts, str) else amounts.get(str(calibre))
    return None if amount is None else cents(Fraction(amount) * Fraction(months, MONTHS[part["per"]]))


def blocks_of(part: dict[str, Any], m3: int, months: int, dwellings: int) -> list[Decimal]:
    scale = Fraction(months, MONTHS[part["per"]]) * (dwellings if part["scale_by"] == "dwellings" else 1)
    litres, below, lines = m3 * 1000, 0, []
    billed = max(litres, int(part.get("minimum_m3", 0) * 1000 * scale))
    for block in part["blocks"]:
        upper = billed if block["upto"] is None else min(billed, round(block["upto"] * scale * 1000))
        if upper > below:
            lines.append(cents(Fraction(upper - below, 1000) * Fraction(block["price"])))
            below = upper
    rebate = part.get("rebate")
    if rebate and billed and billed <= rebate["if_consumption_per_dwelling_le"] * 1000 * scale:
        lines.append(-cents(Fraction(billed, 1000) * Fraction(rebate["per_m3"])))
    return lines


def plain_base(entry: dict[str, Any], use: str, calibre: int, m3: int, months: int, dwellings: int) -> Decimal | None:
    """The base by the plain reading; None where the entry has no amount for the case."""
    lines: list[Decimal] = []
    priced = False
    for part in entry["components"]:
        uses = part.get("use", use).split("|")
        if part["kind"] == "fixed" and part.get("per") != "once" and use in uses:
            fee = fee_of(part, calibre, months)
            if fee is None:
                return None
            lines.append(fee)
        elif part["kind"] == "blocks" and use in uses:
            lines += blocks_of(part, m3, months, dwellings)
            priced |= part["code"].split("_")[0] in ("AGUA", "DEP", "IMAR")
        elif part["kind"] == "dual_rate" and use in uses:
            lines += [cents(m3 * Fraction(price)) for price in part["rates"]]
        elif part["kind"] == "blocks" and part["use"] == "domestic" and "AGUA_ALTA" in part["code"]:
            lines += blocks_of(part, m3, months, dwellings)
    return sum(lines, Decimal(0)) if priced else None


def rated_base(book: Book, tariff: str, use: str, calibre: int, m3: int, months: int, dwellings: int) -> Decimal | None:
    supply = {"use": use, "calibre_mm": calibre, "dwellings": dwellings, "premises": 1}
    case = {"tariffs": [tariff], "supply": supply, "litres": m3 * 1000, "period": {"months": months}}
    try:
        rated = rate(Case.parse(case), book)
    except RatingError:
        return None
    return sum((vat.base for vat in rated.by_rate.values()), Decimal(0))


def entries(shared: Path) -> list[dict[str, Any]]:
    return list(json.loads((shared / "data/billing/tariffs.json").read_text())["tariffs"])


def test_every_published_tariff_is_shipped(shared: Path) -> None:
    assert {entry["id"] for entry in entries(shared)} <= set(shipped().ids())


def test_rated_bases_are_those_of_a_plain_reading(shared: Path) -> None:
    compared, book = 0, shipped()
    for entry in entries(shared):
        if entry["id"] in ELSEWHERE:
            continue
        for use, calibre, m3, months, dwellings in CASES:
            if (entry["id"], use) in DIFFERENT:
                continue
            expected = plain_base(entry, use, calibre, m3, months, dwellings)
            rated = rated_base(book, entry["id"], use, calibre, m3, months, dwellings)
            if expected is not None and rated is not None:
                assert rated == expected, (entry["id"], use, calibre, m3, months, dwellings)
                compared += 1
    assert compared > 10_000 // STEP


def test_score_of_the_published_cases(shared: Path) -> None:
    for line in (shared / "data/billing/cases.jsonl").read_text().splitlines():
        raw = json.loads(line, parse_float=Decimal)
        rated = rate(Case.parse(raw), shipped()).to_json()
        assert rated["total"] == raw["expected"]["total"]
        for code, sums in raw["expected"]["by_rate"].items():
            assert Decimal(rated["by_rate"][code]["base"]) == Decimal(sums["base"])
            assert Decimal(rated["by_rate"][code]["vat"]) == Decimal(sums["vat"])


def test_vat_rounded_on_every_line(shared: Path) -> None:
    bills = json.loads((shared / "data/billing/worked_bills.json").read_text())["bills"]
    expected = {bill["id"]: bill["alternatives"]["R2_vat_per_line"] for bill in bills}
    for line in (shared / "data/billing/cases.jsonl").read_text().splitlines():
        case = Case.parse(json.loads(line, parse_float=Decimal))
        texts = {code: "rounding: {vat: line}\n" + (EXAMPLES / f"{code}.yaml").read_text() for code in case.tariffs}
        assert str(rate(case, Book.of(texts)).total) == expected[str(case.ref)], case.ref


@pytest.mark.parametrize("name", shipped().ids())
def test_every_shipped_tariff_says_where_it_comes_from(name: str) -> None:
    tariff = shipped().get(name)
    assert tariff.source.title
    assert tariff.source.url.startswith("http")
    assert all(part.clause for part in tariff.components)
