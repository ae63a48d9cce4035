"""Stamps of the system's clock and of a receiver's."""

from edge.clock import (
    EARLIEST_PLAUSIBLE_MS,
    ReceiverClock,
    SystemClock,
    kernel_clock_synchronised,
    monotonic_ns,
    os_boot,
)
from protocols.sync import ClockStamp


class StoppedClock(SystemClock):
    def now(self) -> ClockStamp:
        return ClockStamp(5, monotonic_ns(), False)


def test_system_clock_grows_and_says_whether_it_is_disciplined() -> None:
    clock = SystemClock()
    first, second = clock.now(), clock.heard(12)
    assert second.wall_ms >= first.wall_ms > EARLIEST_PLAUSIBLE_MS
    assert second.mono_ns > first.mono_ns
    assert first.trusted == kernel_clock_synchronised()


def test_boot_id_is_the_systems() -> None:
    assert os_boot() == os_boot()
    assert len(os_boot()) == 36


def test_receiver_stamp_is_utc_seconds() -> None:
    stamp = ReceiverClock(StoppedClock()).heard(1_790_000_000)
    assert (stamp.wall_ms, stamp.trusted) == (1_790_000_000_000, True)


def test_receiver_clock_that_was_never_set_is_not_trusted() -> None:
    assert not ReceiverClock(StoppedClock()).heard(17).trusted


def test_now_follows_the_newest_receiver_stamp() -> None:
    clock = ReceiverClock(StoppedClock())
    assert clock.now().wall_ms == 5
    clock.heard(1_790_000_000)
    clock.heard(1_780_000_000)
    assert 0 <= clock.now().wall_ms - 1_790_000_000_000 < 60_000


def test_frame_without_a_stamp_takes_the_present() -> None:
    clock = ReceiverClock(StoppedClock())
    assert clock.heard(None).wall_ms == 5
    clock.heard(1_790_000_000)
    assert clock.heard(None).wall_ms >= 1_790_000_000_000
