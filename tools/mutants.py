"""Changes ``billing`` in thousands of small ways and counts the changes that no test notices.

    .venv/bin/python -m tools.mutants [--workers 2] [PATTERN ...]

mutmut makes the mutants and asks the tests of ``tests/billing``; what it needs to know is in ``pyproject.toml``. A
pattern is a mutant's name with wildcards (``billing.tariff.*``). Results are kept in ``mutants/``, so that a run goes
on where the last one ended; afterwards every module's share is shown, and the names of the mutants that lived.
Ends with 1 where more than one in ten of all that were judged lived or is in code that no test runs.
"""

import argparse
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "mutants"
LIVED, UNTESTED = 0, 33  # mutmut's exit codes; any other is a mutant that was noticed
LEAST_PERCENT = 90


@dataclass(frozen=True)
class Tally:
    """Mutants of one module that were noticed, that lived, that no test runs, and those not judged yet."""

    noticed: int
    lived: int
    untested: int
    waiting: int

    @property
    def judged(self) -> int:
        """Mutants with a verdict."""
        return self.noticed + self.lived + self.untested

    @property
    def percent(self) -> int:
        """Noticed ones in a hundred judged, rounded down; 100 where there are none."""
        return 100 * self.noticed // self.judged if self.judged else 100

    @classmethod
    def of(cls, verdicts: Mapping[str, int | None]) -> "Tally":
        """The tally of one module's verdicts by mutant."""
        counts = Counter(verdicts.values())
        lived, untested, waiting = counts[LIVED], counts[UNTESTED], counts[None]
        return cls(counts.total() - lived - untested - waiting, lived, untested, waiting)

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.noticed + other.noticed,
            self.lived + other.lived,
            self.untested + other.untested,
            self.waiting + other.waiting,
        )


def verdicts(results: Path) -> Iterator[tuple[str, dict[str, int | None]]]:
    """Each module with the exit code of each of its mutants."""
    for path in sorted(results.rglob("*.py.meta")):
        found = json.loads(path.read_text())["exit_code_by_key"]
        if found:
            yield str(path.relative_to(results)).removesuffix(".py.meta"), found


def main() -> int:
    """Run the mutants and say how many were noticed; 1 where they are too few."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only-tell", action="store_true", help="what earlier runs found")
    parser.add_argument("patterns", nargs="*", metavar="PATTERN")
    asked = parser.parse_args()
    if not asked.only_tell:
        command = [str(Path(sys.executable).with_name("mutmut")), "run", "--max-children", str(asked.workers)]
        subprocess.run([*command, *asked.patterns], cwd=ROOT, check=True)
    return tell(RESULTS)


def tell(results: Path) -> int:
    """Write each module's tally and the mutants that lived; 1 where too few were noticed."""
    total = Tally(0, 0, 0, 0)
    lived: list[str] = []
    for module, found in verdicts(results):
        tally = Tally.of(found)
        total += tally
        lived += [name for name, code in found.items() if code == LIVED]
        sys.stdout.write(f"{module:36} {_words(tally)}\n")
    sys.stdout.write("".join(f"  lived: {name}\n" for name in lived))
    sys.stdout.write(f"{'all':36} {_words(total)}\n")
    return int(total.percent < LEAST_PERCENT)


def _words(tally: Tally) -> str:
    return (
        f"{tally.percent:3} % of {tally.judged:5} noticed, {tally.lived:4} lived, "
        f"{tally.untested:4} untested, {tally.waiting:5} to do"
    )


if __name__ == "__main__":
    sys.exit(main())
