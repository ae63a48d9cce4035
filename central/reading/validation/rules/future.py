"""Readings from the future, which ingest rejected: a clock somewhere is wrong."""

from collections.abc import Iterator

from central.reading.validation.rejected import rejected_by_meter
from central.reading.validation.rule import Parameters, Result, Rule
from central.reading.validation.series import Series


class Future(Parameters, frozen=True):
    """The tolerance is ingest's."""


def check(series: Series, _parameters: Future) -> Iterator[Result]:
    """One finding for each meter with rejected readings of this kind."""
    return rejected_by_meter(series, "reading.at: ", RULE.name, RULE.severity, "readings from the future")


RULE = Rule("future", "Lectura del futuro", "medium", Future(), check)
