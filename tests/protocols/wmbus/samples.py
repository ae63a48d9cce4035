"""Telegrams that tests of the decoder share; every one is made up here or by the encoder."""

import datetime

from firmware_sim.telegram import (
    ExtendedLink,
    Mode5,
    Mode7,
    Mode10,
    Session,
    Transport,
    build,
    compact,
    frame_format_a,
    frame_format_b,
    on_air_c1a,
    on_air_c1b,
    on_air_s1,
    on_air_t1,
    prios,
    records,
    wired,
)
from firmware_sim.telegram.records import Record, Vif
from protocols.wmbus import Address

KEY = bytes(range(16))
METER = Address("SGC", "76543210", 1, 7)
DUE = datetime.date(2026, 8, 31)
NOW = datetime.datetime(2026, 9, 1, 10, 30)  # noqa: DTZ001 - a meter's clock has no zone
RECORDS: list[Record] = [
    records.integer(Vif.VOLUME_L, 466472),
    records.bcd(Vif.VOLUME_L, 398000, storage=1),
    records.date(DUE, storage=1),
    records.date_time(NOW),
    records.flags(Vif.ERROR_FLAGS, 0x0101, 2),
    records.text(b"\xfd\x11", "SGC-1"),
]
PAYLOAD = records.payload(RECORDS)
FRAMES: dict[str, bytes] = {
    "plain": build(METER, PAYLOAD, Transport(access_no=12)),
    "no header": build(METER, PAYLOAD, Transport(header="none")),
    "long header": build(METER, PAYLOAD, Transport(header="long", meter=METER)),
    "mode 5": build(METER, PAYLOAD, Transport(access_no=12), Mode5(KEY)),
    "mode 7": build(METER, PAYLOAD, Transport(access_no=12), Mode7(KEY, 1)),
    "mode 10": build(METER, PAYLOAD, Transport(access_no=12), Mode10(KEY, 1)),
    "ell": build(METER, PAYLOAD, Transport(access_no=12), ell=ExtendedLink(access_no=3)),
    "ell ctr": build(
        METER, PAYLOAD, Transport(header="none"), ell=ExtendedLink(access_no=3, session=Session(777, key=KEY))
    ),
    "compact": build(METER, compact.compact_payload(RECORDS), Transport(header="none", application="compact")),
    "format": build(METER, compact.format_payload(RECORDS), Transport(header="none", application="format")),
}
# What every one of them says, where it can be read.
LITRES, DUE_LITRES = 466472, [(DUE, 398000)]
READABLE = [name for name in FRAMES if name not in ("compact", "format")]


def linked(text: str) -> bytes:
    """A frame of hexadecimal digits behind the L field, which is put before it."""
    body = bytes.fromhex(text)
    return bytes([len(body)]) + body


LAYOUTS: dict[str, bytes] = {
    "prios": prios.build(
        bytes.fromhex("A5117807296623 66"), prios.PriosReading(16760, 11840, DUE), prios.DEFAULT_KEYS[0]
    ),
    "techem": linked("446850313233347462A2" + "067F245900B029310000" + "00" * 27),
    "apator 162": linked(
        "440106202020200507" + "7A01000000" + "0F" + "0A734393CC0000" + "10030F0000" + "A0910CB003FFFF"
    ),
    "qundis": linked(
        "449344483635121806"
        + "78"
        + "0DFF5F35"
        + "0082DA0000600107C113FFFF48200000BF2C91170000DF2120200000"
        + "0080" * 12
        + "2F"
    ),
    "profile": linked(
        "44E34C102345670107" + "7A01000000" + "0413010000008201 6C7F2A 8C0113 05000000 8D01931F 0E 72FE" + "0100" * 6
    ),
    "text unit": linked("44E34C102345670107" + "7A01000000" + "027C03324F430001"),
    "deep": linked("44E34C102345670107" + "7A01000000" + "84" + "80" * 9 + "0013" + "01000000"),
}
WIRED: dict[str, bytes] = {
    "long": wired.long_frame(0x08, 1, bytes.fromhex("72 10325476 E34C 01 07 0C 00 0000") + PAYLOAD),
    "short": wired.short_frame(0x40, 1),
    "acknowledge": wired.ACKNOWLEDGE,
    "fixed": wired.long_frame(0x08, 5, bytes.fromhex("73 12345678 0A 00 E9 7E 01000000 35010000")),
    "error": wired.long_frame(0x08, 1, bytes.fromhex("7003")),
}
# Which frame formats and line codes a frame can take.
FORMS = {
    "A": frame_format_a,
    "B": frame_format_b,
    "T1": on_air_t1,
    "C1A": on_air_c1a,
    "C1B": on_air_c1b,
    "S1": on_air_s1,
}


def formed(form: str, frame: bytes) -> bytes:
    """A frame in one of the FORMS."""
    return FORMS[form](frame)
