"""Chance that is the same everywhere: named streams of the standard generator, and a hash for arrays.

``random.Random`` seeded with a text gives the same bytes on every Python since 3.2. Only ``randbytes``,
``random``, ``randrange`` and what rests on them is used, so a town depends on its seed alone.
"""

import random

import numpy as np
import numpy.typing as npt

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def stream(seed: int, *names: object) -> random.Random:
    """The generator of one purpose: ``stream(7, "house", 12)``."""
    return random.Random("/".join(map(str, (seed, *names))))


def hashed(key: int, counters: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """64 random bits for each counter (SplitMix64): any element can be had without those before it."""
    state = (counters.astype(np.uint64) + np.uint64(1)) * _GOLDEN + np.uint64(key)
    state = (state ^ state >> np.uint64(30)) * _MIX_1
    state = (state ^ state >> np.uint64(27)) * _MIX_2
    return state ^ state >> np.uint64(31)
