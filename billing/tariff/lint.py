"""Warnings about a tariff that can be read but looks wrong: what a person checks beside the ordinance.

Kinds: ``gap`` and ``overlap`` in time, ``unreachable`` prices or blocks, ``falling`` prices, ``units`` that disagree,
``misprint`` (a price that looks like cents), ``incomplete`` (the source lacks it), ``unused`` declarations and
``undocumented`` components.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations, pairwise

from billing.tariff.match import Condition
from billing.tariff.model import Component, Rate, TariffVersion


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing to look at: where, what kind, and in words."""

    file: str
    line: int
    field: str
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.field}: {self.kind}: {self.text}"


def lint(version: TariffVersion) -> list[Finding]:
    """Every warning of a tariff, in file order."""
    found = [
        Finding(version.file, line, part.code, kind, text)
        for part in version.components
        for line, kind, text in _component(part)
    ]
    found += [Finding(version.file, 1, field, kind, text) for field, kind, text in _file(version)]
    return sorted(set(found))


def lint_series(versions: Sequence[TariffVersion]) -> list[Finding]:
    """Gaps and overlaps between the versions of a series."""
    ordered = sorted(versions, key=lambda version: version.start or date.min)
    return [
        Finding(later.file, 1, "valid", kind, f"{text} ({earlier.id} to {later.id})")
        for earlier, later in pairwise(ordered)
        for kind, text in _between(earlier.end, later.start)
    ]


Note = tuple[int, str, str]


def _component(part: Component) -> Iterator[Note]:
    if not part.clause:
        yield part.line, "undocumented", "the clause of the ordinance is not named"
    yield from _times(part)
    yield from _unreachable(part)
    yield from _own_units(part)
    for rate in part.rates:
        if rate.charge is not None:
            yield from ((rate.line, kind, text) for kind, text in rate.charge.warnings())


def _times(part: Component) -> Iterator[Note]:
    """Gaps and overlaps between prices that apply to the same supplies."""
    groups: dict[Condition, list[Rate]] = {}
    for rate in part.rates:
        if not rate.exempt and rate.season is None:
            groups.setdefault(rate.when, []).append(rate)
    for rates in groups.values():
        ordered = sorted(rates, key=lambda rate: rate.start or date.min)
        for earlier, later in pairwise(ordered):
            yield from ((later.line, kind, text) for kind, text in _between(earlier.end, later.start))


def _between(end: date | None, start: date | None) -> Iterator[tuple[str, str]]:
    if end is None or start is None or end > start:
        yield "overlap", f"two prices are in force on {start or 'the same days'}; only the first in the file counts"
    elif end < start:
        yield "gap", f"no price is in force from {end} to {start}"


def _unreachable(part: Component) -> Iterator[Note]:
    """A price that an earlier one always wins against."""
    for earlier, later in combinations(part.rates, 2):
        same = earlier.when == later.when and not (earlier.exempt or later.exempt)
        if _wins(earlier, later) and not same:
            yield later.line, "unreachable", f"the price at line {earlier.line} always comes first"


def _wins(earlier: Rate, later: Rate) -> bool:
    narrower = set(earlier.when.parts) <= set(later.when.parts)
    starts = earlier.start is None or (later.start is not None and earlier.start <= later.start)
    ends = earlier.end is None or (later.end is not None and later.end <= earlier.end)
    return narrower and starts and ends and earlier.season in (None, later.season)


def _own_units(part: Component) -> Iterator[Note]:
    pers = {rate.charge.per: rate.line for rate in part.rates if rate.charge is not None and rate.charge.per}
    if len(pers) > 1:
        yield max(pers.values()), "units", f"its prices are per {' and per '.join(sorted(pers))}"


def _file(version: TariffVersion) -> Iterator[tuple[str, str, str]]:
    if not version.source.url:
        yield "source", "undocumented", "has no url"
    yield from _units(version.components)
    used = set().union(*(part.when.facts | _facts(part.rates) for part in version.components))
    for name in sorted(set(version.assume) - used):
        yield f"assume.{name}", "unused", "no component asks for it"
    named = set().union(*(_parameters(part) for part in version.components))
    for name in sorted(set(version.parameters) - named):
        yield f"parameters.{name}", "unused", "no component uses it"


def _units(components: Iterable[Component]) -> Iterator[tuple[str, str, str]]:
    """Parts of one service (AGUA_SERV, AGUA_CONS) priced over different times: usually a misread period."""
    services: dict[str, dict[str, str]] = {}
    for part in components:
        pers = [rate.charge.per for rate in part.rates if rate.charge is not None and rate.charge.per]
        for per in pers:
            if per != "once":
                services.setdefault(part.code.split("_")[0], {}).setdefault(per, part.code)
    for pers_by_code in services.values():
        if len(pers_by_code) > 1:
            told = ", ".join(f"{code} per {per}" for per, code in pers_by_code.items())
            yield next(iter(pers_by_code.values())), "units", f"one service over different times: {told}"


def _facts(rates: Iterable[Rate]) -> frozenset[str]:
    return frozenset().union(*(rate.facts for rate in rates))


def _parameters(part: Component) -> frozenset[str]:
    charges = [rate.charge.parameters for rate in part.rates if rate.charge is not None]
    vats = [rate.vat for rate in part.rates if rate.vat]
    return frozenset([part.vat, *vats]).union(*charges)
