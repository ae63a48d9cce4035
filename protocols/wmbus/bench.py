"""``sgc bench decode``: columns, objects and the whole command, against a bound measured in the same run.

The telegrams are standard ones in mode 5 with 10 to 120 bytes of records, each of a meter and key of its own.
The bound is what no decoder of such telegrams can avoid: to find the key of a meter among all of them in
memory, to expand it, to decrypt the bytes and to look at each once (the CRC).
"""

from __future__ import annotations

import os
import platform
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from protocols.wmbus.address import Address
from protocols.wmbus.batch import decode_batch
from protocols.wmbus.bound import aes_and_memory
from protocols.wmbus.decoding import decode
from protocols.wmbus.keyring import Keyring

ROUNDS: Final = 5
CROWD: Final = 1_000_000
MOST_REFUSED: Final = 1e-4
MAKER: Final = "SGC"
# Records of water meters: index, due index and date, clock, flow, flags, temperature, history.
RECORDS: Final = tuple(
    bytes.fromhex(text)
    for text in (
        "041387D61200",
        "4413A0860100",
        "426CFF2C",
        "046D3B170F31",
        "023B0A00",
        "02FD170000",
        "025BC800",
        "84011320A10700",
        "C4011340420F00",
        "04933B00000000",
        "02FD740F0E",
        "0C7878563412",
    )
)


@dataclass(frozen=True, slots=True)
class Mix:
    """Telegrams with the keys of their meters."""

    frames: list[bytes]
    keys: list[tuple[Address, bytes]]

    @classmethod
    def of(cls, count: int, meters: int | None = None) -> Mix:
        """Made-up telegrams of some meters in turn, each of its own if not told; the same ones every time."""
        rnd = random.Random(1)  # noqa: S311 - not for keeping a secret
        known = [(Address(MAKER, f"{number:08d}", 1, 7), rnd.randbytes(16)) for number in range(meters or count)]
        return cls([telegram(*known[number % len(known)], rnd) for number in range(count)], known)

    def ring(self) -> Keyring:
        """The keys of the mix."""
        ring = Keyring()
        for address, key in self.keys:
            ring.add(address, key)
        return ring


def telegram(address: Address, key: bytes, rnd: random.Random) -> bytes:
    """One telegram in mode 5 with a short header and 10 to 120 bytes of records."""
    size = rnd.randrange(10, 121)
    plain = b"\x2f\x2f" + RECORDS[0]
    while len(plain) < size:
        plain += rnd.choice(RECORDS[1:])
    plain += b"\x2f" * (-len(plain) % 16)
    maker = sum(ord(letter) - 64 << shift for letter, shift in zip(address.manufacturer, (10, 5, 0), strict=True))
    link = maker.to_bytes(2, "little") + bytes.fromhex(address.id)[::-1] + bytes((address.version, address.type))
    access = rnd.randrange(256)
    encryptor = Cipher(algorithms.AES128(key), modes.CBC(link + bytes((access,)) * 8)).encryptor()
    head = bytes((0x7A, access, 0, len(plain) // 16 << 4, 5))
    body = b"\x44" + link + head + encryptor.update(plain) + encryptor.finalize()
    return bytes((len(body),)) + body


def best(work: Callable[[], object], count: int, rounds: int = ROUNDS) -> int:
    """Telegrams a CPU second of the best round."""
    fastest = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        work()
        fastest = min(fastest, time.process_time() - start)
    return round(count / fastest)


def measure(count: int) -> dict[str, Any]:
    """The bench's result: the headline is the columns; objects, the command and the crowd are under ``more``."""
    mix = Mix.of(count)
    ring = mix.ring()
    rows = decode_batch(mix.frames, ring)
    # Without CRCs and without a receiver's word, about one in 100,000 looks like format B with a bit hit.
    if (rows.state != 0).sum() > max(1, count * MOST_REFUSED):
        raise AssertionError("the bench's own telegrams must decode")
    value = best(lambda: decode_batch(mix.frames, ring), count)
    bound = best(lambda: aes_and_memory(mix.frames, ring), count)
    return {
        "bench": "decode",
        "value": value,
        "unit": "telegrams/s",
        "bound": {"name": "key look-up, AES-128-CBC with a fresh key, one pass over the bytes", "value": bound},
        "ratio": round(value / bound, 3),
        "n": count,
        "python": platform.python_version(),
        "cpu": platform.processor() or platform.machine(),
        "more": {
            "objects": best(lambda: touch(mix.frames, ring), count, 3),
            "command": command(mix),
            "mean_bytes": round(sum(map(len, mix.frames)) / count, 1),
            **crowds(mix),
        },
    }


def touch(frames: Sequence[bytes], ring: Keyring) -> None:
    """Make the Telegram of each frame and ask it for its index."""
    for frame in frames:
        _ = decode(frame, ring).total_litres


def command(mix: Mix) -> int:
    """Telegrams a CPU second of the whole command: JSON lines in, JSON lines out, start-up taken off."""
    lines = "".join(
        f'{{"ref":{number},"telegram":"{frame.hex()}","key":"{key.hex()}"}}\n'
        for number, (frame, (_, key)) in enumerate(zip(mix.frames, mix.keys, strict=True))
    )
    empty, full = cpu_seconds(b""), cpu_seconds(lines.encode())
    return round(len(mix.frames) / max(full - empty, 1e-9))


def cpu_seconds(text: bytes) -> float:
    """CPU seconds of the command for some input."""
    program = "from protocols.wmbus import stream; stream.run(stream.Decoder())"
    before = os.times()
    subprocess.run([sys.executable, "-c", program], input=text, stdout=subprocess.DEVNULL, check=True)  # noqa: S603
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def crowds(mix: Mix) -> dict[str, int]:
    """The columns' speed where one meter is known, where a thousand are, and with a million beside the mix's own."""
    count = len(mix.frames)
    few = {name: Mix.of(count, meters) for name, meters in (("one_meter", 1), ("thousand_meters", 1000))}
    crowd = mix.ring()
    for number in range(CROWD):
        crowd.add(Address("XXX", f"{number:08d}", 1, 7), number.to_bytes(16, "big"))
    rings = {name: some.ring() for name, some in few.items()}
    return {
        **{name: best(partial(decode_batch, few[name].frames, rings[name]), count, 3) for name in few},
        "million_meters": best(lambda: decode_batch(mix.frames, crowd), count, 3),
    }
