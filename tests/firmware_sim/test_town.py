"""A town is the same everywhere, its people look like people, and its indexes add up."""

import datetime as dt
import hashlib
import inspect
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import iban
from stdnum.es import nif, referenciacatastral

from firmware_sim.clock import FREE_DAY, MADRID, WORKDAY
from firmware_sim.ground import TownError
from firmware_sim.town import Town

TOWN = Town.build()
HOUR = dt.timedelta(hours=1)


def fingerprint(town: Town) -> str:
    digest = hashlib.sha256(json.dumps(town.document()).encode())
    for house in range(len(town.houses)):
        digest.update(town.hourly_litres(house).astype("<i4").tobytes())
    return digest.hexdigest()


def test_default_town_is_sixty_supply_points_for_a_quarter() -> None:
    assert len(TOWN.houses) == 60
    assert len(TOWN.meters) == 61
    assert (TOWN.start, TOWN.end) == (dt.date(2026, 7, 1), dt.date(2026, 10, 1))


def test_same_seed_same_town_in_other_processes() -> None:
    code = "\n".join(
        (
            "import hashlib, json",
            "from firmware_sim.town import Town",
            inspect.getsource(fingerprint),
            "print(fingerprint(Town.build()))",
        )
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": salt}, capture_output=True, text=True, check=True
        ).stdout.strip()
        for salt in ("1", "2")
    }

    assert printed == {fingerprint(TOWN)}


def test_default_town_stays_what_it_was() -> None:
    """Changes of the town change every recorded figure of the demo: this pins a few of them."""
    assert [str(meter.address) for meter in TOWN.meters[:2]] == ["AXI-47000000-10-07", "ITW-69000001-33-07"]
    assert sum(meter.end_litres - meter.start_litres for meter in TOWN.meters) == 1_501_585


def test_other_seeds_are_other_towns() -> None:
    assert fingerprint(Town.build(seed=2)) != fingerprint(TOWN)


def test_one_of_each_fate() -> None:
    behaviours = [meter.behaviour for meter in TOWN.meters]

    assert {name: behaviours.count(name) for name in ("leak", "stopped", "exchanged")} == {
        "leak": 1,
        "stopped": 1,
        "exchanged": 1,
    }
    assert sum(not meter.radio for meter in TOWN.meters) == 1
    assert sum(meter.battery_low_from is not None for meter in TOWN.meters) == 1


def test_exchange_hands_over_within_the_period() -> None:
    old = next(meter for meter in TOWN.meters if meter.behaviour == "exchanged")
    new = next(meter for meter in TOWN.meters if meter.on_from == old.on_until)

    assert old.on_until is not None
    assert new.installed == old.removed
    assert TOWN.start < new.installed < TOWN.end
    assert old.house is new.house
    assert old.address != new.address
    assert old.key != new.key
    assert TOWN.index_at(old, old.on_until) == old.end_litres
    assert TOWN.index_at(new, new.on_from) == new.start_litres < 20
    after = old.on_until + 100 * HOUR
    assert TOWN.index_at(old, after) == old.end_litres
    assert new.start_litres < TOWN.index_at(new, after)
    with pytest.raises(TownError, match="hangs from"):
        TOWN.index_at(new, new.on_from - HOUR)


def test_leaking_meter_never_rests_and_stopped_meter_never_moves() -> None:
    leak = next(meter for meter in TOWN.meters if meter.behaviour == "leak")
    stopped = next(meter for meter in TOWN.meters if meter.behaviour == "stopped")
    hours = TOWN.clock.hours

    def tail(meter: object, begin: dt.datetime | None) -> np.ndarray:
        assert begin is not None
        first = int(begin.timestamp() - TOWN.clock.first) // 3600
        assert hours - first > 24 * 20
        return TOWN.hourly_litres(TOWN.house_index[meter.house.supply_code])[first:]  # type: ignore[attr-defined]

    assert tail(leak, leak.behaves_from).min() > 0
    assert tail(stopped, stopped.behaves_from).max() == 0


def test_customers_and_houses_check_out() -> None:
    for house in TOWN.houses:
        assert nif.is_valid(house.customer.nif), house.customer
        assert iban.is_valid(house.customer.iban), house.customer
        assert referenciacatastral.is_valid(house.cadastral_reference), house
        assert house.calibre_mm in (13, 15, 20, 30)
        assert (house.persons == 0) == (house.use == "commercial")
    for unique in ("supply_code", "cadastral_reference", "contract_no"):
        assert len({getattr(house, unique) for house in TOWN.houses}) == len(TOWN.houses)
    assert len({house.customer.nif for house in TOWN.houses}) == len(TOWN.houses)
    assert len({meter.address for meter in TOWN.meters}) == len(TOWN.meters)


def test_consumption_looks_like_people() -> None:
    clock = TOWN.clock
    homes = [n for n, house in enumerate(TOWN.houses) if house.use == "domestic"]
    total = np.sum([TOWN.hourly_litres(n) for n in homes], axis=0)
    kinds = clock.day_kinds[clock.days]

    def mean(kind: int, *hours: int) -> float:
        chosen = (kinds == kind) & np.isin(clock.local_hours, hours)
        return float(total[chosen].mean())

    assert mean(WORKDAY, 2, 3, 4) * 5 < mean(WORKDAY, 7, 8)
    assert mean(WORKDAY, 15, 16, 17) < mean(WORKDAY, 20, 21)
    assert mean(FREE_DAY, 7) < mean(WORKDAY, 7)
    assert mean(FREE_DAY, 10) > mean(WORKDAY, 10)
    litres_a_day = [TOWN.hourly_litres(n).sum() / clock.hours * 24 for n in homes]
    assert 120 < np.median(litres_a_day) < 350


def test_big_households_use_more_and_some_are_away() -> None:
    big = Town.build(meters=400, seed=3)
    by_persons: dict[int, list[float]] = {}
    away = 0
    for n, house in enumerate(big.houses):
        if house.dwellings == 1:
            daily = big.hourly_litres(n)[: 24 * 92].reshape(92, 24).sum(axis=1)
            by_persons.setdefault(house.persons, []).append(float(np.median(daily)))
            away += int((daily == 0).sum() >= 5)

    assert np.mean(by_persons[1]) < np.mean(by_persons[2]) < np.mean(by_persons[4])
    assert away > 40


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 60), st.lists(st.integers(0, 92 * 86_400 - 1), min_size=2, max_size=6))
def test_index_never_falls_and_differences_are_what_flowed(at: int, offsets: list[int]) -> None:
    meter = TOWN.meters[at]
    begin = TOWN.first_instant(meter)
    moments = sorted(begin + dt.timedelta(seconds=n) for n in offsets if begin.timestamp() + n < TOWN.clock.last)

    indexes = [TOWN.index_at(meter, moment) for moment in moments]

    assert indexes == sorted(indexes)
    assert all(meter.start_litres <= index <= meter.end_litres for index in indexes)


@pytest.mark.parametrize("at", range(61))
def test_whole_period_is_the_sum_of_its_hours(at: int) -> None:
    meter = TOWN.meters[at]
    house = TOWN.house_index[meter.house.supply_code]
    parts = [other for other in TOWN.meters if other.house is meter.house]
    flowed = int(TOWN.hourly_litres(house)[: (TOWN.clock.last - TOWN.clock.first) // 3600].sum())

    assert sum(part.end_litres - part.start_litres for part in parts) == flowed


def test_summer_time_change_keeps_every_hour() -> None:
    town = Town.build(meters=12, months=1, end=dt.date(2026, 11, 1))
    hours = (town.clock.last - town.clock.first) // 3600

    assert hours == 31 * 24 + 1
    assert list(town.clock.local_hours[24 * 24 + 1 : 24 * 24 + 5]) == [1, 2, 2, 3]
    assert town.clock.dates[int(town.clock.days[hours - 1])] == dt.date(2026, 10, 31)


def test_local_midnight_of_the_first_is_a_due_instant() -> None:
    meter = TOWN.meters[0]
    due = dt.datetime(2026, 8, 1, tzinfo=MADRID)

    assert TOWN.index_at(meter, due) == TOWN.index_at(meter, due.astimezone(dt.UTC))


def test_town_file_round_trips_and_refuses_edits(tmp_path: Path) -> None:
    path = TOWN.write(tmp_path)

    assert fingerprint(Town.read(tmp_path)) == fingerprint(TOWN)

    document = json.loads(path.read_text())
    document["houses"][3]["persons"] += 1
    path.write_text(json.dumps(document))
    with pytest.raises(TownError, match="houses is not what seed 1 draws"):
        Town.read(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"meters": 5}, "meters: 5, from 12"),
        ({"months": 0}, "months: 0, at least 1"),
        ({"end": dt.date(2026, 10, 2)}, "must be the first of a month"),
    ],
)
def test_impossible_towns_are_refused(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(TownError, match=words):
        Town.build(**arguments)  # type: ignore[arg-type]


def test_missing_and_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(TownError, match=r"town\.json"):
        Town.read(tmp_path)
    (tmp_path / "town.json").write_text('{"schema": 9}')
    with pytest.raises(TownError, match="schema must be 1"):
        Town.read(tmp_path)
