"""``sgc central import|export`` with tables: dry run, fates, mapping, whole or not at all, and out again."""

import json
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from central.register.importing.desk import fates_of
from central.store import read_session
from central.store.models import AuditEntry, RegisterImport
from sgc import build_app
from tests.central.conftest import Town
from tests.central.register.test_tables import MAPPING, OLD, SUPPLIES


def sgc(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(build_app(), ["central", *words])
    assert result.exit_code == code, result.output
    return result.stderr if code == 2 else result.stdout


def test_tables_come_in_whole_or_not_at_all_and_their_fates_are_kept(town: Town, database: str, tmp_path: Path) -> None:
    file, fates = tmp_path / "suministros.csv", tmp_path / "destinos.csv"
    file.write_text(SUPPLIES, encoding="cp1252")
    dry = sgc("import", str(file), "--dry-run", "--fates", str(fates), "--db", database, code=1)
    assert "supply_points       4  refused    MAL (suministros)  supply_point.postal_code: '3698', must be" in dry
    assert "suministros;4;MAL;rechazada;;supply_point.postal_code;3698;" in fates.read_text("utf-8-sig")
    assert json.loads(sgc("import", str(file), "--db", database, "--json", code=1))["applied"] is False
    done = json.loads(sgc("import", str(file), "--without-refused", "--db", database, "--json", code=1))
    assert (done["applied"], done["counts"]["supply_points"]["added"]) == (True, 1)
    with read_session(town.engine) as session:
        row = session.scalars(select(RegisterImport)).one()
        assert (row.name, row.state, row.without_refused, row.refused) == ("suministros.csv", "applied", True, 1)
        assert [fate.key for fate in fates_of(row, "added")] == ["00017"]
        told = session.scalars(select(AuditEntry).where(AuditEntry.subject == "register_import")).one()
        assert (told.actor, told.after) == ("operator", {"digest": row.digest, "without_refused": True})


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_folder_a_mapping_and_the_way_out(town: Town, database: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "ABONADOS.csv").write_text(OLD, encoding="cp1252")
    (tmp_path / "old.yaml").write_text(MAPPING)
    done = json.loads(
        sgc("import", str(tmp_path / "in"), "--mapping", str(tmp_path / "old.yaml"), "--db", database, "--json")
    )
    assert done["counts"]["contracts"] == {"added": 2}
    for name in ("padron.xlsx", "padron.zip", "carpeta"):
        sgc("export", str(tmp_path / name), "--db", database)
        back = json.loads(sgc("import", str(tmp_path / name), "--db", database, "--json"))
        assert {fate for counted in back["counts"].values() for fate in counted} == {"unchanged"}, name
    assert (tmp_path / "padron.zip").stat().st_mode & 0o777 == 0o600
    assert len(zipfile.ZipFile(tmp_path / "padron.zip").namelist()) == 9
    said = sgc("export", str(tmp_path / "x.zip"), "--with-keys", "--db", database, code=2)
    assert said == "central export: keys.file: None, needs the key file the keys are sealed under\n"
