"""Run the house rules: ``python -m tools.lints [RULE ...]``; prints one line per finding, exit 1 on any."""

import importlib
import pkgutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools import lints


def rules() -> list[str]:
    """The names of all rules."""
    return sorted(module.name for module in pkgutil.iter_modules(lints.__path__) if module.name != "__main__")


def findings(project: lints.Project, names: Sequence[str]) -> Iterator[str]:
    """Every finding of the named rules, as text."""
    for name in names:
        module = importlib.import_module(f"tools.lints.{name}")
        for finding in sorted(module.check(project)):
            yield f"{finding} [{name}]"


def main(arguments: Sequence[str]) -> int:
    """Run the named rules, or all; returns the exit status."""
    known = rules()
    unknown = [name for name in arguments if name not in known]
    if unknown:
        sys.stderr.write(f"lints: unknown rule {unknown[0]!r}; one of: {', '.join(known)}\n")
        return 2
    found = list(findings(lints.Project(Path.cwd()), arguments or known))
    sys.stdout.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
