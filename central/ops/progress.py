"""How far a run is, on one line of a terminal: contracts done, how many a second, and how long it will still take."""

import sys

from central.invoicing.drive import Progress, ignore

A_MINUTE = 60


def on_terminal(stage: str) -> Progress:
    """Shows a stage's progress on stderr; silent where that is no terminal."""
    if not sys.stderr.isatty():
        return ignore

    def show(done: int, total: int, rate: int) -> None:
        sys.stderr.write(f"\r\033[K{line(stage, done, total, rate)}" + "\n" * (done == total))
        sys.stderr.flush()

    return show


def line(stage: str, done: int, total: int, rate: int) -> str:
    """One line: ``issue: 2,500 of 10,000 (25 %), 1,000/s, 0:08 left``."""
    percent = done * 100 // total if total else 100
    text = f"{stage}: {done:,} of {total:,} ({percent} %)"
    if not rate or done == total:
        return text
    left = -((done - total) // rate)
    return f"{text}, {rate:,}/s, {left // A_MINUTE}:{left % A_MINUTE:02} left"
