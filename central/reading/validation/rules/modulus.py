"""Indices that the register cannot show, which ingest rejected: the register's modulus may be registered wrongly."""

from collections.abc import Iterator

from central.reading.validation.rejected import rejected_by_meter
from central.reading.validation.rule import Parameters, Result, Rule
from central.reading.validation.series import Series


class Modulus(Parameters, frozen=True):
    """The modulus is the meter's."""


def check(series: Series, _parameters: Modulus) -> Iterator[Result]:
    """One finding for each meter with rejected readings of this kind."""
    return rejected_by_meter(series, "reading.litres: ", RULE.name, RULE.severity, "readings beyond the register")


RULE = Rule("modulus", "Lectura fuera del totalizador", "medium", Modulus(), check)
