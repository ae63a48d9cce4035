"""Delays grow, stay under the cap, and are forgotten only after a connection that held."""

import random

from edge.backoff import Backoff


class Watch:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_delays_double_up_to_the_cap_with_jitter() -> None:
    backoff = Backoff(first_s=1, cap_s=8, stable_s=30, rng=random.Random(1))
    for ceiling in (1, 2, 4, 8, 8, 8):
        assert ceiling / 2 <= backoff.next_delay() <= ceiling


def test_a_peer_that_accepts_and_hangs_up_meets_growing_delays() -> None:
    watch = Watch()
    backoff = Backoff(first_s=1, cap_s=64, stable_s=30, rng=random.Random(1), clock=watch)
    for ceiling in (1, 2, 4, 8):
        backoff.connected()
        watch.now += 29
        assert backoff.next_delay() >= ceiling / 2


def test_a_connection_that_held_resets_the_delay() -> None:
    watch = Watch()
    backoff = Backoff(first_s=1, cap_s=64, stable_s=30, rng=random.Random(1), clock=watch)
    for _ in range(5):
        backoff.next_delay()
    backoff.connected()
    watch.now += 30
    assert backoff.next_delay() <= 1


def test_years_of_failures_do_not_overflow() -> None:
    backoff = Backoff(first_s=1, cap_s=60, stable_s=30, rng=random.Random(1))
    assert max(backoff.next_delay() for _ in range(2000)) <= 60


def test_two_devices_do_not_come_back_together() -> None:
    delays = {Backoff(first_s=10).next_delay() for _ in range(20)}
    assert len(delays) == 20
