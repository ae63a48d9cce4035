"""Instants are aware UTC, legal dates are Europe/Madrid's; floor 0 has no clock at all.

Ruff's DTZ rules find the plain cases in ``.py`` files; this one also reads ``.pyx`` files, the time module's
local clock, and keeps every clock out of the pure rooms.
"""

import re
from collections.abc import Iterator

from tools.lints import ROOMS, Finding, Project

# What gives the machine's zone, or none: never right here.
NAIVE = re.compile(
    r"\bdatetime\.(now\(\s*(None)?\s*\)|utcnow\b|utcfromtimestamp\b|today\(|fromtimestamp\(\s*[^,()]*\s*\))"
    r"|\bdate\.(today|fromtimestamp)\("
    r"|\btime\.(localtime|mktime|ctime)\("
)
CLOCK = re.compile(r"\bdatetime\.now\(|\btime\.(time|time_ns|monotonic|monotonic_ns|perf_counter)\(|\btime\.sleep\(")
PURE = ("protocols", "billing")
# Command lines of a pure room measure themselves and read standard input; the rules beside them do not.
MAY_READ_CLOCK = re.compile(r"/(cli|bench\w*)\.py$")


def check(project: Project) -> Iterator[Finding]:
    """Naive instants anywhere in the rooms, and clocks on floor 0."""
    for source in project.sources(".py", ".pyx", rooms=ROOMS):
        for number, line in enumerate(source.lines, start=1):
            code = line.split("#", 1)[0]
            if naive := NAIVE.search(code):
                yield source.finding(number, f"{naive[0]!r}: an instant is aware UTC, a legal date Europe/Madrid's")
            elif source.room in PURE and not MAY_READ_CLOCK.search(source.path) and (clock := CLOCK.search(code)):
                yield source.finding(number, f"{clock[0]!r}: {source.room} has no clock; take the instant as input")
