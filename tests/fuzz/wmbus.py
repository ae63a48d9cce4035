"""The decoder: whatever the bytes, a telegram or an error, and its explanation covers it."""

import datetime

from firmware_sim.telegram import (
    Mode5,
    Mode7,
    Mode10,
    Transport,
    build,
    frame_format_a,
    frame_format_b,
    on_air_c1a,
    on_air_t1,
    records,
)
from protocols import wmbus

KEY = bytes(range(16))
METER = wmbus.Address("SGC", "76543210", 1, 7)
PAYLOAD = records.payload(
    [
        records.integer(b"\x13", 466472),
        records.bcd(b"\x13", 398000, storage=1),
        records.date(datetime.date(2026, 8, 31), storage=1),
        records.date_time(datetime.datetime(2026, 9, 1, 10, 30)),  # noqa: DTZ001 - a meter's clock has no zone
        records.flags(b"\xfd\x17", 0x0101, 2),
        records.text(b"\xfd\x11", "SGC-1"),
    ]
)
PROTECTED = [None, Mode5(KEY), Mode7(KEY, 1), Mode10(KEY, 1)]
FRAMES = [build(METER, PAYLOAD, Transport(access_no=12), protection) for protection in PROTECTED]
SEEDS = [
    *FRAMES,
    *(frame_format_a(frame) for frame in FRAMES),
    *(frame_format_b(frame) for frame in FRAMES),
    on_air_t1(FRAMES[1]),
    on_air_c1a(FRAMES[1]),
    build(METER, PAYLOAD, Transport(header="long", meter=METER)),
    build(METER, PAYLOAD, Transport(application="compact")),
    bytes.fromhex("680f0f6808017201000000ac4801020000000c130200009e16"),
    bytes.fromhex("e5"),
]


def fuzz(data: bytes) -> None:
    """Decode with and without the key, look at everything, explain every byte."""
    formats = wmbus.FormatStore()
    for keys in (None, KEY):
        telegram = wmbus.decode(data, keys, formats=formats)
        telegram.to_json()
        assert telegram.ok or telegram.error
        assert telegram.total_litres is None or isinstance(telegram.total_litres, int)
        for record in telegram.records:
            repr(record)
        wmbus.explain(data, keys)
