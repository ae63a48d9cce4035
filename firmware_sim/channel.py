"""What the air does to a telegram: path loss, shadowing, fading, noise, interference, collisions.

Thin but honest: a frame is lost when chips are wrong, and a frame with wrong chips goes through the same
three-of-six table and block CRCs as in a real receiver. Levels are whole hundredths of a decibel, so that a
town sounds the same on every machine.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from firmware_sim import place
from firmware_sim.meters import SimMeter
from firmware_sim.streams import hashed, stream
from firmware_sim.telegram import link

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# Transmitter and path (hundredths of dB and dBm). Free space over one metre at 868.95 MHz is 31.2 dB;
# the exponent is that of streets seen from a roof; a meter sits in a cabinet or a pit.
SENT_CDBM = 1000
FIRST_METRE_CDB = 3120
EXPONENT = 2.7
CABINET_CDB = (600, 1600)
SHADOWING_CDB = 500
FADING_CDB = 250
# The installer moves or extends the antenna until the roof hears the meter this well.
SURVEYED_CDBM = -9600
ANTENNA_STEP_CDB = 600

# Receiver: thermal noise in 200 kHz plus a noise figure of 6 dB; non-coherent FSK.
NOISE_CDBM = -11500
CAPTURE_CDB = 600
INTERFERED_PER_65536 = 655
CHIPS_PER_MS = 100
SYNC_CHIPS = 48
# With more wrong chips than this the sync word is missed as well: nothing is received at all.
MOST_WRONG_CHIPS = 60
TENTHS = 400


@dataclass(frozen=True, slots=True)
class Receiver:
    """An antenna on a roof: where it stands and how far above the ground."""

    lat: float
    lon: float
    height_m: float = 18.0


@dataclass(frozen=True)
class Heard:
    """For each transmission of a window: whether the receiver hands it on, its level, and what changed.

    ``damaged`` holds frames whose wrong chips slipped through every check, by position.
    """

    handed_on: Bools
    level_cdbm: Ints
    damaged: dict[int, bytes]


class Channel:
    """The paths from each meter of a town to one receiver."""

    def __init__(self, seed: int, meters: list[SimMeter], receiver: Receiver) -> None:
        self.seed = seed
        self.levels = np.array([mean_level(seed, n, m, receiver) for n, m in enumerate(meters)], np.int64)

    def listen(self, meters: Ints, starts_ms: Ints, lengths: Ints, frame_at: Callable[[int], bytes]) -> Heard:
        """What is heard of transmissions in order of time; ``lengths`` are those of format A frames.

        ``frame_at(i)`` gives the frame of a transmission without CRCs where chips went wrong.
        """
        chance = hashed(self.seed, starts_ms * len(self.levels) + meters)
        fading = _FADING[(chance & np.uint64(1023)).astype(np.int64)]
        level = self.levels[meters] + fading
        chips = 12 * lengths
        wrong = (chance >> np.uint64(32)).astype(np.int64) >= _clean_chance(level, chips)
        free = (chance >> np.uint64(12) & np.uint64(0xFFFF)).astype(np.int64) >= INTERFERED_PER_65536
        audible = free & ~collided(starts_ms, level, chips)
        damaged = {}
        for index in np.flatnonzero(wrong & audible):
            received = self._through_noise(frame_at(int(index)), int(level[index]), int(chance[index]))
            if received is not None:
                damaged[int(index)] = received
        handed_on = audible & ~wrong
        handed_on[list(damaged)] = True
        return Heard(handed_on, level, damaged)

    def _through_noise(self, frame: bytes, level_cdbm: int, chance: int) -> bytes | None:
        rng = stream(self.seed, "noise", chance)
        return receive(frame, wrong_chips(rng, level_cdbm, 12 * len(link.frame_format_a(frame))))


def mean_level(seed: int, index: int, meter: SimMeter, receiver: Receiver) -> int:
    """Level at the receiver without fading, after the installer's survey."""
    rng = stream(seed, "path", index)
    house = meter.house
    ground = place.distance_m((house.lat, house.lon), (receiver.lat, receiver.lon))
    distance = max(1.0, math.hypot(ground, receiver.height_m))
    loss = FIRST_METRE_CDB + round(1000 * EXPONENT * math.log10(distance)) + rng.randrange(*CABINET_CDB)
    level = SENT_CDBM - loss + _normal(rng.randrange(1024), SHADOWING_CDB)
    while level < SURVEYED_CDBM and level > SURVEYED_CDBM - 4 * ANTENNA_STEP_CDB:
        level += ANTENNA_STEP_CDB
    return level


def collided(starts_ms: Ints, level: Ints, chips: Ints) -> Bools:
    """Transmissions that another one overlaps without being weaker by the capture margin."""
    ends = starts_ms + (chips + SYNC_CHIPS) // CHIPS_PER_MS + 1
    lost = np.zeros(len(starts_ms), np.bool_)
    overlap = np.flatnonzero(starts_ms[1:] < ends[:-1])
    lost[overlap] |= level[overlap] < level[overlap + 1] + CAPTURE_CDB
    lost[overlap + 1] |= level[overlap + 1] < level[overlap] + CAPTURE_CDB
    return lost


def chip_error(level_cdbm: int) -> float:
    """Chance that one chip is wrong: half of exp(-SNR / 2), the bound of non-coherent FSK."""
    ratio: float = 10 ** ((level_cdbm - NOISE_CDBM) / 1000)
    return 0.5 * math.exp(-ratio / 2)


def wrong_chips(rng: random.Random, level_cdbm: int, chips: int) -> list[int]:
    """Positions of at least one wrong chip, as many as the level makes."""
    chance = chip_error(level_cdbm)
    at = [n for n in range(chips) if rng.random() < chance]
    return at or [rng.randrange(chips)]


def receive(frame: bytes, wrong: list[int]) -> bytes | None:
    """The frame without CRCs as a mode T receiver hands it on, None where a symbol or a CRC is wrong."""
    if len(wrong) > MOST_WRONG_CHIPS:
        return None
    sent = link.frame_format_a(frame)
    chips = bytearray(link.three_of_six(sent))
    for at in wrong:
        chips[at // 8] ^= 0x80 >> at % 8
    received = link.from_three_of_six(bytes(chips), len(sent))
    if received is None or not link.crcs_hold(received):
        return None
    return link.without_crcs(received)


@cache
def _clean_table(chips: int) -> Ints:
    """Chance in 2^-32 that none of the chips is wrong, for signal-to-noise ratios in tenths of dB."""
    levels = (NOISE_CDBM + 10 * tenth for tenth in range(TENTHS))
    return np.array([round(2**32 * (1 - chip_error(level)) ** chips) for level in levels], np.int64)


def _clean_chance(level: Ints, chips: Ints) -> Ints:
    tenth = np.clip((level - NOISE_CDBM) // 10, 0, TENTHS - 1)
    out = np.zeros(len(level), np.int64)
    for count in np.unique(chips):
        same = chips == count
        out[same] = _clean_table(int(count))[tenth[same]]
    return out


def _normal(step: int, deviation: int) -> int:
    """One of 1024 equally likely values of a normal distribution."""
    return round(deviation * NormalDist().inv_cdf((step + 0.5) / 1024))


_FADING = np.array([_normal(step, FADING_CDB) for step in range(1024)], np.int64)
