"""``make check`` runs everything, shows the findings of what failed, and fails with it."""

import pytest

from tools import check


@pytest.fixture(autouse=True)
def small_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = {
        "sour": ("python", "-c", "print('line 7 is wrong'); raise SystemExit(3)"),
        "sweet": ("python", "-c", "print('nothing to see')"),
    }
    monkeypatch.setattr(check, "CHECKS", checks)


def test_one_failure_fails_all_and_shows_only_its_findings(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main([]) == 1
    output = capsys.readouterr().out
    assert "sour                 FAILED" in output
    assert "line 7 is wrong" in output
    assert "sweet                ok" in output
    assert "nothing to see" not in output


def test_named_checks_run_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main(["sweet"]) == 0
    assert "sour" not in capsys.readouterr().out


def test_unknown_check_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main(["bitter"]) == 2
    assert capsys.readouterr().err == "check: unknown 'bitter'; one of: sour, sweet\n"
