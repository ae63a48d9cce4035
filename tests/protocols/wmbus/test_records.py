"""Records: what each header means and what each kind of data is worth."""

import datetime
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import wmbus
from protocols.wmbus import Record, tables
from tests.protocols.wmbus.samples import LAYOUTS, linked

HEAD = "44E34C103254760107" + "7A01000000"


def only(text: str) -> Record:
    """The one record of a telegram with this payload."""
    telegram = wmbus.decode(linked(HEAD + text), link="none")
    assert telegram.ok, telegram.error
    (record,) = telegram.records
    return record


@pytest.mark.parametrize(
    ("text", "quantity", "unit", "value"),
    [
        ("0413 39300000", "volume", "m3", "12.345"),
        ("0416 39300000", "volume", "m3", "12345"),
        ("0417 39300000", "volume", "m3", "123450"),
        ("0410 39300000", "volume", "m3", "0.012345"),
        ("0C13 78563412", "volume", "m3", "12345.678"),
        ("0403 39300000", "energy", "kWh", "12.345"),
        ("0406 39300000", "energy", "kWh", "12345"),
        ("040E 39300000", "energy", "MJ", "12345"),
        ("04FB01 39300000", "energy", "kWh", "12345000"),
        ("04FB09 39300000", "energy", "MJ", "12345000"),
        ("042B 39300000", "power", "kW", "12.345"),
        ("023B 3930", "volume_flow", "m3/h", "12.345"),
        ("0244 3930", "volume_flow", "m3/min", "12.345"),
        ("024B 3930", "volume_flow", "m3/s", "0.012345"),
        ("0259 18FC", "flow_temperature", "degC", "-10.00"),
        ("0265 E803", "external_temperature", "degC", "10.00"),
        ("0261 30F8", "temperature_difference", "K", "-20.00"),
        ("0269 6600", "pressure", "bar", "1.02"),
        ("0A6E 3412", "hca", "hca", "1234"),
        ("0274 1000", "actuality_duration", "s", "16"),
        ("0220 1000", "on_time", "s", "16"),
        ("0227 1000", "operating_time", "d", "16"),
        ("02FB1A 7302", "relative_humidity", "%RH", "62.7"),
        ("02FB2D 8813", "frequency", "Hz", "50.00"),
        ("02FD48 3609", "voltage", "V", "235.8"),
        ("02FD59 2A00", "current", "A", "0.042"),
        ("02FD74 0F0E", "remaining_battery", "d", "3599"),
        ("02FDFD02 B300", "remaining_battery", "month", "179"),
        ("01FD71 A6", "signal_level", "dBm", "-90"),
        ("0C78 78563412", "fabrication_number", None, "12345678"),
        ("0C78 07000000", "fabrication_number", None, "00000007"),
        ("02FD17 0180", "error_flags", None, "32769"),
        ("0DFD11 06 363534333231", "customer", None, "123456"),
        ("0DFD0C C3 563412", "model_version", None, "123456"),
        ("0DFD10 E3 0A0B0C", "customer_location", None, "0x0A0B0C"),
        ("0413FFFFFFFF", "volume", "m3", "-0.001"),
        ("0C2B 220000F0", "power", "kW", "-0.022"),
        ("0D13 D2 3412", "volume", "m3", "-1.234"),
        ("0D13 C2 3412", "volume", "m3", "1.234"),
        ("0D13 E2 3930", "volume", "m3", "12.345"),
        ("0513 CDCCCC3D", "volume", "m3", "0.0001"),
        ("05FF09 0000003F", "manufacturer", None, "0.5"),
        ("07FF26 FFFFFFFFFFFFFFFF", "manufacturer", None, "-1"),
        ("027C03324F430001", "unknown", "CO2", "256"),
    ],
)
def test_meaning_and_value(text: str, quantity: str, unit: str | None, value: str) -> None:
    record = only(text)
    assert (record.quantity, record.unit, record.value) == (quantity, unit, value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("426C FF2C", "2023-12-31"),
        ("426C BF2C", "2021-12-31"),
        ("046D 2D0AB720", "2021-00-23T10:45:00"),
        ("046D 2D0AB727", "2021-07-23T10:45:00"),
        ("046D 2D2AB727", "2021-07-23T10:45:00"),
        ("046D 2D4AB727", "2121-07-23T10:45:00"),
        ("066D 2C1A01B52100", "2021-01-21T01:26:44"),
        ("036D 2C1A01", "01:26:44"),
        ("426C E1F1", "--01-01"),
        ("426C 0000", "2000-00-00"),
    ],
)
def test_dates(text: str, value: str) -> None:
    assert only(text).value == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("046D 2D8AB727", "2021-07-23T10:45:00"),
        ("066D 6C1A01B52100", "2021-01-21T01:26:44"),
    ],
)
def test_the_summer_time_bit_is_kept(text: str, value: str) -> None:
    record = only(text)
    assert (record.value, record.qualifiers) == (value, ("summer_time",))


INVALID = [
    "0113 80",
    "0213 0080",
    "0413 00000080",
    "0613 000000000080",
    "0713 0000000000000080",
    "0C13 FFFFFFFF",
    "0C13 AAAAAAAA",
    "0C13 785634BB",
    "0C13 7A563412",
    "0513 0000C07F",
    "0513 0000807F",
    "426C FFFF",
    "426C DD22",
    "046D AD0AB727",
    "046D 3D0AB727",
    "046D 2D19B727",
    "066D 2CDA01B52100",
]


@pytest.mark.parametrize("text", INVALID)
def test_what_is_invalid_is_no_value(text: str) -> None:
    record = only(text)
    assert record.value is None
    assert record.mantissa is None
    assert "invalid" in record.qualifiers


@pytest.mark.parametrize("text", ["3413 39300000", "3C2B 99999900", "325A C800", "3413 00000080"])
def test_an_error_state_is_no_measurement(text: str) -> None:
    telegram = wmbus.decode(linked(HEAD + text))
    (record,) = telegram.records
    assert (record.function, record.value) == ("error", None)
    assert telegram.total_litres is None
    assert set(telegram.fields.values()) == {None}


def test_how_long_and_when_an_error_was_is_told() -> None:
    assert only("3220 1000").value == "16"
    assert only("326C FF2C").value == "2023-12-31"
    assert only("34FD17 01000000").value == "1"


def test_place_of_a_record() -> None:
    record = only("CC8040 13 78563412")
    assert (record.storage, record.tariff, record.subunit, record.function) == (1, 0, 2, "instantaneous")
    record = only("DCA303 13 78563412")
    assert (record.storage, record.tariff, record.function) == (1 + 2 * 3 + 32 * 3, 2, "maximum")


@pytest.mark.parametrize(
    ("text", "qualifiers", "value"),
    [
        ("04933C 39300000", ("backward",), "12.345"),
        ("04933B 39300000", ("forward",), "12.345"),
        ("0493BC3E 39300000", ("backward", "base_conditions"), "12.345"),
        ("02FDC8FC01 3609", ("phase_1",), "235.8"),
        ("04FB8275 3F000000", (), "6.3"),
        ("04937D 39300000", (), "12345"),
        ("02FD971D 0400", ("standard_content",), "4"),
        ("0493FF01 39300000", ("manufacturer_specific",), "12.345"),
        ("0493FF75 39300000", ("manufacturer_specific",), "12.345"),
    ],
)
def test_extensions_qualify_or_scale(text: str, qualifiers: tuple[str, ...], value: str) -> None:
    record = only(text)
    assert (record.qualifiers, record.value) == (qualifiers, value)


def test_a_value_per_something_says_so_in_its_unit() -> None:
    assert only("049322 39300000").unit == "m3/h"


def test_qualified_volumes_are_not_the_main_register() -> None:
    for text in ("04933C 39300000", "841013 39300000", "844013 39300000", "1413 39300000", "4413 39300000"):
        assert wmbus.decode(linked(HEAD + text)).total_litres is None
    assert wmbus.decode(linked(HEAD + "04933B39300000")).total_litres == 12345


@pytest.mark.parametrize(
    ("text", "litres"),
    [("0412 39300000", 1234), ("0411 39300000", 123), ("0415 39300000", 1234500), ("0412 C7CFFFFF", -1235)],
)
def test_litres_are_whole_and_rounded_down(text: str, litres: int) -> None:
    assert wmbus.decode(linked(HEAD + text)).total_litres == litres


def test_a_reading_goes_on_behind_a_record_it_does_not_know() -> None:
    telegram = wmbus.decode(linked(HEAD + "046F01000000" + "041339300000"))
    assert telegram.records[0].quantity == "unknown"
    assert telegram.total_litres == 12345


@pytest.mark.parametrize("tail", ["04", "0413", "041301", "0D13", "0DFD11FF", "84", "8480", "3F", "4F01"])
def test_a_damaged_end_loses_only_itself(tail: str) -> None:
    telegram = wmbus.decode(linked(HEAD + "041339300000" + tail))
    assert telegram.total_litres == 12345
    assert len(telegram.records) == 1
    assert any(item.code.startswith("record_") for item in telegram.diagnostics)


def test_a_chain_of_extensions_has_an_end() -> None:
    telegram = wmbus.decode(linked(HEAD + "84" + "80" * 10 + "0013" + "39300000"))
    assert [item.code for item in telegram.diagnostics] == ["record_extensions", "no_payload"]
    assert wmbus.decode(LAYOUTS["deep"]).total_litres == 1


def test_a_profile_becomes_dated_values() -> None:
    values = [record for record in wmbus.decode(LAYOUTS["profile"]).records if "increment" in record.qualifiers]
    assert [(record.at, record.value, record.storage) for record in values[:3]] == [
        ("2019-11-30", "0.001", 3),
        ("2019-12-31", "0.001", 4),
        ("2020-01-31", "0.001", 5),
    ]


def test_an_inverse_profile_goes_back_and_keeps_blanks_blank() -> None:
    text = "82046C4132" + "8B046E720200" + "8D04EE13" + "0B" + "3BFE" + "270600" + "950300" + "FFFFFF"
    values = wmbus.decode(linked("44E34C103254760108" + "7A01000000" + text)).records[2:]
    assert [(record.at, record.value) for record in values] == [
        ("2026-01-01", "627"),
        ("2025-12-01", "395"),
        ("2025-11-01", None),
    ]


@pytest.mark.parametrize(
    ("control", "spacing", "base", "expected"),
    [
        ("04", "0A", "2D0AB727", ["2021-07-23T10:45:10", "2021-07-23T10:45:20"]),
        ("14", "0F", "2D17FF2C", ["2024-01-01", "2024-01-01T00:15:00"]),
        ("24", "01", "0017FF2C", ["2024-01-01", "2024-01-01T01:00:00"]),
        ("34", "01", "00005C32", ["2026-03-01", "2026-03-02"]),
        ("34", "FD", "00004F31", ["2026-01-31", "2026-02-15"]),
    ],
)
def test_profile_spacings(control: str, spacing: str, base: str, expected: list[str]) -> None:
    text = f"84046D{base}" + "84041301000000" + "8D04931F0A" + control + spacing + "02000000" + "03000000"
    values = wmbus.decode(linked(HEAD + text)).records[2:]
    assert [record.at for record in values] == expected


def test_msb_first_frames_read_the_same() -> None:
    body = bytes.fromhex("08 01 76 76543210 4CE3 01 07 0C 00 0000" + "0413 00003039" + "426C 2CFF" + "0C13 12345678")
    frame = bytes((0x68, len(body), len(body), 0x68)) + body + bytes((sum(body) & 0xFF, 0x16))
    telegram = wmbus.decode(frame)
    assert str(telegram.meter) == "SGC-76543210-01-07"
    assert [record.value for record in telegram.records] == ["12.345", "2023-12-31", "12345.678"]


def test_every_named_vif_has_one_meaning() -> None:
    for table in (tables.PRIMARY, tables.FB, tables.FD, tables.FD_FD, tables.FIXED):
        codes = [first + i for first, count, *_ in table for i in range(count)]
        assert len(codes) == len(set(codes))
        assert all(0 <= code < 128 for code in codes)


@given(st.integers(-(2**31) + 1, 2**31 - 1), st.integers(0, 7))
def test_values_are_exact(number: int, n: int) -> None:
    record = only(f"04{0x10 + n:02X}" + number.to_bytes(4, "little", signed=True).hex())
    assert record.mantissa == number
    assert record.exponent == n - 6
    assert record.value is not None
    whole, _, decimals = record.value.lstrip("-").partition(".")
    assert int(whole + decimals) == abs(number) * 10 ** max(0, n - 6)
    assert len(decimals) == max(0, 6 - n)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_floats_show_the_shortest_decimal_that_is_them(number: float) -> None:
    value = only("0516" + struct.pack("<f", number).hex()).value
    assert value is not None
    assert struct.pack("<f", float(value)) == struct.pack("<f", number) or number == 0


@given(st.dates(datetime.date(2000, 1, 1), datetime.date(2080, 12, 31)))
def test_every_day_comes_back(day: datetime.date) -> None:
    year = day.year % 100
    code = bytes((day.day | (year & 7) << 5, day.month | (year >> 3) << 4))
    assert only("426C" + code.hex()).value == day.isoformat()


def test_a_due_value_that_is_yet_to_come_is_none() -> None:
    telegram = wmbus.decode(linked(HEAD + "0413 07000000 4413 FFFFFFFF 426C 5F3C"))
    assert (telegram.total_litres, telegram.due_litres) == (7, [])
