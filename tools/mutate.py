"""Damages good inputs in the ways that break parsers: cut, flipped, repeated, spliced, with lengths that lie."""

import random
from collections.abc import Iterator, Sequence

EDGES = (0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF)
MOST_CHANGES = 4
LONGEST = 4096


def mutations(seeds: Sequence[bytes], seed: int) -> Iterator[bytes]:
    """Damaged copies of ``seeds``, without end; the same ``seed`` gives the same ones."""
    rng = random.Random(seed)
    while True:
        data = bytearray(rng.choice(seeds))
        for _ in range(rng.randint(1, MOST_CHANGES)):
            rng.choice(CHANGES)(data, rng, seeds)
        yield bytes(data[:LONGEST])


def _flip(data: bytearray, rng: random.Random, seeds: Sequence[bytes]) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _edge(data: bytearray, rng: random.Random, seeds: Sequence[bytes]) -> None:
    if data:
        data[rng.randrange(len(data))] = rng.choice(EDGES)


def _any(data: bytearray, rng: random.Random, seeds: Sequence[bytes]) -> None:
    if data:
        data[rng.randrange(len(data))] = rng.randrange(256)


def _true_length(data: bytearray, rng: random.Random, seeds: Sequence[bytes]) -> None:
    """Write what follows a position as its length: gets past the checks of length fields."""
    if data:
        position = rng.randrange(min(len(data), 32))
        data[position] = (len(data) - position - 1) & 0xFF


def _cut(data: bytearray, rng: random.Random, seeds: Sequence[bytes]) -> None:
    del data[rng.randint(0, len(data)) :]


def _remove(data: bytearray, rng: random.Random, seeds: Sequence[bytes]) -> None:
    start = rng.randint(0, len(data))
    del data[start : start + rng.randint(1, 16)]


def _repeat(data: bytearray, rng: random.Random, seeds: Sequence[bytes]) -> None:
    start = rng.randint(0, len(data))
    piece = data[start : start + rng.randint(1, 16)]
    data[start:start] = piece * rng.randint(1, 8)


def _insert(data: bytearray, rng: random.Random, seeds: Sequence[bytes]) -> None:
    start = rng.randint(0, len(data))
    data[start:start] = rng.randbytes(rng.randint(1, 16))


def _splice(data: bytearray, rng: random.Random, seeds: Sequence[bytes]) -> None:
    other = rng.choice(seeds)
    data[rng.randint(0, len(data)) :] = other[rng.randint(0, len(other)) :]


CHANGES = (_flip, _edge, _any, _true_length, _cut, _remove, _repeat, _insert, _splice)
