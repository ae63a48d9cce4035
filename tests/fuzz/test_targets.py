"""Every fuzz target for a moment; ``make fuzz`` runs them for as long as one likes.

Twice: blindly against the ordinary build, and guided by coverage against the build of ``make fuzz``.
"""

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from tests.fixtures.availability import unavailable
from tools import fuzz, fuzz_one
from tools.mutate import LONGEST, mutations

pytestmark = pytest.mark.xdist_group("fuzz")
BLIND = 3000
# Enough for the layers to be known through and through; the other targets take a hundred times as long for one.
GUIDED = {True: 100_000, False: 1500}
TARGETS = fuzz.targets()


@pytest.mark.parametrize("name", [name for name in TARGETS if "." not in name])
def test_target_survives_damaged_input(name: str) -> None:
    target = fuzz_one.load(name)
    for data in [*target.seeds, *islice(mutations(target.seeds, seed=1), BLIND)]:
        try:
            target.fuzz(data)
        except Exception as error:
            raise AssertionError(f"{name} broken by {data.hex()}") from error


def test_mutations_repeat_with_their_seed_and_differ_from_what_they_damage() -> None:
    seeds = [bytes(range(40)), b"abc", b""]
    first, again, other = (list(islice(mutations(seeds, seed), 500)) for seed in (1, 1, 2))
    assert first == again != other
    assert len(set(first) - set(seeds)) > 250
    assert max(map(len, first)) <= LONGEST


Run = Callable[..., fuzz.Outcome]


@pytest.fixture(scope="module")
def run() -> Run:
    """Runs a target against the instrumented build."""
    if not fuzz.CLANG.present():
        unavailable("clang with libFuzzer", f"apt-get install {' '.join(fuzz.CLANG.packages)}")
    fuzz.build()
    return fuzz.run


@pytest.mark.parametrize("name", TARGETS)
def test_target_survives_what_coverage_leads_to(name: str, run: Run, tmp_path: Path) -> None:
    outcome = run(name, f"-runs={GUIDED['.' in name]}", "-seed=1", corpus=tmp_path)
    assert outcome.broken_by is None, f"{name} broken by {outcome.broken_by!r}\n{outcome.report}"
    # What was learnt on the way shows that the coverage of the compiled code came back.
    assert len(list(tmp_path.iterdir())) > len(fuzz_one.load(name).seeds), outcome.report


def test_a_fault_that_chance_does_not_find_is_found(run: Run, tmp_path: Path) -> None:
    outcome = run(f"wmbus.{fuzz_one.PLANTED}", "-runs=20000000", "-seed=1", corpus=tmp_path)
    assert outcome.broken_by is not None
    assert outcome.broken_by.startswith(b"SGC!")
    assert "heap-buffer-overflow" in outcome.report
