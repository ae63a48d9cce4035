"""A meter's radio firmware: when it sends, and the bytes it sends then.

Transmissions are synchronous (EN 13757-4 clause 11.6.2): the interval follows the access number,
``(1 + (|n - 128| - 64) / 2048) * nominal``, so that a receiver can foretell the next one and two meters
never stay in step. The crystal drifts, and each start jitters by a few milliseconds.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from firmware_sim import bulk
from firmware_sim.clock import HOUR, local_midnight
from firmware_sim.ground import Ground
from firmware_sim.layouts import Ints, Sends, constant
from firmware_sim.meters import SimMeter
from firmware_sim.streams import hashed, stream
from firmware_sim.telegram import SND_NR, values
from firmware_sim.telegram import address as addresses
from firmware_sim.telegram.transport import CI_FIELDS, Transport

Bytes = npt.NDArray[np.uint8]
Millis = npt.NDArray[np.int64]

# Seven sendings a day: longer than a real meter's interval, so that a town's months stay countable.
NOMINAL_S = 12_000
LARGEST_DRIFT_PPM = 60
JITTER_MS = 20
MODE_5 = 5

LEAK_HOURS = 24
STOPPED_HOURS = 30 * 24


class Radio:
    """The clock of one meter's transmitter: instant of any transmission by its running number."""

    def __init__(self, seed: int, index: int, first_ms: int) -> None:
        rng = stream(seed, "radio", index)
        drift = rng.randrange(-LARGEST_DRIFT_PPM, LARGEST_DRIFT_PPM + 1)
        self.nominal_us = NOMINAL_S * (1_000_000 + drift)
        self.first_us = 1000 * first_ms + rng.randrange(1_000_000 * NOMINAL_S)
        self.first_access = rng.randrange(256)
        self.jitter_key = rng.getrandbits(64)
        access = (self.first_access + np.arange(256)) & 0xFF
        steps = self.nominal_us + self.nominal_us * (np.abs(access - 128) - 64) // 2048
        self.elapsed_us = np.concatenate(([0], np.cumsum(steps)))

    def access_no(self, numbers: Ints) -> Ints:
        """Access number of each transmission."""
        return (self.first_access + numbers) & 0xFF

    def starts_ms(self, numbers: Ints) -> Millis:
        """Epoch milliseconds at which each transmission starts."""
        cycles, rest = np.divmod(numbers, 256)
        exact = self.first_us + cycles * self.elapsed_us[256] + self.elapsed_us[rest]
        jitter = (hashed(self.jitter_key, numbers) % np.uint64(JITTER_MS)).astype(np.int64)
        starts: Millis = exact // 1000 + jitter
        return starts

    def between(self, since_ms: int, until_ms: int) -> tuple[Ints, Millis]:
        """Numbers and starts of the transmissions in [since, until)."""
        nominal_ms = self.nominal_us // 1000
        low = max(0, (since_ms - self.first_us // 1000) // nominal_ms - 10)
        high = max(low, (until_ms - self.first_us // 1000) // nominal_ms + 10)
        numbers = np.arange(low, high, dtype=np.int64)
        starts = self.starts_ms(numbers)
        inside = (starts >= since_ms) & (starts < until_ms)
        return numbers[inside], starts[inside]


@dataclass(frozen=True)
class Batch:
    """Transmissions of one meter: (n,) starts, access numbers, litres, and (n, l) frames without CRCs."""

    meter: int
    starts_ms: Millis
    access_no: Ints
    litres: Ints
    frames: Bytes

    def __len__(self) -> int:
        return len(self.starts_ms)


class Fleet:
    """The firmware of all meters of a town."""

    def __init__(self, town: Ground) -> None:
        self.town = town
        begin = 1000 * town.clock.first
        self.radios = {
            n: Radio(town.seed, n, max(begin, int(meter.on_from.timestamp() * 1000)) - 1000 * NOMINAL_S)
            for n, meter in enumerate(town.meters)
            if meter.radio
        }
        self.houses = [town.house_index[meter.house.supply_code] for meter in town.meters]

    def sent_between(self, index: int, since_ms: int, until_ms: int) -> Batch:
        """What the meter at that position of ``town.meters`` sends in [since, until)."""
        meter = self.town.meters[index]
        since_ms = max(since_ms, int(self.town.first_instant(meter).timestamp() * 1000))
        if meter.on_until is not None:
            until_ms = min(until_ms, int(meter.on_until.timestamp() * 1000))
        radio = self.radios[index]
        numbers, starts = radio.between(since_ms, until_ms)
        access = radio.access_no(numbers)
        sends = self._sends(index, meter, starts // 1000)
        return Batch(index, starts, access, sends.litres, frames(meter, sends, access))

    def _sends(self, index: int, meter: SimMeter, seconds: Ints) -> Sends:
        clock = self.town.clock
        hour = (seconds - clock.first) // HOUR
        due = np.searchsorted(self._month_starts, seconds, "right") - 1
        days = clock.days[hour]
        due_litres, due_dates = self._due(meter)
        house = self.houses[index]
        return Sends(
            litres=self.town.indexes_at(meter, seconds),
            due_litres=due_litres[due],
            due_date=due_dates[due],
            date=self._dates[days],
            hour=clock.local_hours[hour].astype(np.int64),
            minute=seconds // 60 % 60,
            second=seconds % 60,
            weekday=(clock.start.weekday() + days.astype(np.int64)) % 7 + 1,
            summer=clock.offsets[hour] > HOUR,
            flow_l_h=self.town.hourly_litres(house)[hour].astype(np.int64),
            leak=self._without_dry_hour[house, hour] & meter.leak_rule,
            stopped=self._without_flow[house, hour],
            battery_low=_since(meter, seconds),
        )

    @cached_property
    def _month_starts(self) -> Ints:
        return np.array([local_midnight(day) for day in self.town.clock.month_starts], np.int64)

    @cached_property
    def _dates(self) -> Bytes:
        return _date_bytes([values.date_g(day) for day in self.town.clock.dates])

    def _due(self, meter: SimMeter) -> tuple[Ints, Bytes]:
        """Index and date at each month's start: 0 and the invalid date where the meter did not hang yet."""
        lived = self._month_starts >= int(meter.on_from.timestamp())
        litres = np.zeros(len(lived), np.int64)
        litres[lived] = self.town.indexes_at(meter, self._month_starts[lived])
        dates = [
            values.date_g(day if alive else None)
            for day, alive in zip(self.town.clock.month_starts, lived, strict=True)
        ]
        return litres, _date_bytes(dates)

    @cached_property
    def _without_dry_hour(self) -> npt.NDArray[np.bool_]:
        return self._running(LEAK_HOURS, flowing=True)

    @cached_property
    def _without_flow(self) -> npt.NDArray[np.bool_]:
        return self._running(STOPPED_HOURS, flowing=False)

    def _running(self, least: int, *, flowing: bool) -> npt.NDArray[np.bool_]:
        """For each house and hour: whether the ``least`` hours before it all had flow (or none had)."""
        clock = self.town.clock
        hours = np.arange(1, clock.hours + 1)
        out = np.zeros((len(self.town.houses), clock.hours + 1), np.bool_)
        for house in range(len(self.town.houses)):
            other = (self.town.hourly_litres(house) > 0) != flowing
            last = np.maximum.accumulate(np.where(other, hours, 0))
            out[house, 1:] = hours - last >= least
        return out


def frames(meter: SimMeter, sends: Sends, access_no: Ints) -> Bytes:
    """Link frames of mode 5, (n, l): L first, without CRCs."""
    layout = meter.firmware
    link = addresses.link_bytes(meter.address)
    plain = layout.plain(sends, addresses.identification_bytes(meter.address.id))
    access = access_no.astype(np.uint8)[:, None]
    initial = np.concatenate((constant(sends, link), np.repeat(access, 8, axis=1)), axis=1)
    hidden = bulk.cbc_encrypt(meter.key, initial, plain)
    head = bytes((SND_NR,)) + link + bytes((CI_FIELDS["full"][layout.header],))
    if layout.header == "long":
        head += addresses.header_bytes(meter.address)
    tail = Transport(synchronous=True).configuration(MODE_5, plain.shape[1] // 16)
    length = len(head) + 2 + len(tail) + plain.shape[1]
    return np.concatenate(
        (
            constant(sends, bytes((length,)) + head),
            access,
            layout.status(sends)[:, None],
            constant(sends, tail),
            hidden,
        ),
        axis=1,
    )


def _since(meter: SimMeter, seconds: Ints) -> npt.NDArray[np.bool_]:
    if meter.battery_low_from is None:
        return np.zeros(len(seconds), np.bool_)
    weak: npt.NDArray[np.bool_] = seconds >= int(meter.battery_low_from.timestamp())
    return weak


def _date_bytes(dates: list[bytes]) -> Bytes:
    return np.frombuffer(b"".join(dates), np.uint8).reshape(-1, 2)
