"""A collection of tariffs by id, and of the versions that follow one another in a series."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date

from billing.tariff.errors import RatingError
from billing.tariff.model import Component, Rate, TariffVersion
from billing.tariff.parse import parse


class Book:
    """Tariffs whose texts come from ``read(id)`` (None: no such tariff); ``names()`` lists what there is."""

    def __init__(self, read: Callable[[str], str | None], names: Callable[[], Iterable[str]]) -> None:
        self._read = read
        self._names = names
        self._parsed: dict[str, TariffVersion] = {}

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> "Book":
        """A book of texts already at hand, by id."""
        return Book(texts.get, lambda: sorted(texts))

    def ids(self) -> list[str]:
        """Every id in the book."""
        return list(self._names())

    def text(self, tariff: str) -> str | None:
        """The file of an id as it was written; None if there is none."""
        return self._read(tariff)

    def get(self, tariff: str) -> TariffVersion:
        """The tariff of an id, or all versions of a series as one; RatingError if there is none."""
        version = self._version(tariff)
        if version is not None:
            return version
        versions = self._series(tariff)
        if not versions:
            raise RatingError(f"tariffs: {tariff} is not in the book")
        return versions[0] if len(versions) == 1 else merged(tariff, versions)

    def on(self, tariff: str, day: date) -> TariffVersion:
        """The version of a tariff or series in force on a day; RatingError if none is."""
        version = self._version(tariff)
        for candidate in [version] if version else self._series(tariff):
            if (candidate.start is None or candidate.start <= day) and (candidate.end is None or day < candidate.end):
                return candidate
        raise RatingError(f"tariffs: no version of {tariff} is in force on {day}")

    def _version(self, tariff: str) -> TariffVersion | None:
        if tariff not in self._parsed:
            text = self._read(tariff)
            if text is None:
                return None
            version = parse(text, f"{tariff}.yaml")
            if version.id != tariff:
                raise RatingError(f"tariffs: {tariff}.yaml says it is {version.id}")
            self._parsed[tariff] = version
        return self._parsed[tariff]

    def _series(self, series: str) -> list[TariffVersion]:
        named = [name for name in self._names() if _mentions(self._read(name) or "", series)]
        found = [version for name in named if (version := self._version(name)) and version.series == series]
        ordered = sorted(found, key=lambda version: version.start or date.min)
        return [replace(version, end=_end(version, ordered[at + 1 :])) for at, version in enumerate(ordered)]


def _mentions(text: str, series: str) -> bool:
    """Whether a file says it belongs to a series: another town's broken file must not stop this one."""
    return re.search(rf"^series:\s*[\"']?{re.escape(series)}[\"']?\s*(#|$)", text, re.MULTILINE) is not None


def _end(version: TariffVersion, later: list[TariffVersion]) -> date | None:
    """The first day a version no longer rules: its own end, or the start of the next one."""
    days = [version.end, *(other.start for other in later[:1])]
    return min((day for day in days if day), default=None)


def merged(series: str, versions: list[TariffVersion]) -> TariffVersion:
    """The versions of a series as one tariff: each component's rates in order, within their version's dates."""
    last = versions[-1]
    rates: dict[str, list[Rate]] = {}
    parts: dict[str, Component] = {}
    for version in versions:
        if version.assume != last.assume or version.rounding != last.rounding:
            raise RatingError(f"tariffs: {version.id} and {last.id} of {series} assume or round differently")
        for part in version.components:
            if part.code in parts and parts[part.code].when != part.when:
                raise RatingError(
                    f"tariffs: {part.code} of {version.id} has another condition (when) than before in {series}"
                )
            parts[part.code] = part
            rates.setdefault(part.code, []).extend(_within(rate, part, version) for rate in part.rates)
    components = tuple(_joined(parts[code], rates[code]) for code in parts)
    digest = "+".join(version.digest for version in versions)
    parameters = {name: value for version in versions for name, value in version.parameters.items()}
    first = versions[0].start
    return replace(last, id=series, start=first, components=components, parameters=parameters, digest=digest)


def _joined(part: Component, rates: list[Rate]) -> Component:
    """The component over all its versions; it exists from the first of its rates to the last."""
    starts, ends = [rate.start for rate in rates], [rate.end for rate in rates]
    start = None if None in starts else min(day for day in starts if day)
    end = None if None in ends else max(day for day in ends if day)
    return replace(part, rates=tuple(rates), start=start, end=end)


def _within(rate: Rate, part: Component, version: TariffVersion) -> Rate:
    """A rate limited to the dates of its component and version, keeping where it was published."""
    starts = [day for day in (rate.start, part.start, version.start) if day]
    ends = [day for day in (rate.end, part.end, version.end) if day]
    return replace(
        rate,
        start=max(starts, default=None),
        end=min(ends, default=None),
        clause=rate.clause or part.clause,
        source=rate.source or version.source.title,
        version=version.id,
    )
