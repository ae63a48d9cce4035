"""Made-up telegrams of heat and cooling meters and heat cost allocators with standard records."""

from tests.protocols.wmbus.drivers.cases import Case, alarms, bare, opened
from tests.protocols.wmbus.drivers.water_families import DUE, MONTH_END, NOW

CASES = [
    Case(
        "kamstrup_heat",
        bare(
            "KAM",
            0x34,
            0x0C,
            "0406E803000004FF076400000004FF08C80000000414E8030000844014E8030000043B0A00000004FF2207000210",
        ),
        {
            "total_kwh": "1000",
            "total_m3": "10.00",
            "volume_times_flow_temperature_m3c": "100",
            "flow_m3h": "0.010",
            "input_1_m3": "10.00",
        },
        alarms("power_failure", "low_battery", "sensor_error", "flow_sensor_1_pulse_value", "burst", "burst_loss"),
    ),
    Case(
        "kamstrup_heat",
        bare("KAM", 0x40, 0x04, "0406E8030000" + "02FF220802"),
        {"total_kwh": "1000"},
        alarms("backflow", "temperature_sensor", "flow_temperature_high"),
    ),
    Case(
        "kamstrup_heat",
        bare("KAM", 0x1C, 0x04, "0406E8030000" + "04EEFF0764000000" + "02FD174002"),
        {"volume_times_flow_temperature_m3c": "100"},
        alarms("leak", "leak_cold", "burst"),
    ),
    Case(
        "diehl_sharky",
        opened("DME", 0x41, 0x0D, f"0C06001000008C100605000000CC020600050000C2026C{DUE}0B3B200000"),
        {
            "total_kwh": "1000",
            "cooling_kwh": "5",
            "target_kwh": "500",
            "target_date": "2025-12-31",
            "flow_m3h": "0.020",
        },
    ),
    Case(
        "zenner_c5",
        opened("ZRI", 0x88, 0x04, f"0406E8030000840406F401000082046C{DUE}02FD17240084800106D0030000"),
        {"total_kwh": "1000", "target_kwh": "500", "target_date": "2025-12-31", "month_1_ago_kwh": "976"},
        alarms("dry", "temperature_sensor", "return_sensor_open"),
    ),
    Case(
        "zenner_caltos",
        opened("ZRI", 0xFC, 0x08, f"0B6E23010082046C{MONTH_END}8B046E000100"),
        {"total_hca": "123", "last_month_hca": "100", "last_month_date": "2026-08-31"},
    ),
    Case(
        "engelmann_sensostar",
        opened("EFE", 0x00, 0x04, f"046D{NOW}0406E803000001FD1710840106D0030000840206C8000000"),
        {
            "total_kwh": "1000",
            "month_1_ago_kwh": "976",
            "month_1_ago_date": "2026-08-31",
            "month_2_ago_kwh": "200",
            "month_2_ago_date": "2026-07-31",
        },
        alarms("flow_measurement_error"),
    ),
    Case(
        "maddalena_microclima",
        opened("MAD", 0x00, 0x04, f"046D{NOW}0406E803000001FD1704426C{DUE}C40106D0030000"),
        {"total_kwh": "1000", "month_1_ago_kwh": "976", "month_1_ago_date": "2026-08-31"},
        alarms("temperature_sensor", "return_sensor_open"),
    ),
    Case(
        "engelmann_hcae2",
        opened("EFE", 0x31, 0x08, "0B6E230100" + "426E5500" + "82016E3500" + "02FD170600"),
        {"total_hca": "123", "target_hca": "85", "history_1_hca": "53"},
        alarms("tamper", "low_battery"),
    ),
    Case(
        "bmeters_hydrocal",
        opened("BMT", 0x1A, 0x0D, "0C0300100000" + "8C100305000000" + "8C401399990000" + "02FD178000"),
        {"total_kwh": "1.000", "cooling_kwh": "0.005", "input_1_m3": "9.999"},
        alarms("tamper", "enclosure_opened"),
    ),
    Case(
        "apator_elf",
        opened("APA", 0x40, 0x04, "0E01779924110300" + "0AFD473103" + "0A656437"),
        {"total_kwh": "3112.49977", "battery_v": "3.31", "room_temperature_c": "37.64"},
    ),
    Case(
        "itron_heat",
        opened("ITW", 0x00, 0x04, f"0406E80300004406F4010000426C{DUE}"),
        {"total_kwh": "1000", "target_kwh": "500", "target_date": "2025-12-31"},
    ),
    Case(
        "sensus_pollucom",
        opened("SEN", 0x1D, 0x04, "0406E8030000" + "033B0A0000" + "32220500"),
        {"total_kwh": "1000", "flow_m3h": "0.010", "fault_h": "5"},
    ),
    Case(
        "landis_heat",
        opened("LUG", 0x0A, 0x04, "0C0600100000" + "84016D3B175F38" + "8C010600090000" + "CC010600080000"),
        {
            "total_kwh": "1000",
            "month_1_ago_kwh": "900",
            "month_1_ago_datetime": "2026-08-31T23:59:00",
            "month_2_ago_kwh": "800",
            "month_2_ago_date": "2026-07-31",
        },
    ),
    Case(
        "ista",
        opened("IST", 0xA9, 0x04, f"0C05001000008C01050005000082016C{MONTH_END}"),
        {"total_kwh": "100.0", "last_month_kwh": "50.0", "last_month_date": "2026-08-31"},
    ),
    Case(
        "techem_oms",
        opened("TCH", 0x94, 0x08, f"036E02000082046C{MONTH_END}83046E0100000259300702653408"),
        {"total_hca": "2", "last_month_hca": "1", "radiator_temperature_c": "18.40", "room_temperature_c": "21.00"},
    ),
    Case(
        "sontex",
        opened("SON", 0x16, 0x08, f"036E7700008310FD313C000082106C{DUE}8110FD61020259AD0A0265D804"),
        {
            "total_hca": "119",
            "tamper_h": "1.000000",
            "tamper_date": "2025-12-31",
            "tamper_counter": "2",
            "radiator_temperature_c": "27.33",
            "room_temperature_c": "12.40",
        },
    ),
    Case(
        "kaden_hca",
        opened("VIP", 0x1E, 0x08, "036E050000" + "02FD170800" + "047578000000" + "0474100E0000" + "025AC500"),
        {"total_hca": "5", "unmeasured_h": "2.000000", "removed_h": "1.000000", "radiator_temperature_c": "19.7"},
        alarms("tamper"),
    ),
]
