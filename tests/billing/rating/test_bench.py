"""The bench: both kernels give the same cents, the result has the shape that is promised, the ratio holds."""

import numpy as np
import pytest

from billing.rating import bench
from billing.rating.batch import Contracts


@pytest.fixture(scope="module")
def small() -> bench.Bench:
    return bench.Bench.of(5_000, seed=7)


def test_the_kernels_agree(small: bench.Bench) -> None:
    assert np.array_equal(small.general(), small.by_hand())


def test_they_agree_at_every_edge() -> None:
    edges = sorted({limit + step for limit in (0, 8_200, 18_000, 30_000, 48_000, 90_000) for step in range(-3, 4)})
    litres = [edge for edge in edges if edge >= 0] + list(range(17_900, 18_100))
    made = bench.Bench.of(len(litres))
    contracts = Contracts(made.contracts.klass, np.array(litres, np.int64), made.contracts.reference)
    both = bench.Bench(made.rater, contracts, made.fees)
    assert np.array_equal(both.general(), both.by_hand())


def test_the_bench_compares_what_a_bill_would_be(small: bench.Bench) -> None:
    batch = small.rater.rate(small.contracts)
    for index in range(0, 5_000, 500):
        explained = small.rater.explained(int(small.contracts.klass[index]), int(small.contracts.litres[index]), None)
        assert batch.rated(index) == explained


def test_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "ROUNDS", 1)
    monkeypatch.setattr(bench, "PASSES", 1)
    result = bench.measure(2_000)
    assert set(result) == {"bench", "value", "unit", "bound", "ratio", "n", "python", "cpu"}
    assert (result["bench"], result["unit"], result["n"]) == ("rate", "contracts/s", 2_000)


def test_kernels_that_disagree_are_no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.Bench, "by_hand", lambda made: made.general() + 1)
    with pytest.raises(AssertionError, match="the kernels disagree"):
        bench.measure(1_000)
