"""The floor plan for ``.pyx``, ``.pxd`` and ``.pyi`` files, whose imports import-linter does not see."""

import re
from collections.abc import Iterator

from tools.lints import ROOMS, Finding, Project

# What each room's compiled code may take from other rooms; docs/architecture.md says why.
MAY_IMPORT = {
    "protocols": {"protocols"},
    "billing": {"billing"},
    "firmware_sim": {"firmware_sim", "protocols"},
    "edge": {"edge", "protocols"},
    "central": {"central", "billing", "protocols"},
    "portal": {"portal", "central", "billing", "protocols"},
    "demo": set(ROOMS),
}
IMPORT = re.compile(r"^\s*(?:from|import|cimport)\s+(?P<room>\w+)")


def check(project: Project) -> Iterator[Finding]:
    """Imports and cimports of a room that the floor plan does not allow."""
    for source in project.sources(".pyx", ".pxd", ".pyi", rooms=ROOMS):
        for number, line in enumerate(source.lines, start=1):
            imported = IMPORT.match(line)
            if imported and imported["room"] in ROOMS and imported["room"] not in MAY_IMPORT[source.room]:
                yield source.finding(number, f"{source.room} may not import {imported['room']}")
