"""What a terminal says of a run under way."""

import io
import sys

import pytest

from central.invoicing.drive import ignore
from central.ops.progress import line, on_terminal


@pytest.mark.parametrize(
    ("done", "total", "rate", "said"),
    [
        (0, 10_000, 0, "issue: 0 of 10,000 (0 %)"),
        (2_500, 10_000, 1_000, "issue: 2,500 of 10,000 (25 %), 1,000/s, 0:08 left"),
        (1, 1_000_000, 100, "issue: 1 of 1,000,000 (0 %), 100/s, 166:40 left"),
        (10_000, 10_000, 1_000, "issue: 10,000 of 10,000 (100 %)"),
        (0, 0, 0, "issue: 0 of 0 (100 %)"),
    ],
)
def test_a_line_tells_rate_and_time_left(done: int, total: int, rate: int, said: str) -> None:
    assert line("issue", done, total, rate) == said


def test_only_a_terminal_is_written_to(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert on_terminal("issue") is ignore
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    show = on_terminal("issue")
    show(1, 2, 1)
    show(2, 2, 1)
    assert screen.getvalue() == "\r\033[Kissue: 1 of 2 (50 %), 1/s, 0:01 left\r\033[Kissue: 2 of 2 (100 %)\n"
