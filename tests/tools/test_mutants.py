"""How mutants are counted; making and judging them is mutmut's."""

import json
from pathlib import Path

import pytest

from tools.mutants import Tally, tell, verdicts

CODES = {
    "m.x_f__mutmut_1": 1,
    "m.x_f__mutmut_2": 0,
    "m.x_f__mutmut_3": 33,
    "m.x_f__mutmut_4": None,
    "m.x_f__mutmut_5": -24,
}


def results(folder: Path, **modules: dict[str, int | None]) -> Path:
    (folder / "billing").mkdir()
    for name, codes in modules.items():
        (folder / "billing" / f"{name}.py.meta").write_text(json.dumps({"exit_code_by_key": codes}))
    return folder


def test_a_mutant_that_hangs_was_noticed_and_one_that_nobody_runs_was_not() -> None:
    tally = Tally.of(CODES)
    assert tally == Tally(noticed=2, lived=1, untested=1, waiting=1)
    assert (tally.judged, tally.percent) == (4, 50)
    assert Tally.of({}).percent == 100


def test_modules_without_mutants_are_not_told(tmp_path: Path) -> None:
    assert [module for module, _ in verdicts(results(tmp_path, money=dict(CODES), empty={}))] == ["billing/money"]


@pytest.mark.parametrize(("noticed", "lived", "code"), [(9, 1, 0), (89, 11, 1)])
def test_nine_in_ten_must_be_noticed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], noticed: int, lived: int, code: int
) -> None:
    codes: dict[str, int | None] = {f"killed_{number}": 1 for number in range(noticed)}
    codes |= {f"alive_{number}": 0 for number in range(lived)}
    assert tell(results(tmp_path, money=codes)) == code
    said = capsys.readouterr().out
    assert said.count("  lived: alive_") == lived
    assert f"of {noticed + lived:5} noticed" in said
