"""A rule asked about a series: each use of water with its own numbers."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from central.reading.validation.rule import Result, Rule, Verdict
from central.reading.validation.series import Series


def ask(rule: Rule[Any], series: Series) -> Iterator[Result]:
    """What the rule says of the series; rows of verdicts are those of the series."""
    own = [meter.use if meter.use in rule.uses else "" for meter in series.meters]
    if not any(own):
        yield from rule.check(series, rule.parameters)
        return
    for use in sorted(set(own)):
        part, rows = series.part([place for place, of_meter in enumerate(own) if of_meter == use])
        for result in rule.check(part, rule.numbers_for(use)):
            yield replace(result, row=int(rows[result.row])) if isinstance(result, Verdict) else result


def ask_utility(rule: Rule[Any], series: Series) -> Iterator[Result]:
    """What a rule that is asked once for a utility says; the series is empty."""
    yield from rule.check(replace(series, but=frozenset(rule.uses)), rule.parameters)
    for use in sorted(rule.uses):
        yield from rule.check(replace(series, only=use), rule.numbers_for(use))
