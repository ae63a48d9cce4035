"""Driver files: those that come with the decoder, and how mistakes in one are reported."""

from pathlib import Path

import pytest

from protocols import wmbus
from protocols.wmbus import compiled, families, fieldnames
from tests.protocols.wmbus.samples import linked

FILES = dict(families.read_files())
SMALL = "driver: acme\nmeters: [{manufacturer: ACM, version: '03', type: '07'}]\n"


@pytest.mark.parametrize("name", FILES)
def test_every_file_compiles_alone(name: str) -> None:
    tables = families.compile_all([(name, FILES[name])])
    (driver,) = tables.drivers
    assert driver.name == name.removesuffix(".yaml")
    assert driver.title
    assert tables.matches


def test_all_files_compile_together() -> None:
    compiled = families.compile_all(FILES.items())
    assert len(compiled.drivers) == len(FILES)


@pytest.mark.parametrize(
    ("addition", "place"),
    [
        ("colour: red\n", "unknown key 'colour'"),
        ("medium: beer\n", "medium: 'beer' is none of"),
        ("fields: [{name: total_m3}]\n", "fields[0]: needs a quantity or a header"),
        ("fields: [{name: x_m3, quantity: volumen}]\n", "fields[0]: quantity 'volumen'"),
        ("alarms: [{record: error_flags, bits: {0: Leak}}]\n", "alarms[0]: alarm 'Leak'"),
        ("unset: [{record: volume, values: [x]}]\n", "unset[0]: value 'x' is not a whole number"),
        ("unset: [{record: volume, values: -1}]\n", "unset[0].values: must be a list"),
        ("unset: [{record: volumen, values: [1]}]\n", "unset[0]: 'volumen'"),
        ("layouts: [{read: [{total_m3: u16(}]}]\n", "acme.yaml"),
        ("layouts: [{read: [{total_m3: 'u16(3'}]}]\n", "layouts[0].total_m3: 'u16(3'"),
        ("layouts: [{read: [{total_m3: open(3)}]}]\n", "open() with 1 arguments is not a function"),
        ("layouts: [{read: [{total_m3: nowhere + 1}]}]\n", "'nowhere' is not known here"),
        ("layouts: [{block: tail, read: []}]\n", "block 'tail' is none of"),
        ("layouts: [{read: [{total_m3: {value: 1, scale: many}}]}]\n", "scale 'many'"),
        ("compact_formats: ['02F']\n", "'02F' is not hexadecimal"),
    ],
)
def test_a_mistake_names_file_place_and_rule(addition: str, place: str) -> None:
    with pytest.raises(families.DriverError) as error:
        families.compile_all([("acme.yaml", SMALL + addition)])
    assert str(error.value).startswith("acme.yaml")
    assert place in str(error.value)


def test_a_version_without_quotes_is_refused() -> None:
    text = "driver: acme\nmeters: [{manufacturer: ACM, version: 3}]\n"
    with pytest.raises(families.DriverError, match="two hexadecimal digits in quotes"):
        families.compile_all([("acme.yaml", text)])


def test_two_files_cannot_share_a_name() -> None:
    with pytest.raises(families.DriverError, match=r"already in a\.yaml"):
        families.compile_all([("a.yaml", SMALL), ("b.yaml", SMALL)])


@pytest.mark.parametrize(
    ("name", "quantity", "unit", "storage", "main"),
    [
        ("total_m3", "volume", "m3", 0, True),
        ("target_kwh", "energy", "kWh", 1, True),
        ("target_date", "date", "", 1, True),
        ("meter_datetime", "datetime", "", 0, True),
        ("flow_temperature_c", "temperature", "degC", 0, False),
    ],
)
def test_a_name_says_what_its_value_is(name: str, quantity: str, unit: str, storage: int, *, main: bool) -> None:
    assert fieldnames.meaning(name)[:4] == (quantity, unit, storage, main)


# Made up: a Techem water module of version 74 whose due date was 31 March 2018 (8.9 m3), 4.9 m3 since.
TECHEM = bytes.fromhex("1B44685031323374" + "7462" + "A2" + "067F245900B029310000" + "00000000000000")


def test_words_of_a_layout_become_index_and_due_value() -> None:
    frame = bytes([len(TECHEM) - 1]) + TECHEM[1:]
    telegram = wmbus.decode(frame)
    assert telegram.driver == "techem_water"
    assert telegram.medium == "water"
    assert telegram.total_litres == 13800
    assert [(str(day), litres) for day, litres in telegram.due_litres] == [("2018-03-31", 8900)]
    assert telegram.fields["meter_date"] == "2018-04-27"


def test_a_layout_cut_short_gives_what_is_there() -> None:
    for size in range(11, len(TECHEM)):
        frame = bytes([size - 1]) + TECHEM[1:size]
        telegram = wmbus.decode(frame)
        assert (telegram.total_litres is not None) == (size >= 11 + 9)


def test_kept_tables_are_those_of_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = families.compile_all(families.read_files())
    monkeypatch.setattr(compiled, "place", lambda: tmp_path / "kept" / "drivers.tables")
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    assert compiled.compiled() == made
    monkeypatch.setattr(families, "read_files", list)
    assert compiled.compiled() == made
    monkeypatch.setattr(compiled, "sources", lambda: [("other.yaml", 1, 2)])
    assert compiled.compiled() == families.Compiled()


@pytest.mark.parametrize("content", [b"", b"\x00", b"\x92\x90\x80"])
def test_kept_tables_that_cannot_be_read_are_made_anew(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "drivers.tables"
    file.write_bytes(content)
    monkeypatch.setattr(compiled, "place", lambda: file)
    assert len(compiled.compiled().drivers) == len(families.read_files())


def test_what_stands_for_nothing_is_listed_and_gives_no_field() -> None:
    payload = "041303000000" + "4413FFFFFFFF" + "426CFF2C" + "C40413FFFFFFFF"
    telegram = wmbus.decode(linked("44C5141032547670077A01000000" + payload), link="none")
    assert telegram.driver == "engelmann_waterstar"
    assert [(record.value, record.qualifiers) for record in telegram.records if record.quantity == "volume"] == [
        ("0.003", ()),
        ("-0.001", ("unset",)),
        ("-0.001", ("unset",)),
    ]
    assert (telegram.fields["target_m3"], telegram.fields["history_8_m3"]) == (None, None)
    assert (telegram.total_litres, telegram.due_litres) == (3, [])
