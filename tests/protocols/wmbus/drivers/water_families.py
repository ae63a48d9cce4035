"""Made-up telegrams of water and gas meters with standard records: what their files name and which alarms they know."""

from tests.protocols.wmbus.drivers.cases import Case, alarms, bare, closed, opened

# 31 December 2025 and 31 August 2026 (data type G); 1 September 2026, 10:30 (data type F).
DUE, MONTH_END, NOW = "3F3C", "5F38", "1E0A4139"

CASES = [
    Case(
        "kamstrup_water",
        bare("KAM", 0x1B, 0x16, "02FF201402" + "0413E8030000" + "4413F4010000" + "615B0A" + "51671E" + "8101E7FF0F12"),
        {
            "total_m3": "1.000",
            "target_m3": "0.500",
            "month_min_flow_temperature_c": "10",
            "leak_for": "missing",
            "month_max_external_temperature_c": "30",
            "external_temperature_c": "18",
            "dry_for": "1 to 8 h",
            "backflow_for": "4 to 7 days",
        },
        alarms("leak"),
    ),
    Case(
        "kamstrup_water",
        bare("KAW", 0x3C, 0x16, "04FF2332020000" + "0413E8030000" + "023B0A00" + "523B6400"),
        {"flow_m3h": "0.010", "month_max_flow_m3h": "0.100"},
        alarms("backflow", "tamper", "low_battery", "no_consumption"),
    ),
    Case(
        "axioma",
        opened(
            "AXI", 0x10, 0x07, f"046D{NOW}" + "0413E8030000" + "04933CE8030000" + "44933B0A000000" + "01FD7462", 0x34
        ),
        {"total_m3": "1.000", "total_backward_m3": "1.000", "target_forward_m3": "0.010", "battery_pct": "98"},
        alarms("leak", "low_battery", "temporary_error"),
    ),
    Case(
        "axioma",
        opened("AXI", 0x10, 0x07, "0413E8030000", 0xB0),
        {"total_m3": "1.000"},
        alarms("burst", "temporary_error"),
    ),
    Case("axioma", opened("AXI", 0x20, 0x07, "0413E8030000", 0x10), {}, alarms("temporary_error")),
    Case(
        "diehl_water",
        opened(
            "DME",
            0x70,
            0x07,
            f"0C13001000004C1300050000426C{DUE}0B3B20000002FD746D01CC011380090000C2016C{MONTH_END}",
        ),
        {
            "total_m3": "1.000",
            "target_m3": "0.500",
            "last_month_m3": "0.980",
            "flow_m3h": "0.020",
            "battery_y": "0.999336",
        },
    ),
    Case(
        "diehl_aerius",
        opened("DME", 0x30, 0x03, "0C933E00100000" + "CC01933E80090000" + "0A5A5901"),
        {"total_m3": "1.000", "last_month_m3": "0.980", "temperature_c": "15.9"},
    ),
    Case(
        "zenner_minomess",
        opened("ZRI", 0x01, 0x16, f"0C130010000082046C{MONTH_END}8C04138009000002FD176080"),
        {"total_m3": "1.000", "last_month_m3": "0.980", "last_month_date": "2026-08-31"},
        alarms("leak", "removed", "previous_removed"),
    ),
    Case(
        "engelmann_faw",
        opened("EFE", 0x00, 0x07, f"426C{DUE}4413F401000001FD1728840113E80300000413E9030000"),
        {"total_m3": "1.001", "target_m3": "0.500", "month_1_ago_m3": "1.000"},
        alarms("removed", "leak"),
    ),
    Case(
        "engelmann_waterstar",
        opened(
            "DWZ",
            0x00,
            0x06,
            f"046D{NOW}0413E903000002FD17A000426C{DUE}4413F4010000840113E8030000" + "C40713F4010000",
        ),
        {
            "total_m3": "1.001",
            "history_1_m3": "1.000",
            "history_1_date": "2026-08-31",
            "history_8_date": "2026-01-31",
            "history_1_after_date": "2026-08-01",
        },
        alarms("tamper", "backflow"),
    ),
    Case(
        "engelmann_waterstar",
        opened("EFE", 0x70, 0x07, "046D9E0A4139" + "0413E9030000" + "C40713F4010000"),
        {
            "meter_datetime": None,
            "unset_clock_datetime": None,
            "history_1_after_date": None,
            "history_1_date": "missing",
        },
    ),
    Case(
        "imt_aquastream",
        opened("IMT", 0x01, 0x07, "0413E8030000" + "8410130A000000" + "02FD74DB15"),
        {"total_m3": "1.000", "total_backward_m3": "0.010", "battery_y": "15.328767"},
    ),
    Case(
        "maddalena_evo",
        opened(
            "MAD",
            0x50,
            0x07,
            f"0413E9030000D3013B9A0200C4016D{NOW}8104FD280182046C{DUE}840413F4010000C4041390010000",
        ),
        {
            "total_m3": "1.001",
            "history_1_m3": "0.500",
            "history_2_m3": "0.400",
            "history_1_date": "2025-12-31",
            "history_2_date": "2025-11-30",
            "history_12_date": "2025-01-31",
            "max_flow_m3h": "0.666",
        },
    ),
    Case(
        "kaden_water",
        opened("ECM", 0x05, 0x07, "0413E8030000" + "04933C0A000000" + "123B6400", 0x63),
        {"total_m3": "1.000", "total_backward_m3": "0.010", "max_flow_m3h": "0.100"},
        alarms("alarm", "leak", "leak_flow_low", "leak_flow_high"),
    ),
    Case(
        "itron_water",
        opened("ITW", 0x33, 0x07, f"0C13001000000C933C100000000B3B040000426C{DUE}"),
        {"total_m3": "1.000", "total_backward_m3": "0.010", "flow_m3h": "0.004", "target_date": "2025-12-31"},
    ),
    Case(
        "engelmann_waterstar",
        opened("EFE", 0x70, 0x07, "041303000000" + "C40413FFFFFFFF" + "84041302000000" + "C40013FFFFFFFF"),
        {"total_m3": "0.003", "history_8_m3": None, "history_7_m3": "0.002"},
    ),
    Case(
        "apator_ultrimis",
        opened("APA", 0x20, 0x16, "0413A0010000" + "03FD17144008" + "4413F5000000" + "04933C00000000"),
        {"total_m3": "0.416", "target_m3": "0.245"},
        alarms("dry", "high_temperature", "this_month_backflow", "previous_no_consumption"),
    ),
    Case(
        "aventies",
        opened("AAA", 0x25, 0x07, "0413281E0700" + "02FD171100"),
        {"total_m3": "466.472"},
        alarms("measurement_fault", "radio_fault"),
    ),
    Case("sensus_iperl", opened("SEN", 0x68, 0x07, "0413E8030000" + "023B0A00"), {"max_flow_m3h": "0.010"}),
    Case(
        "elster_water",
        opened("ELR", 0x12, 0x37, "0413E8030000" + "441300000080" + "02FDFD02B300"),
        {"total_m3": "1.000", "target_m3": None, "battery_month": "179"},
    ),
    Case(
        "bmeters_iwm",
        opened("BMT", 0x18, 0x06, "0C1300100000", 0x40),
        {"total_m3": "1.000"},
        alarms("tamper"),
    ),
    Case(
        "bmeters_iwm",
        opened("BMT", 0x10, 0x1B, "02656408" + "02FB1A6601", 0x08),
        {"room_temperature_c": "21.48", "humidity_rh": "35.8"},
        alarms("permanent_error", "removed"),
    ),
    Case(
        "amx_unismart",
        opened("AMX", 0x01, 0x03, "0C943A00170900" + "4C943A32110900"),
        {"total_m3": "917.00", "target_m3": "911.32"},
    ),
    Case("gas_meters", opened("ELS", 0x33, 0x03, "0C943A00170900"), {"total_m3": "917.00"}),
    Case("gas_meters", closed("FLO", 0x01, 0x03, 0x78, "0C943E00170900"), {"total_m3": "917.00"}),
]
