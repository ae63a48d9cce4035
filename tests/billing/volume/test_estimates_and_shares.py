"""The estimation cascade, redistribution, leak allowance, bulk meters and splits."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.volume import (
    BulkPolicy,
    Installation,
    LeakClaim,
    LeakPolicy,
    PastPeriod,
    Period,
    Policy,
    VolumeError,
    estimate,
    leak_allowance,
    merge,
    redistribute,
    settle_bulk,
    share_by_days,
)

JANUARY = Period(date(2026, 1, 1), date(2026, 2, 1))
POLICY = Policy()
METER = Installation("A", datetime(2020, 1, 1, tzinfo=UTC), None, 10**8, 15, None)


def past(year: int, month: int, litres: int, *, estimated: bool = False, leak: bool = False) -> PastPeriod:
    start = date(year, month, 1)
    end = date(year + month // 12, month % 12 + 1, 1)
    return PastPeriod(Period(start, end), litres, estimated, leak)


@pytest.mark.parametrize(
    ("history", "step", "litres"),
    [
        ([past(2025, 1, 31_000), past(2025, 12, 62_000)], 1, 31_000),
        ([past(2025, 1, 90_000, leak=True), past(2024, 1, 20_000), past(2023, 1, 30_000)], 2, 25_000),
        ([past(2025, 1, 9_000, estimated=True), past(2025, 12, 31_000), past(2025, 11, 30_000)], 3, 31_000),
        ([past(2024, 6, 30_000), past(2024, 7, 31_000)], 4, 31_000),
        ([], 5, 37_500),
        ([past(2025, 12, 70_000, leak=True)], 5, 37_500),
    ],
)
def test_each_step_of_the_cascade(history: list[PastPeriod], step: int, litres: int) -> None:
    guess = estimate(JANUARY, history, METER, POLICY)
    assert (guess.step, guess.litres) == (step, litres)


def test_nominal_capacity_of_a_bimester_and_of_odd_days() -> None:
    bimester = Period(date(2026, 1, 1), date(2026, 3, 1))
    assert estimate(bimester, [], METER, POLICY).litres == 75_000
    odd = Period(date(2026, 1, 1), date(2026, 1, 11))
    assert estimate(odd, [], METER, POLICY).litres == 12_329


def test_the_future_never_estimates_the_past() -> None:
    assert estimate(JANUARY, [past(2026, 2, 1_000)], METER, POLICY).step == 5


def test_redistribution_of_b14b() -> None:
    """B14: a quarter estimated at 30 m3, 40 m3 metered over both quarters (90 and 91 days)."""
    first = Period(date(2026, 1, 1), date(2026, 4, 1))
    second = Period(date(2026, 4, 1), date(2026, 7, 1))
    result = redistribute([PastPeriod(first, 30_000, estimated=True)], second, 40_000)
    assert result.corrections[0].litres + result.litres == 40_000
    assert (result.corrections[0].litres, result.corrections[0].difference) == (19_890, -10_110)


def test_redistribution_refuses_gaps() -> None:
    with pytest.raises(VolumeError, match="must start where"):
        redistribute([past(2025, 11, 5, estimated=True)], JANUARY, 40_000)


@given(st.integers(-(10**9), 10**9), st.lists(st.integers(0, 366), min_size=1).filter(any))
def test_shares_add_up_and_are_fair(litres: int, days: list[int]) -> None:
    parts = share_by_days(litres, days)
    assert sum(parts) == litres
    for part, span in zip(parts, days, strict=True):
        assert abs(part * sum(days) - litres * span) < sum(days)


def test_shares_and_sums_refuse_nonsense() -> None:
    with pytest.raises(VolumeError, match="days"):
        share_by_days(5, [0, 0])
    with pytest.raises(VolumeError, match="litres -1"):
        merge([5, -1])
    assert merge([5, 6]) == 11


def test_bulk_meter_both_policies() -> None:
    billed = settle_bulk(400_000, [30_000] * 12, BulkPolicy.DIFFERENCE)
    watched = settle_bulk(400_000, [30_000] * 12, BulkPolicy.WATCH_ONLY)
    assert (billed.community_litres, billed.difference_litres, billed.warning) == (40_000, 40_000, "")
    assert (watched.community_litres, watched.difference_litres) == (0, 40_000)
    assert settle_bulk(400_000, [0], BulkPolicy.WATCH_ONLY).warning


def test_sub_meters_above_the_general_one_are_no_credit() -> None:
    share = settle_bulk(100, [60, 50], BulkPolicy.DIFFERENCE)
    assert share.community_litres == 0
    assert "10 l más" in share.warning


def claim(**changes: object) -> LeakClaim:
    facts: dict[str, object] = {
        "bill_date": date(2026, 2, 5),
        "hidden": True,
        "repair_invoice": date(2026, 2, 20),
    }
    return LeakClaim(**(facts | changes))  # type: ignore[arg-type]


def test_leak_allowance_splits_reference_and_excess() -> None:
    """B10: 120 m3 in the quarter against 30 m3 in the same quarter a year before."""
    quarter = Period(date(2026, 1, 1), date(2026, 4, 1))
    history = [PastPeriod(quarter.years_before(1), 30_000)]
    allowance = leak_allowance(120_000, quarter, history, claim(), LeakPolicy(), POLICY)
    assert allowance.granted
    assert (allowance.reference_litres, allowance.excess_litres) == (30_000, 90_000)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"hidden": False}, "oculta"),
        ({"repair_invoice": None}, "Falta la factura"),
        ({"repair_invoice": date(2026, 3, 20)}, "30 días"),
        ({"last_granted": date(2024, 2, 29)}, "hace menos de 2"),
    ],
)
def test_leak_allowance_refusals(changes: dict[str, object], refusal: str) -> None:
    history = [past(2025, 1, 30_000)]
    allowance = leak_allowance(120_000, JANUARY, history, claim(**changes), LeakPolicy(), POLICY)
    assert not allowance.granted
    assert allowance.excess_litres == 0
    assert refusal in allowance.refusals[0]


def test_leak_allowance_without_history_or_excess() -> None:
    assert not leak_allowance(120_000, JANUARY, [], claim(), LeakPolicy(), POLICY).granted
    same = leak_allowance(30_000, JANUARY, [past(2025, 1, 30_000)], claim(), LeakPolicy(), POLICY)
    assert same.refusals == ("El consumo no supera el de referencia",)
