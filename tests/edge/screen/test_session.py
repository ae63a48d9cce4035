"""The PIN and what it opens."""

from edge.screen.session import FREE_ATTEMPTS, Sessions


class Watch:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_right_pin_opens_a_session_that_use_keeps_open() -> None:
    watch = Watch()
    sessions = Sessions("2468", 60, watch)
    cookie = sessions.open("2468")
    for _ in range(5):
        watch.now += 59
        assert sessions.holds(cookie)
    watch.now += 61
    assert not sessions.holds(cookie)


def test_wrong_and_missing_cookies_hold_nothing() -> None:
    sessions = Sessions("2468", 60)
    assert not sessions.holds(None)
    assert not sessions.holds("guess")


def test_guessing_is_slowed_down_even_for_the_right_pin() -> None:
    watch = Watch()
    sessions = Sessions("2468", 60, watch)
    for _ in range(FREE_ATTEMPTS):
        assert sessions.open("0000") is None
    assert sessions.locked_for() == 30
    assert sessions.open("2468") is None
    watch.now += 30
    assert sessions.open("1111") is None
    assert sessions.locked_for() == 60
    watch.now += 60
    assert sessions.open("2468") is not None
    assert sessions.open("0000") is None
    assert sessions.locked_for() == 0


def test_a_closed_session_is_closed() -> None:
    sessions = Sessions("2468", 60)
    cookie = sessions.open("2468")
    sessions.close(cookie)
    sessions.close(None)
    assert not sessions.holds(cookie)


def test_sessions_do_not_pile_up() -> None:
    watch = Watch()
    sessions = Sessions("2468", 60, watch)
    first = sessions.open("2468")
    for _ in range(20):
        watch.now += 1
        last = sessions.open("2468")
    assert sessions.holds(last)
    assert not sessions.holds(first)
