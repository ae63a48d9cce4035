"""Every family's file on a telegram made up for it: names, values, alarms; and nothing of it when cut short."""

import pytest

from protocols import wmbus
from protocols.wmbus import families
from tests.protocols.wmbus.drivers import closed_families, heat_families, other_families, water_families
from tests.protocols.wmbus.drivers.cases import Case

CASES = [
    *closed_families.CASES,
    *water_families.CASES,
    *heat_families.CASES,
    *other_families.CASES,
]


@pytest.mark.parametrize("case", CASES, ids=[f"{i}-{case.driver}" for i, case in enumerate(CASES)])
def test_a_family_gives_its_fields_and_alarms(case: Case) -> None:
    telegram = wmbus.decode(case.frame, case.key)
    assert telegram.error is None
    assert telegram.driver == case.driver
    assert {name: telegram.fields.get(name, "missing") for name in case.fields} == case.fields
    assert set(telegram.alarms) == case.alarms


@pytest.mark.parametrize("case", CASES, ids=[f"{i}-{case.driver}" for i, case in enumerate(CASES)])
def test_a_telegram_cut_short_never_gives_another_total(case: Case) -> None:
    total = wmbus.decode(case.frame, case.key).total_litres
    for size in range(11, len(case.frame)):
        cut = bytes([size - 1]) + case.frame[1:size]
        assert wmbus.decode(cut, case.key).total_litres in (None, total)


def test_every_file_has_a_telegram() -> None:
    assert {name.removesuffix(".yaml") for name, _ in families.read_files()} == {case.driver for case in CASES}
