"""The receivers' manual says what is told."""

import re
from pathlib import Path

from central.events.kinds import KINDS
from central.webhooks.described import described, table

MANUAL = Path(__file__).parents[3] / "docs" / "webhooks.md"


def test_the_manual_has_the_table_of_every_event() -> None:
    found = re.search(r"<!-- events -->\n(.*)\n<!-- /events -->", MANUAL.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    assert found[1] == table()


def test_no_payload_has_room_for_a_person() -> None:
    _, shapes = described()
    names = {name for schema in shapes.values() for name in schema["properties"]}
    assert not names & {"name", "nif", "email", "phone", "iban", "address", "street", "holder"} - {"name"}
    assert [name for name, schema in shapes.items() if "name" in schema["properties"]] == ["EventDeviceChanged"]


def test_each_type_is_of_a_family_and_has_a_version() -> None:
    assert all(re.fullmatch(r"[a-z]+\.[a-z_]+", name) for name in KINDS)
    assert {kind.version for kind in KINDS.values()} == {1}
