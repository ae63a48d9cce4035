"""A run printed in batches, through the command."""

import json
import re
from pathlib import Path
from typing import Any

from sqlalchemy import select
from typer.testing import CliRunner

from central.store import read_session
from central.store.models import BillingRun
from sgc import build_app
from tests.central.factories import Town
from tests.central.invoicing.driving import issued, simulated


def printed(town: Town, run_id: int, out: Path, *arguments: str) -> Any:
    with read_session(town.engine) as session:
        code = session.scalar(select(BillingRun.code).where(BillingRun.id == run_id))
    url = town.engine.url.render_as_string(hide_password=False)
    command = ["central", "print", "--db", url, "--run", str(code), "--out", str(out), *arguments]
    return CliRunner().invoke(build_app(), command)


def pages(path: Path) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", path.read_bytes()))


def test_every_bill_is_on_one_page_of_one_batch(town: Town, tmp_path: Path) -> None:
    run_id = issued(town)
    told = json.loads(printed(town, run_id, tmp_path, "--batch", "3", "--json").stdout)
    files = [Path(name) for name in told["files"]]
    assert [pages(path) for path in files] == [3, 3, 1]
    assert sorted(tmp_path.glob("*_*")) == sorted(files)


def test_what_was_printed_is_not_made_again(town: Town, tmp_path: Path) -> None:
    run_id = issued(town)
    first = json.loads(printed(town, run_id, tmp_path, "--batch", "4", "--json").stdout)["files"]
    Path(first[0]).write_bytes(b"kept")
    Path(first[1]).unlink()
    assert json.loads(printed(town, run_id, tmp_path, "--batch", "4", "--json").stdout)["files"] == first
    assert Path(first[0]).read_bytes() == b"kept"
    assert pages(Path(first[1])) == 3


def test_a_run_that_is_not_issued_is_not_printed(town: Town, tmp_path: Path) -> None:
    result = printed(town, simulated(town), tmp_path)
    assert result.exit_code == 2
    assert re.fullmatch(r"central print: run \S+: is review; only an issued run is printed\n", result.stderr)
