"""The decoder: whatever the bytes, a telegram or an error, and its explanation covers it."""

from firmware_sim.telegram import on_air_s1, on_air_t1
from protocols import wmbus
from tests.protocols.wmbus.samples import FRAMES, KEY, LAYOUTS, WIRED, formed

SEEDS = [
    *FRAMES.values(),
    *(formed(form, frame) for form in ("A", "B") for frame in FRAMES.values()),
    on_air_t1(FRAMES["mode 5"]),
    on_air_s1(FRAMES["mode 5"]),
    *LAYOUTS.values(),
    *WIRED.values(),
]
# What the decoder's memory may still hold of telegrams before.
BEFORE = [bytes([255]) + bytes([value]) * 255 for value in (0x00, 0xFF)]


def fuzz(data: bytes) -> None:
    """Take the bytes as they are, then as a frame whose L field is right, which gets much further."""
    look(data, "auto")
    if 10 < len(data) <= 256:
        look(bytes((len(data) - 1,)) + data[1:], "none")


def look(data: bytes, link: str) -> None:
    """Decode with and without the key, look at everything, explain every byte; the past must not shine through."""
    for keys in (None, KEY):
        shown = []
        for before in BEFORE:
            wmbus.decode(before, link="none")
            formats, fragments = wmbus.FormatStore(), wmbus.FragmentStore()
            telegram = wmbus.decode(data, keys, formats=formats, fragments=fragments, link=link)
            shown.append(telegram.to_json())
        assert shown[0] == shown[1]
        assert telegram.ok or telegram.error
        assert telegram.total_litres is None or isinstance(telegram.total_litres, int)
        assert telegram.meter_time is None or telegram.meter_time.year > 1800
        for record in telegram.records:
            repr(record)
        assert isinstance(telegram.due_litres, list)
        wmbus.explain(data, keys, link=link)
