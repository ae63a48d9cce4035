"""The measurement of the detectors, small: what docs/validation.md claims of many towns holds in one."""

import datetime as dt
import random
import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks import vee, vee_page
from firmware_sim import faults
from firmware_sim.clock import Clock
from firmware_sim.faults import Fault

ROOT = Path(__file__).parents[3]
CLOCK = Clock(dt.date(2026, 5, 1), dt.date(2026, 7, 1))


@pytest.fixture(scope="module")
def result() -> dict[str, object]:
    return vee.measure(towns=1, houses=150, first_seed=101)


def test_leaks_are_found_within_two_days_and_nobody_is_alarmed_for_nothing(result: dict[str, object]) -> None:
    leaks = detectors(result)["continuous_flow"]
    assert leaks["faults"] >= 20
    assert leaks["recall_percent"] >= 95
    assert leaks["false_alarms"] == 0


@pytest.mark.parametrize(
    ("rule", "least"), [("wrong_meter", 100), ("tamper", 80), ("burst", 80), ("stopped_meter", 70)]
)
def test_other_faults_are_found(result: dict[str, object], rule: str, least: int) -> None:
    score = detectors(result)[rule]
    assert score["faults"] > 0
    assert score["recall_percent"] >= least


def test_the_page_is_of_this_measurement(result: dict[str, object]) -> None:
    """Same text, other numbers: whoever changes the page regenerates it."""
    written = (ROOT / "docs" / "validation.md").read_text()
    made = vee_page.page(result)
    assert _words(made) == _words(written)
    claimed = re.search(r"Leaks: ([\d.]+) % found within 48 h, ([\d.]+) false alarms", written)
    assert claimed is not None
    assert float(claimed[1]) >= 99
    assert float(claimed[2]) <= 1


def _words(page: str) -> list[str]:
    return [line for line in page.splitlines() if line and not re.search(r"\d", line)]


def detectors(result: dict[str, object]) -> dict[str, dict[str, float]]:
    return result["detectors"]  # type: ignore[return-value]


# Faults -------------------------------------------------------------------------------------------------------------

LITRES = np.full(CLOCK.hours, 10, dtype=np.int64)


def shown(fault: Fault | None) -> list[int]:
    """What a register that counts ten litres an hour moves by in each hour."""
    index = faults.register_of(1_000_000, LITRES, CLOCK, fault, random.Random(1))
    assert len(index) == CLOCK.hours + 1
    moved: list[int] = np.diff(index).tolist()
    return moved


def test_a_healthy_register_counts_what_passes() -> None:
    assert shown(None) == LITRES.tolist()


@pytest.mark.parametrize(
    ("fault", "during"),
    [
        (Fault("leak", 100, 200, 20, "constant"), {30}),
        (Fault("leak", 100, 200, 20, "pressure"), {30, 36}),
        (Fault("burst", 100, 200, 900), {910}),
        (Fault("stopped", 100, 200), {0}),
        (Fault("slow", 100, 200), {6}),
        (Fault("tamper", 100, 200), {-10}),
    ],
)
def test_a_fault_changes_its_hours_and_no_other(fault: Fault, during: set[int]) -> None:
    moved = shown(fault)
    assert set(moved[100:200]) == during
    assert set(moved[:100] + moved[200:]) == {10}


def test_a_cistern_lets_in_as_much_as_its_size_says() -> None:
    moved = shown(Fault("leak", 100, 340, 15, "cycling"))
    assert sum(moved[100:340]) - 2400 == 15 * 240
    assert {(step - 10) % faults.CISTERN_LITRES for step in moved[100:340]} == {0}


def test_water_that_runs_back_lowers_the_index() -> None:
    assert max(shown(Fault("backflow", 100, 103, 50))[100:103]) < 0


def test_another_meter_goes_on_from_its_own_index() -> None:
    moved = shown(Fault("swap", 100, 200))
    assert abs(moved[100]) > 1000
    assert set(moved[:100] + moved[101:]) == {10}


def test_the_same_seed_gives_the_same_houses() -> None:
    one, two = (list(vee.houses_of(7, 15)) for _ in range(2))
    assert [house.fault for house in one] == [house.fault for house in two]
    assert all((left.index == right.index).all() for left, right in zip(one, two, strict=True))
