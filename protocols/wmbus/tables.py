"""What each VIF and VIFE means, as data: EN 13757-3:2018 tables 10 to 17, compiled to C arrays by ``vif``.

A row is ``(first code, count, quantity, unit, exponent of the first code, form)``; the exponent grows
by one from code to code unless the row says otherwise. Energy given in Wh is shown in kWh and power
given in W in kW (the exponent absorbs it); energy in joules stays in joules, because no finite decimal
of kWh equals it.
"""

from typing import Final

# How the data behind a VIF is to be read where its data type alone does not say.
FORMS: Final = (
    "number",
    "date",  # types G, F or I by their length, shown as a date
    "datetime",  # types F, I or J by their length
    "identification",  # digits that keep their leading zeros, or text
    "bits",  # unsigned flags
    "version",  # unsigned number or text
    "bytes",
    "unsigned",
)
NUMBER, DATE, DATETIME, IDENTIFICATION, BITS, VERSION, BYTES, UNSIGNED = range(len(FORMS))

Row = tuple[int, int, str, str, int, int]


def _time(first: int, quantity: str, units: tuple[str, ...] = ("s", "min", "h", "d")) -> tuple[Row, ...]:
    """Rows of consecutive codes that differ in their unit of time."""
    return tuple((first + i, 1, quantity, unit, 0, NUMBER) for i, unit in enumerate(units))


PRIMARY: Final[tuple[Row, ...]] = (
    (0x00, 8, "energy", "kWh", -6, NUMBER),
    (0x08, 8, "energy", "MJ", -6, NUMBER),
    (0x10, 8, "volume", "m3", -6, NUMBER),
    (0x18, 8, "mass", "kg", -3, NUMBER),
    *_time(0x20, "on_time"),
    *_time(0x24, "operating_time"),
    (0x28, 8, "power", "kW", -6, NUMBER),
    (0x30, 8, "power", "kJ/h", -3, NUMBER),
    (0x38, 8, "volume_flow", "m3/h", -6, NUMBER),
    (0x40, 8, "volume_flow", "m3/min", -7, NUMBER),
    (0x48, 8, "volume_flow", "m3/s", -9, NUMBER),
    (0x50, 8, "mass_flow", "kg/h", -3, NUMBER),
    (0x58, 4, "flow_temperature", "degC", -3, NUMBER),
    (0x5C, 4, "return_temperature", "degC", -3, NUMBER),
    (0x60, 4, "temperature_difference", "K", -3, NUMBER),
    (0x64, 4, "external_temperature", "degC", -3, NUMBER),
    (0x68, 4, "pressure", "bar", -3, NUMBER),
    (0x6C, 1, "date", "", 0, DATE),
    (0x6D, 1, "datetime", "", 0, DATETIME),
    (0x6E, 1, "hca", "hca", 0, NUMBER),
    *_time(0x70, "averaging_duration"),
    *_time(0x74, "actuality_duration"),
    (0x78, 1, "fabrication_number", "", 0, IDENTIFICATION),
    (0x79, 1, "enhanced_identification", "", 0, IDENTIFICATION),
    (0x7A, 1, "bus_address", "", 0, UNSIGNED),
    (0x7E, 1, "any", "", 0, NUMBER),
    (0x7F, 1, "manufacturer", "", 0, NUMBER),
)

# Behind VIF FB.
FB: Final[tuple[Row, ...]] = (
    (0x00, 2, "energy", "kWh", 2, NUMBER),
    (0x02, 2, "reactive_energy", "kvarh", 0, NUMBER),
    (0x04, 2, "apparent_energy", "kVAh", 0, NUMBER),
    (0x08, 2, "energy", "MJ", 2, NUMBER),
    (0x0C, 4, "energy", "Mcal", -1, NUMBER),
    (0x10, 2, "volume", "m3", 2, NUMBER),
    (0x14, 4, "reactive_power", "kvar", -3, NUMBER),
    (0x18, 2, "mass", "kg", 5, NUMBER),
    (0x1A, 2, "relative_humidity", "%RH", -1, NUMBER),
    (0x20, 1, "volume", "ft3", 0, NUMBER),
    (0x21, 1, "volume", "ft3", -1, NUMBER),
    (0x22, 2, "volume", "gal", -1, NUMBER),
    (0x24, 1, "volume_flow", "gal/min", -3, NUMBER),
    (0x25, 1, "volume_flow", "gal/min", 0, NUMBER),
    (0x26, 1, "volume_flow", "gal/h", 0, NUMBER),
    (0x28, 2, "power", "kW", 2, NUMBER),
    (0x2A, 1, "phase_voltage_voltage", "deg", -1, NUMBER),
    (0x2B, 1, "phase_voltage_current", "deg", -1, NUMBER),
    (0x2C, 4, "frequency", "Hz", -3, NUMBER),
    (0x30, 2, "power", "MJ/h", 2, NUMBER),
    (0x34, 4, "apparent_power", "kVA", -3, NUMBER),
    (0x58, 4, "flow_temperature", "degF", -3, NUMBER),
    (0x5C, 4, "return_temperature", "degF", -3, NUMBER),
    (0x60, 4, "temperature_difference", "degF", -3, NUMBER),
    (0x64, 4, "external_temperature", "degF", -3, NUMBER),
    (0x70, 4, "temperature_limit", "degF", -3, NUMBER),
    (0x74, 4, "temperature_limit", "degC", -3, NUMBER),
    (0x78, 8, "maximum_power_total", "kW", -6, NUMBER),
)

# Behind VIF FD.
FD: Final[tuple[Row, ...]] = (
    (0x00, 4, "credit", "currency", -3, NUMBER),
    (0x04, 4, "debit", "currency", -3, NUMBER),
    (0x08, 1, "message_identification", "", 0, UNSIGNED),
    (0x09, 1, "device_type", "", 0, UNSIGNED),
    (0x0A, 1, "manufacturer_code", "", 0, UNSIGNED),
    (0x0B, 1, "parameter_set", "", 0, IDENTIFICATION),
    (0x0C, 1, "model_version", "", 0, VERSION),
    (0x0D, 1, "hardware_version", "", 0, VERSION),
    (0x0E, 1, "firmware_version", "", 0, VERSION),
    (0x0F, 1, "software_version", "", 0, VERSION),
    (0x10, 1, "customer_location", "", 0, IDENTIFICATION),
    (0x11, 1, "customer", "", 0, IDENTIFICATION),
    (0x12, 1, "access_code_user", "", 0, UNSIGNED),
    (0x13, 1, "access_code_operator", "", 0, UNSIGNED),
    (0x14, 1, "access_code_system_operator", "", 0, UNSIGNED),
    (0x15, 1, "access_code_developer", "", 0, UNSIGNED),
    (0x16, 1, "password", "", 0, BYTES),
    (0x17, 1, "error_flags", "", 0, BITS),
    (0x18, 1, "error_mask", "", 0, BITS),
    (0x19, 1, "security_key", "", 0, BYTES),
    (0x1A, 1, "digital_output", "", 0, BITS),
    (0x1B, 1, "digital_input", "", 0, BITS),
    (0x1C, 1, "baud_rate", "Bd", 0, UNSIGNED),
    (0x1D, 1, "response_delay", "bit", 0, UNSIGNED),
    (0x1E, 1, "retries", "", 0, UNSIGNED),
    (0x1F, 1, "remote_control", "", 0, BITS),
    (0x20, 1, "first_storage", "", 0, UNSIGNED),
    (0x21, 1, "last_storage", "", 0, UNSIGNED),
    (0x22, 1, "storage_block_size", "", 0, UNSIGNED),
    (0x23, 1, "tariff_descriptor", "", 0, BITS),
    *_time(0x24, "storage_interval", ("s", "min", "h", "d", "month", "y")),
    (0x2A, 1, "operator_data", "", 0, BYTES),
    (0x2B, 1, "second", "s", 0, UNSIGNED),
    *_time(0x2C, "time_since_readout"),
    (0x30, 1, "tariff_start", "", 0, DATETIME),
    *_time(0x31, "tariff_duration", ("min", "h", "d")),
    *_time(0x34, "tariff_period", ("s", "min", "h", "d", "month", "y")),
    (0x3A, 1, "counter", "", 0, NUMBER),
    (0x3B, 1, "wireless_container", "", 0, BYTES),
    *_time(0x3C, "transmit_period"),
    (0x40, 16, "voltage", "V", -9, NUMBER),
    (0x50, 16, "current", "A", -12, NUMBER),
    (0x60, 1, "reset_counter", "", 0, UNSIGNED),
    (0x61, 1, "cumulation_counter", "", 0, UNSIGNED),
    (0x62, 1, "control_signal", "", 0, BITS),
    (0x63, 1, "weekday", "", 0, UNSIGNED),
    (0x64, 1, "week", "", 0, UNSIGNED),
    (0x65, 1, "day_change", "", 0, DATETIME),
    (0x66, 1, "parameter_state", "", 0, BITS),
    (0x67, 1, "supplier_information", "", 0, BITS),
    *_time(0x68, "time_since_cumulation", ("h", "d", "month", "y")),
    *_time(0x6C, "battery_operating_time", ("h", "d", "month", "y")),
    (0x70, 1, "battery_change", "", 0, DATETIME),
    (0x71, 1, "signal_level", "dBm", 0, NUMBER),
    (0x72, 1, "summer_time", "", 0, BYTES),
    (0x73, 1, "listening_window", "", 0, BYTES),
    (0x74, 1, "remaining_battery", "d", 0, UNSIGNED),
    (0x75, 1, "stops", "", 0, UNSIGNED),
    (0x76, 1, "manufacturer_container", "", 0, BYTES),
)

# Behind VIF FD FD (second level of the extension).
FD_FD: Final[tuple[Row, ...]] = (
    (0x00, 1, "selected_application", "", 0, UNSIGNED),
    (0x02, 1, "remaining_battery", "month", 0, UNSIGNED),
    (0x03, 1, "remaining_battery", "y", 0, UNSIGNED),
)

# Units of the fixed data structure (EN 1434-3:1997, table 3); codes 00 and 01 are clock and date.
FIXED: Final[tuple[Row, ...]] = (
    (0x02, 9, "energy", "kWh", -3, NUMBER),
    (0x0B, 9, "energy", "MJ", -3, NUMBER),
    (0x14, 9, "power", "kW", -3, NUMBER),
    (0x1D, 9, "power", "kJ/h", 0, NUMBER),
    (0x26, 9, "volume", "m3", -6, NUMBER),
    (0x2F, 9, "volume_flow", "m3/h", -6, NUMBER),
    (0x38, 1, "flow_temperature", "degC", -3, NUMBER),
    (0x39, 1, "hca", "hca", 0, NUMBER),
    (0x3F, 1, "counter", "", 0, NUMBER),
)

# Qualifiers of combinable VIFEs; those that only scale or divide a value are in PER and SCALE.
COMBINABLE: Final[dict[int, str]] = {
    0x01: "error_too_many_difes",
    0x02: "error_storage_number",
    0x03: "error_subunit",
    0x04: "error_tariff",
    0x05: "error_function",
    0x06: "error_data_class",
    0x07: "error_data_size",
    0x0B: "error_too_many_vifes",
    0x0C: "error_vif_group",
    0x0D: "error_vif_exponent",
    0x0E: "error_vif_dif_mismatch",
    0x0F: "error_action",
    0x12: "average",
    0x13: "inverse_compact_profile",
    0x14: "relative_deviation",
    0x15: "error_no_data",
    0x16: "error_overflow",
    0x17: "error_underflow",
    0x18: "error_data",
    0x1C: "error_end_of_record",
    0x1D: "standard_content",
    0x1E: "compact_profile_registers",
    0x1F: "compact_profile",
    0x28: "input_0",
    0x29: "input_1",
    0x2A: "output_0",
    0x2B: "output_1",
    0x36: "times_s",
    0x37: "times_s_per_volt",
    0x38: "times_s_per_ampere",
    0x39: "start_of",
    0x3A: "uncorrected",
    0x3B: "forward",
    0x3C: "backward",
    0x3D: "non_metric",
    0x3E: "base_conditions",
    0x3F: "obis",
    0x40: "lower_limit",
    0x48: "upper_limit",
    0x41: "lower_limit_exceeds",
    0x49: "upper_limit_exceeds",
    0x42: "lower_limit_first_begin",
    0x43: "lower_limit_first_end",
    0x46: "lower_limit_last_begin",
    0x47: "lower_limit_last_end",
    0x4A: "upper_limit_first_begin",
    0x4B: "upper_limit_first_end",
    0x4E: "upper_limit_last_begin",
    0x4F: "upper_limit_last_end",
    **{
        0x50 + 8 * upper + 4 * last + unit: f"{side}_limit_{which}_duration_{name}"
        for upper, side in enumerate(("lower", "upper"))
        for last, which in enumerate(("first", "last"))
        for unit, name in enumerate(("s", "min", "h", "d"))
    },
    **{
        0x60 + 4 * last + unit: f"{which}_duration_{name}"
        for last, which in enumerate(("first", "last"))
        for unit, name in enumerate(("s", "min", "h", "d"))
    },
    0x68: "during_lower_limit_exceed",
    0x69: "leakage",
    0x6A: "first_begin",
    0x6B: "first_end",
    0x6C: "during_upper_limit_exceed",
    0x6D: "overflow",
    0x6E: "last_begin",
    0x6F: "last_end",
    0x7E: "future",
}

# Behind VIFE FC.
COMBINABLE_FC: Final[dict[int, str]] = {
    0x01: "phase_1",
    0x02: "phase_2",
    0x03: "phase_3",
    0x04: "neutral",
    0x05: "phase_1_2",
    0x06: "phase_2_3",
    0x07: "phase_3_1",
    0x08: "quadrant_1",
    0x09: "quadrant_2",
    0x0A: "quadrant_3",
    0x0B: "quadrant_4",
    0x0C: "delta",
    0x0D: "alternate_tariff",
    0x10: "absolute",
    0x11: "type_c",
    0x12: "type_d",
    0x13: "to_meter",
    0x14: "from_meter",
}

# What a value is divided by: VIFE code to the text behind the unit.
PER_CODES: Final[dict[int, str]] = {
    0x20: "/s",
    0x21: "/min",
    0x22: "/h",
    0x23: "/d",
    0x24: "/week",
    0x25: "/month",
    0x26: "/y",
    0x27: "/revolution",
    0x28: "/pulse",
    0x29: "/pulse",
    0x2A: "/pulse",
    0x2B: "/pulse",
    0x2C: "/l",
    0x2D: "/m3",
    0x2E: "/kg",
    0x2F: "/K",
    0x30: "/kWh",
    0x31: "/GJ",
    0x32: "/kW",
    0x33: "/(K*l)",
    0x34: "/V",
    0x35: "/A",
    0x36: "*s",
    0x37: "*s/V",
    0x38: "*s/A",
}

# Qualifiers that no VIFE code makes: what the value itself or a layout says of it.
OWN_QUALIFIERS: Final = (
    "invalid",
    "summer_time",
    "recurring",
    "increment",
    "decrement",
    "difference",
    "manufacturer_specific",
    "unknown_vif",
    "previous_period",
    "from_layout",
    "unset",
)

# Quantities that only drivers' layouts give.
LAYOUT_QUANTITIES: Final = ("status", "period", "count", "duration", "temperature", "humidity", "voltage_level")

MEDIA: Final[dict[int, str]] = {
    0x00: "other",
    0x01: "oil",
    0x02: "electricity",
    0x03: "gas",
    0x04: "heat",
    0x05: "steam",
    0x06: "warm water",
    0x07: "water",
    0x08: "heat cost allocator",
    0x09: "compressed air",
    0x0A: "cooling (outlet)",
    0x0B: "cooling (inlet)",
    0x0C: "heat (inlet)",
    0x0D: "heat/cooling",
    0x0E: "bus/system",
    0x0F: "unknown",
    0x14: "calorific value",
    0x15: "hot water",
    0x16: "cold water",
    0x17: "hot/cold water",
    0x18: "pressure",
    0x19: "a/d converter",
    0x1A: "smoke detector",
    0x1B: "room sensor",
    0x1C: "gas detector",
    0x20: "breaker",
    0x21: "valve",
    0x25: "customer unit",
    0x28: "waste water",
    0x29: "garbage",
    0x2A: "carbon dioxide",
    0x31: "communication controller",
    0x32: "unidirectional repeater",
    0x33: "bidirectional repeater",
    0x36: "radio converter (system side)",
    0x37: "radio converter (meter side)",
    0x38: "bus converter (meter side)",
}


def _names(*tables: tuple[Row, ...], column: int) -> tuple[str, ...]:
    """Every name of a column once, in order; index 0 is the empty name."""
    found = {"": None}
    for table in tables:
        for row in table:
            found.setdefault(str(row[column]), None)
    return tuple(found)


QUANTITIES: Final = (
    *_names(PRIMARY, FB, FD, FD_FD, column=2),
    "unknown",
    *LAYOUT_QUANTITIES,
)
# "l" to "%" are units that only layouts use.
UNITS: Final = (*_names(PRIMARY, FB, FD, FD_FD, column=3), "l", "%", "ppm", "m3*degC", "mV", "Wh", "l/h", "pulse")
PER: Final = ("", *dict.fromkeys(PER_CODES.values()))
QUALIFIERS: Final = (
    "",
    *dict.fromkeys((*COMBINABLE.values(), *COMBINABLE_FC.values(), *OWN_QUALIFIERS)),
)
