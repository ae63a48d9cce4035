"""Made-up telegrams of electricity meters, smoke detectors, room sensors and counters with standard records."""

from tests.protocols.wmbus.drivers.cases import Case, alarms, bare, opened
from tests.protocols.wmbus.drivers.water_families import DUE

CASES = [
    Case(
        "ebz_wmbe",
        opened("EBZ", 0x01, 0x02, "04A9FF010A000000" + "04A9FF0214000000" + "04A9FF031E000000" + "040330F92A00"),
        {"power_phase_1_kw": "0.00010", "power_phase_3_kw": "0.00030", "power_kw": "0.00060", "total_kwh": "2816.304"},
    ),
    Case(
        "easymeter",
        opened("ESY", 0x11, 0x02, "0702B509E70100000000" + "042964000000" + "04A9FF020A000000"),
        {"power_kw": "0.00100", "power_phase_2_kw": "0.00010"},
    ),
    Case(
        "gavazzi_em24",
        opened("GAV", 0x00, 0x02, "04051E000000" + "04FB827528000000" + "01FD1709"),
        {"total_kwh": "3.0", "total_kvarh": "4.0", "total_kvah": "5.000000", "total_backward_kvah": "missing"},
        alarms("overvoltage", "voltage_phase_1_overflow", "overcurrent", "current_phase_1_overflow"),
    ),
    Case(
        "kamstrup_omnipower",
        bare("KAM", 0x30, 0x02, "04041A030000" + "04843C0A000000" + "042B03000000" + "04AB3C00000000"),
        {"total_kwh": "7.94", "total_backward_kwh": "0.10", "power_kw": "0.003", "power_backward_kw": "0.000"},
    ),
    Case(
        "emh",
        opened("EMH", 0x02, 0x02, "0403E8030000" + "04833C0A000000" + "8410833C05000000"),
        {"total_kwh": "1.000", "total_backward_kwh": "0.010", "total_backward_tariff_1_kwh": "0.005"},
    ),
    Case(
        "iskraemeco",
        opened("ISK", 0x01, 0x02, "0403E8030000" + "04833C0A000000" + "8440FD48FC080000"),
        {"total_kwh": "1.000", "total_backward_kwh": "0.010", "voltage_phase_1_v": "230.0"},
    ),
    Case(
        "amiplus",
        opened("APA", 0x01, 0x02, "0E03001000000000" + "0E833C100000000000" + "0BABC8FC10000500"),
        {"total_kwh": "1.000", "total_backward_kwh": "0.010", "contracted_power_kw": "0.500"},
    ),
    Case(
        "abb_b2x",
        opened("ABB", 0x20, 0x02, "0E84001749520000" + "00" + "04FFA11502000000"),
        {"total_kwh": "5249.17", "power_failures_phase_1_counter": "2"},
    ),
    Case(
        "gransystems",
        opened("GSS", 0x01, 0x02, "0403E8030000" + "8440FD48FC080000" + "04FD1702000000"),
        {"total_kwh": "1.000", "voltage_phase_1_v": "230.0"},
        alarms("clock_error"),
    ),
    Case(
        "kamstrup_pressure",
        bare("KAM", 0x01, 0x18, "22696400" + "12696800" + "02696600" + "05FF090000803F" + "02FD170900"),
        {"pressure_bar": "1.02", "min_pressure_bar": "1.00", "max_pressure_bar": "1.04", "alfa_counter": "1"},
        alarms("pressure_drop", "low_pressure"),
    ),
    Case(
        "ei_6500",
        opened(
            "EIE",
            0x0C,
            0x1A,
            f"8440FF2C5C4F51018250FD61030082506C{DUE}8260FD6101008360FD3178000082206C{DUE}",
        ),
        {
            "dust_counter": "28",
            "battery_v": "3.00",
            "obstacle_distance_cm_counter": "28",
            "smoke_alarm_counter": "3",
            "smoke_alarm_date": "2025-12-31",
            "removal_counter": "1",
            "removed_h": "2.000000",
            "installation_date": "2025-12-31",
        },
        alarms("tamper", "obstacle_sensor_fault", "obstacle_detected"),
    ),
    Case(
        "qundis_smoke",
        opened("QDS", 0x23, 0x1A, "81027C0349552301" + "81037C034C412302" + f"326C{DUE}"),
        {"removal_counter": "1", "smoke_alarm_counter": "2", "fault_date": "2025-12-31"},
    ),
    Case(
        "lansen",
        opened("LAS", 0x07, 0x1B, "02658408" + "42658308" + "02FB1AAE01", 0x40),
        {"room_temperature_c": "21.80", "hour_room_temperature_c": "21.79", "humidity_rh": "43.0"},
        alarms("tamper", "enclosure_opened"),
    ),
    Case(
        "lansen_co2",
        opened("LAS", 0x0A, 0x2A, "02653708" + "02FD3A2702" + "42FD3A2C02"),
        {"room_temperature_c": "21.03", "co2_ppm": "551", "hour_co2_ppm": "556"},
    ),
    Case(
        "lansen_door",
        opened("LAS", 0x07, 0x1D, "02FD1B5500" + "0EFD3A220000000000"),
        {"changes_counter": "22"},
        alarms("open"),
    ),
    Case(
        "lansen_smoke",
        opened("LAS", 0x03, 0x1A, "02FD971D0600" + "04FD3A78000000"),
        {"since_test_h": "2.000000"},
        alarms("smoke", "low_battery"),
    ),
    Case(
        "elv_sense",
        opened("ELV", 0x50, 0x1B, "02656808" + "02FD46630E" + "027C03324F430001"),
        {"room_temperature_c": "21.52", "battery_v": "3.683", "co2_ppm": "256"},
    ),
    Case(
        "weptech_munia",
        opened("WEP", 0x02, 0x1B, "0A660102" + "0AFB1A5706"),
        {"room_temperature_c": "20.1", "humidity_rh": "65.7"},
    ),
]
