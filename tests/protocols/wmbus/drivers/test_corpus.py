"""The families on the public telegrams of the shared folder, judged as its score judges them."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from protocols import wmbus
from protocols.wmbus.stores import FormatStore

Judge = Callable[[dict[str, Any], dict[str, Any]], list[str]]
# What is expected there and refused here, and why.
REFUSED = {
    "0056": "an energy of 80000000 is the code for no value",
    "0086": "the VIFE 75 says tenths of a kvarh; the expected values leave it out",
    "0090": "a volume of 80000000 is the code for no value",
    "0107": "a date of zeros is no date",
    "0139": "a date of zeros is no date",
    "0157": "year 127 is every year",
    "0217": "the history lies before the clock: its month of the due date holds the due value",
    "0297": "year 127 is every year",
    "0404": "a format A frame whose last byte is missing; its CRCs were read as data",
    "0474": "year 127 is every year",
}


def judge_of(folder: Path) -> Judge:
    """The comparison of the folder's score."""
    spec = importlib.util.spec_from_file_location("telegram_score", folder / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    judge: Judge = module.check
    return judge


def decoded(row: dict[str, Any], formats: FormatStore) -> dict[str, Any]:
    """A row's telegram, after those that came before it."""
    key = bytes.fromhex(row["key"]) if row.get("key") else None
    before = [text if isinstance(text, str) else text["telegram_hex"] for text in row.get("preceding_telegrams") or []]
    for text in before:
        wmbus.decode(bytes.fromhex(text), key, formats=formats)
    return wmbus.decode(bytes.fromhex(row["telegram_hex"]), key, formats=formats).to_json()


@pytest.mark.parametrize("name", ["wireless", "encrypted"])
def test_every_public_telegram_is_read_right(shared: Path, name: str) -> None:
    folder = shared / "data" / "telegrams"
    judge, formats, wrong, rows = judge_of(folder), FormatStore(), {}, 0
    for line in (folder / f"{name}.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        if not row.get("expected") and not row.get("negative_test"):
            continue
        rows += 1
        misses = judge(row, decoded(row, formats))
        if misses and row["id"].partition("-")[2] not in REFUSED:
            wrong[row["id"]] = misses
    assert rows > 100
    assert wrong == {}
