"""Nothing committed names a path of one machine or the host that packages come from."""

import re
from collections.abc import Iterator

from tools.lints import Finding, Project

MACHINE_PATH = re.compile(r"(?<![\w.$}/-])/(work|root|home|Users)/[A-Za-z]")
# By the shape of their addresses, so that no host has to be named here.
PACKAGE_HOST = re.compile(r"https?://\S*/(?:simple|packages|debian|ubuntu)/|(?<!emit)-index-url")
# These two must name what they look for.
EXEMPT = {"tools/lints/places.py", "tests/tools/test_lints.py", "tools/lock"}
BINARY = (".png", ".jpg", ".pdf", ".ico", ".woff2", ".gz", ".zst", ".sqlite", ".db", ".mo", ".xlsx")


def check(project: Project) -> Iterator[Finding]:
    """Machine paths and package hosts in any text file."""
    for source in project.sources(""):
        if source.path in EXEMPT or source.path.endswith(BINARY):
            continue
        for number, line in enumerate(source.lines, start=1):
            if found := MACHINE_PATH.search(line):
                yield source.finding(number, f"{found[0]}…: a path of one machine")
            elif found := PACKAGE_HOST.search(line):
                yield source.finding(number, f"{found[0]}: where packages come from is each machine's own affair")
