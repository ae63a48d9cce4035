"""``sgc rate``, ``sgc tariff`` and ``sgc bench rate`` as people and scripts call them."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from billing import cli
from billing.document import bench as bench_pdf
from billing.rating import bench
from tests.billing.tariff.samples import GOOD, broken

CASE: dict[str, Any] = {
    "ref": "B01",
    "tariffs": ["ES-AGOST-2023"],
    "supply": {"use": "domestic", "calibre_mm": 13},
    "litres": 18_000,
    "period": {"months": 2},
}


def run(*arguments: str, stdin: str = "") -> Result:
    app = typer.Typer(pretty_exceptions_enable=False)
    cli.register(app)
    return CliRunner().invoke(app, list(arguments), input=stdin)


def test_one_case_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "case.json"
    path.write_text(json.dumps(CASE, indent=2))
    result = run("rate", str(path))
    assert result.exit_code == 0
    bill = json.loads(result.stdout)
    assert (bill["ref"], bill["total"], bill["by_rate"]) == ("B01", "26.66", {"10": {"base": "24.24", "vat": "2.42"}})
    assert set(bill["lines"][0]) == {"code", "description", "quantity", "unit", "unit_price", "amount", "vat", "why"}


def test_a_stream_goes_on_after_a_bad_line() -> None:
    stream = "\n".join([json.dumps(CASE), "{", json.dumps(CASE | {"ref": 3, "litres": -1}), "", json.dumps(CASE)])
    result = run("rate", "-", stdin=stream)
    assert result.exit_code == 1
    out = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row.get("total") for row in out] == ["26.66", None, None, "26.66"]
    assert out[2] == {"ref": 3, "error": "litres: -1 must be from 0 to 10000000000 litres"}
    first, second = result.stderr.splitlines()
    assert first.startswith("sgc rate: line 2: case: not JSON (Expecting property name")
    assert out[1]["ref"] is None
    assert second == "sgc rate: line 3: litres: -1 must be from 0 to 10000000000 litres"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[]", "case: [] must be an object"),
        ('{"litres": NaN}', "case: NaN is not a number"),
        ("[" * 100_000, "case: not JSON (nested too deep)"),
        (json.dumps(CASE | {"tariffs": ["../x"]}), "tariffs: ../x is not in the book"),
    ],
)
def test_bad_cases_on_one_line_of_stderr(text: str, error: str) -> None:
    result = run("rate", "-", stdin=text)
    assert (result.exit_code, result.stderr) == (1, f"sgc rate: line 1: {error}\n")


def test_decimals_in_a_case_stay_exact() -> None:
    supply = {"use": "domestic", "q3_m3h": 6.3}
    case = json.dumps({"tariffs": ["ES-GUADASSEQUIES-2021"], "supply": supply, "litres": 0, "period": {"months": 1}})
    assert json.loads(run("rate", "-", stdin=case).stdout)["lines"][0]["amount"] == "12.10"


def test_references_come_back_as_they_were() -> None:
    bill = run("rate", "-", stdin=json.dumps(CASE | {"ref": "Nº 7"}, ensure_ascii=False)).stdout
    assert '"ref": "Nº 7"' in bill
    exact = json.dumps(CASE).replace('"ref": "B01"', '"ref": 1.50')
    assert json.loads(run("rate", "-", stdin=exact).stdout)["ref"] == "1.50"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    result = run("rate", "nowhere.json")
    assert (result.exit_code, result.stderr) == (1, "sgc rate: nowhere.json: No such file or directory\n")
    path = tmp_path / "case.json"
    path.write_bytes(json.dumps(CASE | {"ref": "Nº 7"}, ensure_ascii=False).encode("latin-1"))
    result = run("rate", str(path))
    assert (result.exit_code, result.stderr) == (1, f"sgc rate: {path}: must be UTF-8 text\n")
    path.write_text("{}", encoding="utf-8")
    assert run("rate", str(path)).stderr.startswith(f"sgc rate: {path}: ")


def test_a_folder_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "XX-GOOD.yaml").write_text(GOOD)
    case = json.dumps(CASE | {"tariffs": ["XX-GOOD"]})
    assert json.loads(run("rate", "-", "--tariffs", str(tmp_path), stdin=case).stdout)["total"] == "26.66"
    (tmp_path / "XX-GOOD.yaml").write_text(broken("0.4375", "caro"))
    result = run("rate", "-", "--tariffs", str(tmp_path), stdin=case)
    assert "XX-GOOD.yaml:21: components[1].consumption.blocks[0].price 'caro': must be a number" in result.stderr


def test_checking_files(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(broken("price: 1.3673", "price: 0.3673"))
    bad.write_text(broken("0.4375", "caro"))
    result = run("tariff", "check", str(good), str(bad))
    assert result.exit_code == 1
    assert result.stdout == (
        "warning: good.yaml:15: AGUA_CONS: falling: block 2 costs 0.3673, less than the block before it (0.4375)\n"
    )
    assert result.stderr.startswith("error: bad.yaml:21: components[1].consumption.blocks[0].price 'caro': must be")


def test_files_after_a_bad_one_are_checked_all_the_same(tmp_path: Path) -> None:
    names = ("a", "b", "c")
    for name, text in zip(names, (broken("0.4375", "caro"), broken("4.46", "caro"), GOOD), strict=True):
        (tmp_path / f"{name}.yaml").write_text(text)
    result = run("tariff", "check", *(str(tmp_path / f"{name}.yaml") for name in names))
    assert (result.exit_code, result.stdout) == (1, "c.yaml: ok\n")
    assert [row.split(":")[1] for row in result.stderr.splitlines()] == [" a.yaml", " b.yaml"]


def test_files_of_different_series_are_not_compared(tmp_path: Path) -> None:
    for name, start in (("XX-A", "2024-01-01"), ("XX-B", "2024-01-01")):
        (tmp_path / f"{name}.yaml").write_text(GOOD.replace("XX-GOOD", name).replace("2024-01-01", start))
    result = run("tariff", "check", str(tmp_path / "XX-A.yaml"), str(tmp_path / "XX-B.yaml"))
    assert result.stdout == "XX-A.yaml: ok\nXX-B.yaml: ok\n"


def test_checking_a_good_file(tmp_path: Path) -> None:
    path = tmp_path / "good.yaml"
    path.write_text(GOOD)
    assert run("tariff", "check", str(path)).exit_code == 0
    assert (run("tariff", "check", str(path)).stdout, run("tariff", "check", "--json", str(path)).stdout) == (
        "good.yaml: ok\n",
        "",
    )


def test_checking_the_versions_of_a_series(tmp_path: Path) -> None:
    for name, start in (("XX-A", "2024-01-01"), ("XX-B", "2025-06-01, to: 2026-01-01"), ("XX-C", "2026-02-01")):
        text = GOOD.replace("XX-GOOD", f"{name}\nseries: XX").replace("2024-01-01", start)
        (tmp_path / f"{name}.yaml").write_text(text)
    files = [str(path) for path in sorted(tmp_path.glob("*.yaml"))]
    rows = [json.loads(row) for row in run("tariff", "check", "--json", *files).stdout.splitlines()]
    assert [(row["level"], row["file"]) for row in rows] == [("warning", "XX-B.yaml"), ("warning", "XX-C.yaml")]
    result = run("tariff", "check", *files)
    assert result.stdout.splitlines()[3:] == [
        "warning: XX-B.yaml:1: valid: overlap: two prices are in force on 2025-06-01; "
        "only the first in the file counts (XX-A to XX-B)",
        "warning: XX-C.yaml:1: valid: gap: no price is in force from 2026-01-01 to 2026-02-01 (XX-B to XX-C)",
    ]


def test_findings_as_json(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(broken("0.4375", "caro"))
    path.with_name("falling.yaml").write_text(broken("price: 1.3673", "price: 0.3673"))
    warned = json.loads(run("tariff", "check", "--json", str(path.with_name("falling.yaml"))).stdout)
    assert (warned["level"], warned["file"], warned["line"]) == ("warning", "falling.yaml", 15)
    row = json.loads(run("tariff", "check", "--json", str(path)).stdout)
    assert (row["level"], row["file"], row["line"], row["value"]) == ("error", "bad.yaml", 21, "'caro'")


def test_showing_a_tariff(tmp_path: Path) -> None:
    text = run("tariff", "show", "ES-AGOST-2023").stdout
    assert "bloque 1: de 0 a 5 m³/mes" in text
    table = json.loads(run("tariff", "show", "ES-AGOST-2023", "--json").stdout)
    assert table["sections"][-1]["rows"][0] == {
        "concept": "bloque 1: de 0 a 5 m³/mes",
        "price": "0.4375",
        "unit": "€/m³",
    }
    path = tmp_path / "good.yaml"
    path.write_text(GOOD)
    assert "XX-GOOD" in run("tariff", "show", str(path)).stdout
    missing = run("tariff", "show", "XX-NONE")
    assert (missing.exit_code, missing.stderr) == (1, "sgc tariff show: tariffs: XX-NONE is not in the book\n")


def test_listing_tariffs(tmp_path: Path) -> None:
    (tmp_path / "XX-GOOD.yaml").write_text(GOOD)
    (tmp_path / "XX-BAD.yaml").write_text(broken("0.4375", "caro"))
    result = run("tariff", "list", "--tariffs", str(tmp_path))
    assert result.stdout == "XX-GOOD  Ejemplo  2024-01-01  read\n"
    assert result.stderr.startswith("sgc tariff list: XX-BAD.yaml:21: ")
    row = {"tariff": "XX-GOOD", "place": "Ejemplo", "from": "2024-01-01", "certainty": "read"}
    assert json.loads(run("tariff", "list", "--json", "--tariffs", str(tmp_path)).stdout) == row
    (tmp_path / "XX-GOOD.yaml").write_text(broken("valid: {from: 2024-01-01}\n", ""))
    assert run("tariff", "list", "--tariffs", str(tmp_path)).stdout == "XX-GOOD  Ejemplo  -  read\n"
    assert len(run("tariff", "list").stdout.splitlines()) == 33
    missing = run("tariff", "list", "--tariffs", str(tmp_path / "none"))
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert missing.stderr == f"sgc tariff list: --tariffs {tmp_path / 'none'}: must be a folder of tariff files\n"


def test_the_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "ROUNDS", 1)
    monkeypatch.setattr(bench, "PASSES", 1)
    assert json.loads(run("bench", "rate", "--contracts", "1000", "--json").stdout)["bench"] == "rate"
    assert "contracts/s" in run("bench", "rate", "--contracts", "1000").stdout


def test_every_room_adds_to_the_same_bench() -> None:
    app = typer.Typer()
    assert cli.bench_group(app) is cli.bench_group(app)


def test_what_was_measured_is_told_with_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    bound = {"value": 2345, "name": "bare export"}

    def measured(count: int) -> dict[str, Any]:
        return {"bench": "pdf", "value": count * 100, "unit": "invoices/s", "ratio": 0.5, "bound": bound}

    monkeypatch.setattr(bench_pdf, "bench_pdf", measured)
    told = run("bench", "pdf", "--invoices", "12")
    assert told.stdout == "1,200 invoices/s, 0.5 × 2,345 (bare export)\n"
    assert json.loads(run("bench", "pdf", "--invoices", "12", "--json").stdout) == measured(12)


HELPS = {
    "bench": "Medidas de velocidad / Speed measurements.",
    "bench pdf": "Facturas en PDF por segundo / PDF invoices per second.",
    "bench rate": cli.BENCH_HELP,
    "rate": cli.RATE_HELP,
    "tariff": "Tarifas: revisar, mostrar, listar / Tariffs: check, show, list.",
    "tariff check": cli.CHECK_HELP,
    "tariff list": "Las tarifas de la carpeta / The tariffs of the folder.",
    "tariff show": "Una tarifa como el cuadro que se publica / A tariff as its published table.",
}


def test_every_command_says_in_both_languages_what_it_does() -> None:
    app = typer.Typer()
    cli.register(app)
    assert dict(helps(typer.main.get_command(app))) == {name: " ".join(text.split()) for name, text in HELPS.items()}


def helps(command: Any, path: str = "") -> Iterator[tuple[str, str]]:
    for name, below in getattr(command, "commands", {}).items():
        whole = f"{path} {name}".strip()
        yield whole, " ".join(below.help.split())
        yield from helps(below, whole)


@pytest.mark.parametrize("group", ["tariff", "bench"])
def test_a_group_alone_tells_its_commands(group: str) -> None:
    assert run(group).output.strip() == run(group, "--help").output.strip()


def test_the_room_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "XX-GOOD.yaml").write_text(GOOD)
    monkeypatch.setattr(sys, "argv", ["sgc", "tariff", "list", "--tariffs", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert (ended.value.code, capsys.readouterr().out) == (0, "XX-GOOD  Ejemplo  2024-01-01  read\n")
    monkeypatch.setattr(sys, "argv", ["sgc"])
    with pytest.raises(SystemExit):
        cli.main()
    alone = "".join(capsys.readouterr())
    assert "tariff" in alone
    assert "--install-completion" not in alone
