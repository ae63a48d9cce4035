"""Every fuzz target for a moment; ``make fuzz`` runs them longer, with AddressSanitizer."""

from itertools import islice
from pathlib import Path

import pytest

from tools import fuzz_one
from tools.fuzz import targets
from tools.mutate import LONGEST, mutations

INPUTS = 3000


@pytest.mark.parametrize("name", targets())
def test_target_survives_damaged_input(name: str) -> None:
    seeds, fuzz = fuzz_one.load(name)
    for data in [*seeds, *islice(mutations(seeds, seed=1), INPUTS)]:
        try:
            fuzz(data)
        except Exception as error:
            raise AssertionError(f"{name} broken by {data.hex()}") from error


def test_mutations_repeat_with_their_seed_and_differ_from_what_they_damage() -> None:
    seeds = [bytes(range(40)), b"abc", b""]
    first, again, other = (list(islice(mutations(seeds, seed), 500)) for seed in (1, 1, 2))
    assert first == again != other
    assert len(set(first) - set(seeds)) > 250
    assert max(map(len, first)) <= LONGEST


def test_input_that_breaks_a_target_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fuzz(data: bytes) -> None:
        assert len(data) < 50

    monkeypatch.setattr(fuzz_one, "load", lambda name: ([bytes(range(40))], fuzz))
    note = tmp_path / "note"
    with pytest.raises(AssertionError):
        fuzz_one.run("x", 60, 1, note)
    assert len(fuzz_one.noted(note)) >= 50
