"""Every receiver's framer: any bytes, in any pieces, and it goes on."""

from edge.receivers.im871a import request
from edge.receivers.registry import drivers

FRAME = bytes.fromhex("a542030e1444e34c1032547601077a2a0000000c1372644600")
SEEDS = [request(1), request(3, bytes(20)), FRAME, FRAME * 3, b"\xa5" * 8]


def fuzz(data: bytes) -> None:
    """Feed in two pieces, then fall silent."""
    middle = len(data) // 2
    for driver in drivers().values():
        for mode in driver.modes:
            framer = driver.framer(mode)
            framer.feed(data[:middle])
            framer.feed(data[middle:])
            framer.line_is_quiet()
