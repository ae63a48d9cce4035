"""The kernel against the explained path: the same lines, the same cents, the same refusals."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rating import Case, Rated, rate
from billing.rating.batch import Contracts, Rater
from billing.tariff import Book, RatingError
from tests.billing.rating import strategies as random
from tests.billing.rating.samples import shipped, tariff


def single(case: Case, book: Book) -> Rated | str:
    try:
        return rate(case, book)
    except RatingError as error:
        return str(error)


def batched(
    classes: list[dict[str, Any]], klass: list[int], litres: list[int], references: list[int | None], book: Book
) -> list[Rated | str]:
    """Contracts of several classes, through one batch."""
    rater = Rater([Case.parse({**raw, "litres": 0}) for raw in classes], book)
    batch = rater.rate(Contracts.of(klass, litres, references))
    found: list[Rated | str] = []
    for index in range(len(litres)):
        try:
            found.append(batch.rated(index))
        except RatingError as error:
            found.append(str(error))
    return found


@given(
    random.tariffs(),
    st.lists(st.tuples(random.supplies(), random.periods(), random.bonuses(), st.booleans()), min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(0, 2), random.litres, st.none() | random.litres), min_size=1, max_size=8),
)
def test_batch_equals_single(
    text: str,
    kinds: list[tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]], bool]],
    water: list[tuple[int, int, int | None]],
) -> None:
    book = Book.of({"XX-RANDOM": text})
    classes = [
        {"tariffs": ["XX-RANDOM"], "supply": supply, "period": period, "leak": leak, "bonuses": bonuses}
        for supply, period, bonuses, leak in kinds
    ]
    klass = [number % len(classes) for number, _, _ in water]
    expected = [
        single(Case.parse({**classes[at], "litres": litres, "reference_litres": reference}), book)
        for at, (_, litres, reference) in zip(klass, water, strict=True)
    ]
    assert batched(classes, klass, [row[1] for row in water], [row[2] for row in water], book) == expected


@given(
    random.tariffs(),
    random.supplies(),
    random.periods(),
    random.bonuses(),
    st.lists(random.litres, min_size=1, max_size=6),
)
def test_columns_hold_what_the_lines_add_up_to(
    text: str, supply: dict[str, Any], period: dict[str, Any], bonuses: list[dict[str, Any]], litres: list[int]
) -> None:
    raw = {"tariffs": ["XX-RANDOM"], "supply": supply, "period": period, "litres": 0, "bonuses": bonuses}
    rater = Rater([Case.parse(raw)], Book.of({"XX-RANDOM": text}))
    batch = rater.rate(Contracts.of([0] * len(litres), litres))
    assert (batch.total == batch.base.sum(axis=1) + batch.vat.sum(axis=1)).all()
    for index in range(len(litres)):
        assert batch.rated(index).total.scaleb(2) == int(batch.total[index])


def test_one_bad_class_stops_nobody() -> None:
    period = {"months": 2}
    good = {
        "tariffs": ["ES-AGOST-2023"],
        "supply": {"use": "domestic", "calibre_mm": 13},
        "period": period,
        "litres": 0,
    }
    bad = {**good, "supply": {"use": "domestic"}}
    rater = Rater([Case.parse(good), Case.parse(bad)], shipped())
    batch = rater.rate(Contracts.of([0, 1, 0], [18_000, 18_000, 18_000]))
    assert batch.total.tolist() == [2666, 0, 2666]
    with pytest.raises(RatingError, match=r"supply\.calibre_mm: missing"):
        batch.rated(1)


def test_a_price_that_was_never_published_stops_only_who_reaches_it() -> None:
    supply = {"use": "domestic", "dwelling_type": "D"}
    case = Case.parse({"tariffs": ["ES-AB-2024"], "supply": supply, "period": {"months": 1}, "litres": 0})
    batch = Rater([case], shipped()).rate(Contracts.of([0, 0], [15_000, 15_001]))
    assert batch.rated(0).lines[-1].why["block"] == 3
    with pytest.raises(RatingError, match="AGUA_CONS of ES-AB-2024: the published source has no price for block 4"):
        batch.rated(1)


def test_a_leak_without_reference_is_refused() -> None:
    supply = {"use": "domestic", "calibre_mm": 15}
    raw = {"tariffs": ["ES-MENGIBAR-AGUA"], "supply": supply, "period": {"months": 3}, "litres": 0, "leak": True}
    batch = Rater([Case.parse(raw)], shipped()).rate(Contracts.of([0, 0], [120_000] * 2, [30_000, None]))
    assert batch.total.tolist() == [11551, 0]
    with pytest.raises(RatingError, match="reference_litres: missing"):
        batch.rated(1)


def test_a_formula_over_the_water_takes_the_explained_path() -> None:
    fee = 'fee: {per: year, amount: "min(a * days * dwellings + b * m3, 224)", with: {a: 0.001, b: 0.5}}'
    text = tariff("XX-WASTE", f"  - {{code: BASURA, name: Residuos, {fee}}}\n")
    supply = {"dwellings": 2}
    period = {"from": "2025-01-01", "to": "2026-01-01"}
    case = Case.parse({"tariffs": ["XX-WASTE"], "supply": supply, "period": period, "litres": 0})
    batch = Rater([case], Book.of({"XX-WASTE": text})).rate(Contracts.of([0, 0], [100_000, 900_000]))
    assert [str(batch.rated(index).lines[0].amount) for index in (0, 1)] == ["50.73", "224.00"]
    assert batch.base[:, 1].tolist() == [5073, 22400]


def test_prices_beyond_sixty_four_bits_take_the_explained_path() -> None:
    text = (
        "rounding: {line_decimals: 9}\n"
        + tariff("XX-BIG", "  - {code: AGUA, name: Agua, consumption: {price: 999999.999999}}\n").lstrip()
    )
    case = Case.parse({"tariffs": ["XX-BIG"], "period": {"months": 1}, "litres": 10**10})
    book = Book.of({"XX-BIG": text})
    batch = Rater([case], book).rate(Contracts.of([0], [10**10]))
    assert batch.rated(0) == rate(case, book)


def test_parts_are_the_whole() -> None:
    supply = {"use": "domestic", "calibre_mm": 13}
    case = Case.parse({"tariffs": ["ES-AGOST-2023"], "supply": supply, "period": {"months": 2}, "litres": 0})
    rater = Rater([case], shipped())
    contracts = Contracts.of([0] * 1000, list(range(0, 100_000, 100)))
    whole = rater.rate(contracts)
    parts = list(rater.parts(contracts, 64))
    assert np.concatenate([part.total for part in parts]).tolist() == whole.total.tolist()
    assert parts[3].rated(7) == whole.rated(3 * 64 + 7)


@pytest.mark.parametrize(
    ("klass", "litres", "text"),
    [
        ([1, 0], [0, 0], "klass: 0 to 1: must be from 0 to 0"),
        ([-1], [0], "klass: -1 to -1: must be from 0 to 0"),
        ([0, 0], [-1, 5], "litres: -1 to 5: must be from 0 to 10000000000"),
        ([0], [10**10 + 1], "litres: 10000000001 to 10000000001: must be from 0 to 10000000000"),
    ],
)
def test_columns_out_of_range_are_refused(klass: list[int], litres: list[int], text: str) -> None:
    supply = {"use": "domestic", "calibre_mm": 13}
    case = Case.parse({"tariffs": ["ES-AGOST-2023"], "supply": supply, "period": {"months": 2}, "litres": 0})
    with pytest.raises(RatingError, match=f"^{text}$"):
        Rater([case], shipped()).rate(Contracts.of(klass, litres))
