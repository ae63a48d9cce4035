"""Each layer of the decoder by itself: what it starts from, and what runs it in the build of ``make fuzz``."""

import importlib
from collections.abc import Callable

from firmware_sim.telegram import compact
from tests.protocols.wmbus.samples import FORMS, FRAMES, KEY, LAYOUTS, PAYLOAD, RECORDS, WIRED, formed

HEADERS = b"".join(record.header for record in RECORDS)
PLAIN = list(FRAMES.values())
LINKED = [formed(form, frame) for form in ("A", "B") for frame in PLAIN]
CHIPS = [formed(form, FRAMES[name]) for form in FORMS for name in ("plain", "ell ctr") if form not in ("A", "B")]
BODIES = [frame[10:] for frame in [*PLAIN, *LAYOUTS.values()]]
FIXED = WIRED["fixed"][7:-2]

SEEDS: dict[str, list[bytes]] = {
    "link": [bytes((form,)) + frame for frame in [*LINKED, *PLAIN, *WIRED.values()] for form in range(5)],
    "guard": [*LINKED, *PLAIN, *LAYOUTS.values()],
    "air": CHIPS,
    "ell": [
        bytes.fromhex("8C2003"),
        FRAMES["ell ctr"][10:],
        bytes.fromhex("8E2003E34C7856341201 07"),
        bytes.fromhex("8F2003E34C785634120107") + FRAMES["ell ctr"][13:],
        bytes.fromhex("8620030F010255E34C785634120107") + FRAMES["ell ctr"][13:],
    ],
    "nwl": [bytes.fromhex("811D7A")],
    "afl": [FRAMES["mode 7"][10:], bytes.fromhex("9019007F2F2F0001000000300011223344556677881122334455667788")],
    "tpl": [*BODIES, *(frame[6:-2] for frame in WIRED.values() if len(frame) > 6)],
    "records": [PAYLOAD, *(frame[15:] for frame in LAYOUTS.values())],
    "compact": [bytes((len(HEADERS),)) + HEADERS + compact.compact_payload(RECORDS)],
    "format": [compact.format_payload(RECORDS)],
    "fixed": [FIXED],
    "security": [*PLAIN, *LAYOUTS.values()],
    "body": [*PLAIN, *LAYOUTS.values()],
    "whole": [*LINKED, *PLAIN, *CHIPS, *LAYOUTS.values(), *WIRED.values()],
}
# No layer: a fault on purpose, by which a run shows that it can find one.
PLANTED: list[bytes] = [KEY]


def layer(name: str) -> Callable[[bytes], object]:
    """What runs a layer; only the instrumented build has it."""
    found: Callable[[bytes], object] = getattr(importlib.import_module("tests.fuzz.layers"), name)
    return found
