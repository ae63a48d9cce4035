"""How well each detector finds the faults of simulated towns, and how often it cries wolf: precision and recall.

python benchmarks/vee.py [--towns 20] [--houses 1000] [--write docs/validation.md]

Each town has a year of hourly index readings for its houses, with faults whose kind, size and beginning are known, and
with habits that resemble faults. The rules run as they run in the centre, on the same columns, without radio and
database in between. Recall is asked at a deadline: the rule sees nothing that came later.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np

from central.reading.findings import Found
from central.reading.validation.asking import ask
from central.reading.validation.columns import MeterInfo, q4_of
from central.reading.validation.registry import all_rules
from central.reading.validation.series import Series
from central.times import DAY_MS, HOUR_MS
from firmware_sim import build, consumption, faults, place
from firmware_sim.clock import Clock
from firmware_sim.faults import Fault
from firmware_sim.meters import House
from firmware_sim.streams import stream

END = date(2026, 10, 1)
MODULUS = 10**8
AT_ONCE = 200
LOOK_BACK_MS = 75 * DAY_MS
# Detector, the fault it is for, and within how many hours of its beginning (or end) it is to be found.
DETECTORS = (
    ("continuous_flow", "leak", 48, "begin"),
    ("burst", "burst", 4, "begin"),
    ("stopped_meter", "stopped", 26 * 24, "begin"),
    ("backflow", "backflow", 6, "end"),
    ("tamper", "tamper", 24 * 3, "end"),
    ("wrong_meter", "swap", 6, "begin"),
)
SMALL_LEAK = (5, 18)


@dataclass(frozen=True)
class Measured:
    """One house: what its register showed each hour, and what was wrong."""

    info: MeterInfo
    index: Any
    fault: Fault | None
    clock: Clock


@dataclass
class Score:
    """What a detector made of the faults it is for, and of everything else."""

    faults: int = 0
    found: int = 0
    true: int = 0
    false: int = 0
    by_kind: Counter[str] = field(default_factory=Counter)
    found_by_kind: Counter[str] = field(default_factory=Counter)
    false_at: Counter[str] = field(default_factory=Counter)


def houses_of(seed: int, count: int) -> Iterator[Measured]:
    """The houses of a town with a year of readings."""
    clock = faults.year_before(END)
    _, houses = build.houses_of(seed, place.AGOST, count)
    for number, house in enumerate(houses):
        yield _house(seed, clock, number, house)


def _house(seed: int, clock: Clock, number: int, house: House) -> Measured:
    rng = stream(seed, "measured", number)
    drawn = consumption.hourly(clock, build.household(seed, clock, number, house), stream(seed, "water", number))
    litres = faults.with_habits(drawn, clock, house, rng)
    fault = faults.drawn_fault(rng, clock.hours)
    index = faults.register_of(rng.randrange(20_000, 900_000), litres, clock, fault, rng) % MODULUS
    info = MeterInfo(
        number + 1, f"SIM-{number:08d}-01-07", MODULUS, q4_of(house.calibre_mm, None), (), max(1, house.dwellings),
        house.use,
    )  # fmt: skip
    return Measured(info, index, fault, clock)


def series_of(houses: Sequence[Measured], spans: Sequence[tuple[int, int]]) -> Series:
    """The readings of houses at the starts of the hours of their spans [first, last)."""
    hours = [np.arange(first, last) for first, last in spans]
    lengths = [len(part) for part in hours]
    at_ms = faults.begins_at_ms(houses[0].clock, 0) + HOUR_MS * np.concatenate(hours)
    litres = np.concatenate([house.index[part] for house, part in zip(houses, hours, strict=True)])
    ones, nothing = np.ones(len(at_ms), np.int64), np.zeros(len(at_ms), np.int64)
    return Series(
        cast("Any", None), 1, int(at_ms.max()), [house.info for house in houses],
        np.concatenate(([0], np.cumsum(lengths))), at_ms, litres, ones, nothing, ones, nothing,
    )  # fmt: skip


def measure(towns: int, houses: int, first_seed: int = 1) -> dict[str, Any]:
    """Scores of every detector over so many towns."""
    scores = {rule: Score() for rule, *_ in DETECTORS}
    hours = 0
    spent = 0.0
    for seed in range(first_seed, first_seed + towns):
        town = list(houses_of(seed, houses))
        for start in range(0, len(town), AT_ONCE):
            part = town[start : start + AT_ONCE]
            hours += sum(len(house.index) - 1 for house in part)
            began = time.process_time()
            for detector in DETECTORS:
                _score(scores[detector[0]], detector, part)
            spent += time.process_time() - began
    years = hours / (365 * 24)
    return {
        "bench": "vee", "towns": towns, "houses": houses, "first_seed": first_seed, "meter_years": round(years),
        "readings_per_cpu_second": round(hours / spent),
        "detectors": {rule: _summary(score, years) for rule, score in scores.items()},
    }  # fmt: skip


def _score(score: Score, detector: tuple[str, str, int, str], part: Sequence[Measured]) -> None:
    name, kind, deadline, since = detector
    rule = next(rule for rule in all_rules() if rule.name == name)
    faulty = [house for house in part if house.fault is not None and house.fault.kind == kind]
    if faulty:
        spans = []
        for house in faulty:
            assert house.fault is not None
            last = min(len(house.index), (house.fault.begin if since == "begin" else house.fault.end) + deadline + 1)
            spans.append((max(0, house.fault.begin - LOOK_BACK_MS // HOUR_MS), last))
        seen = {found.subject for found in _found(rule, series_of(faulty, spans))}
        for house in faulty:
            band = _band(house.fault)
            score.faults += 1
            score.by_kind[band] += 1
            if house.info.address in seen:
                score.found += 1
                score.found_by_kind[band] += 1
    by_address = {house.info.address: house for house in part}
    for found in _all_year(rule, part):
        house = by_address[found.subject]
        if house.fault is not None and house.fault.kind == kind and _during(house, found):
            score.true += 1
        else:
            score.false += 1
            score.false_at[house.fault.kind if house.fault else house.info.use] += 1


def _all_year(rule: Any, part: Sequence[Measured]) -> list[Found]:
    """What a rule finds in a year, asked every day: rules of standing registers say it only while they stand."""
    if rule.name != "stopped_meter":
        return _found(rule, series_of(part, [(0, len(house.index)) for house in part]))
    stops = [(house, (0, end)) for house in part for end in _stops(house.index, rule.parameters.days * 24)]
    if not stops:
        return []
    return _found(rule, series_of([house for house, _ in stops], [span for _, span in stops]))


def _stops(index: Any, hours: int) -> list[int]:
    """The last hours of the stretches in which an index stands still for at least so many."""
    moves = np.flatnonzero(np.diff(index) != 0) + 1
    edges = np.concatenate(([0], moves, [len(index)]))
    return [int(end) for start, end in pairwise(edges) if end - start > hours]


def _found(rule: Any, series: Series) -> list[Found]:
    return [result for result in ask(rule, series) if isinstance(result, Found)]


def _during(house: Measured, found: Found) -> bool:
    assert house.fault is not None
    return found.until_ms >= faults.begins_at_ms(house.clock, house.fault.begin)


def _band(fault: Fault | None) -> str:
    assert fault is not None
    if fault.kind != "leak":
        return fault.kind
    size = f"{SMALL_LEAK[0]}-{SMALL_LEAK[1] - 1} l/h" if fault.litres_hour < SMALL_LEAK[1] else f"{SMALL_LEAK[1]} l/h +"
    return f"{fault.shape}, {size}"


def _summary(score: Score, years: float) -> dict[str, Any]:
    told = score.true + score.false
    return {
        "faults": score.faults,
        "found": score.found,
        "recall_percent": round(100 * score.found / score.faults, 2) if score.faults else None,
        "precision_percent": round(100 * score.true / told, 2) if told else None,
        "false_alarms": score.false,
        "false_per_1000_meter_years": round(1000 * score.false / years, 2),
        "kinds": {kind: [score.found_by_kind[kind], number] for kind, number in sorted(score.by_kind.items())},
        "false_at": dict(score.false_at),
    }


def main() -> None:
    """Measure, print one JSON object, and write the page where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--towns", type=int, default=20)
    parser.add_argument("--houses", type=int, default=1000)
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    result = measure(given.towns, given.houses)
    print(json.dumps(result, ensure_ascii=False))
    if given.write:
        from benchmarks.vee_page import page

        given.write.write_text(page(result), encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    main()
