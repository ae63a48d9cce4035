"""A tariff studied on the bills of a real run, through the command."""

import json
from datetime import date
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from sgc import build_app
from tests.central.factories import EXAMPLES, Town
from tests.central.invoicing.driving import contents, issued


def whatif(town: Town, *arguments: str) -> Any:
    url = town.engine.url.render_as_string(hide_password=False)
    return CliRunner().invoke(build_app(), ["whatif", "--db", url, "--on", "2026-01-01/2026-02-01", *arguments])


def test_the_same_tariff_changes_nothing_and_every_bill_follows_from_it(town: Town) -> None:
    issued(town)
    before = contents(town, "invoice", "shared_value", "ledger_entry")
    found = json.loads(whatif(town, "--tariff", "ES-AGOST-2023", "--json").stdout)
    assert (found["contracts"], found["bills"], found["same"], found["billed_otherwise"]) == (7, 7, 7, 0)
    assert found["total"]["difference_eur"] == "0.00"
    assert found["most_affected"] == []
    assert contents(town, "invoice", "shared_value", "ledger_entry") == before


def test_a_dearer_second_block_is_paid_by_those_who_reach_it(town: Town, tmp_path: Path) -> None:
    issued(town)
    text = (EXAMPLES / "ES-AGOST-2023.yaml").read_text(encoding="utf-8")
    assert text.count("1.3673") == 1
    file = tmp_path / "draft.yaml"
    file.write_text(text.replace("1.3673", "2.3673"), encoding="utf-8")
    found = json.loads(whatif(town, "--tariff", str(file), "--json", "--out", str(tmp_path / "out")).stdout)
    # House i used 10 + 0.1 i m3: 5 + 0.1 i of them in the second block, one euro dearer each, and 10 % of VAT.
    worst = found["most_affected"][0]
    assert (worst["litres"], worst["difference_eur"]) == (10_600, "6.16")
    assert found["losers"] == 7
    assert found["total"]["difference_eur"] == "40.81"
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"cambio.svg", "tramos-de-consumo.svg"}


def test_what_cannot_be_studied_is_one_line(town: Town) -> None:
    issued(town)
    for arguments, said in (
        (["--tariff", "ES-NONE"], "ES-NONE is not in the book"),
        (["--tariff", str(EXAMPLES / "ES-PATERNA.yaml")], "rates none of 7 bills: supply.zone: missing"),
        (["--tariff", str(Path(__file__))], "test_whatif.py"),
        (["--tariff", "ES-AGOST-2023", "--assume", "zone"], "--assume zone: must be NAME=VALUE"),
        (["--tariff", "ES-AGOST-2023", "--utility", "NADIE"], "NADIE"),
    ):
        result = whatif(town, *arguments)
        assert result.exit_code == 2
        assert said in result.stderr
        assert len(result.stderr.splitlines()) == 1


def test_a_period_without_bills_is_refused(town: Town) -> None:
    result = whatif(town, "--tariff", "ES-AGOST-2023")
    assert result.exit_code == 2
    assert f"period [{date(2026, 1, 1)}, {date(2026, 2, 1)}): no bill was issued in it" in result.stderr
