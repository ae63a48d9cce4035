"""The measurement runs, and says what it measured beside its bound."""

import pytest

from central.ops.bench_run import measure


@pytest.mark.postgres
def test_the_bench_of_runs_issues_what_it_says(postgres_database: str) -> None:
    result = measure(120, 1, postgres_database)
    assert (result["bench"], result["unit"], result["n"]) == ("run", "bills/s", 120)
    assert result["value"] > 0
    assert result["ratio"] == pytest.approx(result["value"] / result["bound"]["value"], rel=0.05, abs=0.001)
