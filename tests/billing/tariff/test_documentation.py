"""The guide to writing tariffs: every example in it is read as it stands."""

import re
from pathlib import Path

import pytest

from billing.tariff import parse
from billing.tariff.charges import KINDS
from billing.tariff.facts import FACTS
from tests.billing.rating.samples import HEAD

GUIDE = (Path(__file__).parents[3] / "docs" / "tarifas.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_a_tariff(example: str) -> None:
    if not example.startswith("tariff:"):
        indented = "".join(f"  {line}\n" for line in example.splitlines())
        example = HEAD.format(id="XX-GUIDE", series="XX-GUIDE", start="2020-01-01") + indented
    assert parse(example, "tarifas.md").components


def test_every_way_to_charge_and_every_fact_is_told() -> None:
    assert len(EXAMPLES) == 5
    for name in (*KINDS, *FACTS):
        assert f"`{name}`" in GUIDE
