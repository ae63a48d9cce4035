"""Made-up telegrams of families whose content only their maker describes."""

import datetime

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from firmware_sim.telegram import prios
from tests.protocols.wmbus.drivers.cases import Case, alarms, bare, closed, opened

TECHEM_TAIL = "00" * 27
# 31 December 2025 as day in five bits, month in four, year above.
NEW_YEAR_EVE = "9F33"


def _na1() -> bytes:
    """Apator NA-1: 234 567 litres on 2026-03-01 at noon, 234 500 a day before, a leak."""
    total = (234567 >> 4) << 8 | 234567 & 15
    at = int((datetime.datetime(2026, 3, 1, 12) - datetime.datetime(2000, 1, 1)).total_seconds())  # noqa: DTZ001
    ago, age = 67, 24
    content = bytes([0x2F]) + total.to_bytes(4, "little") + at.to_bytes(4, "little")
    content += bytes([age & 255, age >> 8 << 2 | ago & 3]) + (ago >> 2).to_bytes(3, "little") + bytes([0x08, 0x00])
    frame = closed("APA", 0x14, 0x07, 0xA0, "4300" + "00" * 16)
    cipher = Cipher(algorithms.AES(bytes(16)), modes.CBC(frame[2:10] + bytes([0x43]) * 8)).encryptor()
    return frame[:13] + cipher.update(content)


CASES = [
    Case(
        "techem_water",
        closed("TCH", 0x74, 0x62, 0xA2, "06" + NEW_YEAR_EVE + "5900" + "B029" + "3100" + TECHEM_TAIL + "00"),
        {"target_m3": "8.9", "total_m3": "13.8", "target_date": "2025-12-31", "meter_date": "2026-04-27"},
    ),
    Case(
        "techem_heat",
        closed("TCH", 0x45, 0x43, 0xA1, "00" + NEW_YEAR_EVE + "102700" + "30" + "F40100" + "800A" + "00" * 32),
        {
            "target_kwh": "10000",
            "total_kwh": "10500",
            "current_period_kwh": "500",
            "target_date": "2025-12-31",
            "meter_date": "2026-06-21",
        },
    ),
    Case(
        "techem_hca",
        closed("TCH", 0x94, 0x80, 0xA2, "0F" + NEW_YEAR_EVE + "6400" + "1008" + "2800" + "11" + "D007B80B" + "00" * 27),
        {
            "target_hca": "100",
            "total_hca": "40",
            "meter_date": "2026-04-01",
            "room_temperature_c": "20.00",
            "radiator_temperature_c": "30.00",
        },
    ),
    Case(
        "techem_smoke",
        closed("TCH", 0x76, 0xF0, 0xA0, "01" + NEW_YEAR_EVE + "822900" + "60" + "822900" + "0004" + "00" * 19),
        {"target_date": "2025-12-31", "meter_date": "2026-12-08"},
        alarms("smoke"),
    ),
    Case(
        "techem_smoke",
        closed("TCH", 0x76, 0xF0, 0xA0, "71" + NEW_YEAR_EVE + "822900" + "60" + "822900" + "0004" + "00" * 19),
        {},
        alarms("unknown_state"),
    ),
    Case("apator_08", closed("APT", 0x0F, 0x0F, 0xA0, "B80B0000" + "00" * 14), {"total_m3": "1.000000"}),
    Case(
        "apator_08",
        closed("APT", 0x03, 0x03, 0xA0, "70170000" + "00" * 8 + "FF01" + "B80B0000" * 12 + "00" * 43),
        {"total_m3": "2.000000", "month_1_m3": "1.000000", "month_12_m3": "1.000000"},
    ),
    Case("apator_172", closed("APT", 0x04, 0x11, 0xA0, "0A000000" + "00" * 14), {"total_m3": "3.3"}),
    Case(
        "apator_162",
        opened("APA", 0x05, 0x07, "0F" + "00" * 7 + "1010270000" + "7101" + "1027000000250000" + "FFFF"),
        {"total_m3": "10.000", "month_1_ago_m3": "10.000", "month_2_ago_m3": "9.472"},
    ),
    Case(
        "apator_eitn",
        closed("APT", 0x04, 0x08, 0xB6, "02FFFF" + "A0" + "A10000" + "7809" + "0000" + "6400" + "1F35" + "6416C019"),
        {
            "target_hca": "2424",
            "total_hca": "100",
            "meter_date": "2026-08-31",
            "season_start_date": "2026-05-01",
            "season_start_with_marker_date": None,
            "season_room_temperature_c": "25.75000000",
        },
    ),
    Case(
        "apator_eitn",
        closed("APA", 0x04, 0x08, 0xA0, "A10000" + "7809" + "9C25" + "6400" + "6F34" + "6416C019"),
        {"meter_date": "2026-03-15", "season_start_date": "2025-05-01", "seal_broken_date": "2018-12-28"},
        alarms("seal_broken"),
    ),
    Case(
        "apator_eitn40",
        closed(
            "APA",
            0x0D,
            0x08,
            0xA0,
            "0000A100800168010300" + "0700" + "0000" * 14 + "2F01C700050006002D3006001000",
        ),
        {
            "total_hca": "303",
            "target_hca": "199",
            "season_3_ago_hca": "6",
            "month_hca": "3",
            "month_1_ago_hca": "7",
            "radiator_temperature_c": "24.0000",
            "room_temperature_c": "22.5000",
            "meter_date": "2024-01-13",
            "season_start_date": "2023-05-01",
        },
        alarms("low_battery"),
    ),
    Case(
        "apator_na1",
        _na1(),
        {
            "total_m3": "234.567",
            "meter_datetime": "2026-03-01T12:00:00",
            "historic_m3": "234.500",
            "historic_datetime": "2026-02-28T12:00:00",
        },
        alarms("leak"),
        bytes(16),
    ),
    Case(
        "bfw_240",
        opened("BFW", 0x02, 0x08, "2F2F" + "0000" + "03C1" + "0388" + "152A" + "00" * 24 + "C1321D" + "280226"),
        {
            "total_hca": "904",
            "target_hca": "961",
            "meter_date": "2026-02-28",
            "month_1_ago_hca": "541",
            "month_2_ago_hca": "961",
            "month_18_ago_hca": "0",
        },
    ),
    Case(
        "bmeters_hydrodigit",
        opened(
            "BMT",
            0x13,
            0x07,
            "0C1364390400" + "046D212F1635" + "0F" + "97" + "0A" + "80"
            "250331" + "240425" + "07000000" + "440F00" * 11 + "FFFFFF",
        ),
        {
            "total_m3": "43.964",
            "battery_v": "3.050",
            "fraud_date": "2025-03-31",
            "leak_date": "2024-04-25",
            "backflow_m3": "0.007",
            "month_1_m3": "39.08",
            "month_12_m3": None,
        },
        alarms("leak", "magnet"),
    ),
    Case(
        "bmeters_rfm_tx1",
        closed(
            "BMT",
            0x05,
            0x07,
            0x7A,
            "A5000610" + "1115F78184AB" + "0F1D1E20000000" + "590410310326" + "804700" * 11 + "FFFFFF" + "00",
        ),
        {"total_m3": "188.560", "meter_datetime": "2026-03-31T10:04:59", "month_1_m3": "183.04", "month_12_m3": None},
    ),
    Case(
        "bmeters_hydroclima",
        opened("BMP", 0x53, 0x08, "036E050000" + "0F" + "10000000003E344A078F12000000002A0600802100210100"),
        {"total_hca": "5", "meter_date": "2025-04-30", "room_temperature_c": "18.66"},
    ),
    Case(
        "diehl_prios",
        prios.build(
            bytes.fromhex("A511780729662366"),
            prios.PriosReading(16760, 11840, datetime.date(2026, 8, 31)),
            prios.DEFAULT_KEYS[0],
        ),
        {"total_m3": "16.760", "target_m3": "11.840", "target_date": "2026-08-31"},
    ),
    Case(
        "qundis",
        bare(
            "QDS",
            0x18,
            0x06,
            "0DFF5F35"
            + "0082DA0000600107C1"
            + "13"
            + "FFFF"
            + "48200000"
            + "3F3C"
            + "91170000"
            + "5F38"
            + "20200000"
            + "0080" * 12
            + "2F",
        ),
        {
            "total_m3": "2.048",
            "target_year_m3": "1.791",
            "target_year_date": "2025-12-31",
            "target_m3": "2.020",
            "delta_2_m3": None,
        },
    ),
    Case(
        "zenner_0b",
        opened("ZRI", 0x0B, 0x16, "0F" + "00000000" + "80BF1B00" + "00A64200" + "00"),
        {"period_m3": "7.10350000000", "total_m3": "17.06200000000"},
    ),
    Case(
        "gwf_water",
        opened("GWF", 0x3C, 0x07, "0374100000" + "0413E8030000" + "0F" + "0128E3"),
        {"total_m3": "1.000", "actuality_s": "16", "battery_y": "14.0", "power_mode": "saving"},
        alarms("burst", "low_battery"),
    ),
]
