"""A bulk meter against the meters behind it: what is missing is lost, or passes a meter that does not count."""

from collections.abc import Iterator

import msgspec

from central.reading.findings import Found
from central.reading.validation.months import Hanging, Month, hanging, used
from central.reading.validation.rule import Parameters, Result, Rule
from central.reading.validation.series import Series
from central.times import midnight_ms


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The supply code of a bulk meter, and the ``parts`` behind it: their supply codes, or all of a ``zone``."""

    bulk: str
    parts: tuple[str, ...] = ()
    zone: str | None = None


class SumCheck(Parameters, frozen=True):
    """In a month, more than ``percent`` of the bulk meter's litres and more than ``litres`` must not be missing.

    Nor may the parts count more than the bulk meter by as much. Where more than ``unknown_percent`` of the parts have
    no month, nothing is said.
    """

    groups: tuple[Group, ...] = ()
    percent: int = 10
    litres: int = 5000
    unknown_percent: int = 5


def check(series: Series, parameters: SumCheck) -> Iterator[Result]:
    """Every group whose sums differ."""
    if not parameters.groups or series.only is not None:
        return
    month = Month.before(series.now_ms)
    litres = used(series.connection, series.utility_id, month)
    meters = list(hanging(series.connection, series.utility_id))
    for group in parameters.groups:
        bulk = [meter for meter in meters if meter.supply_code == group.bulk]
        parts = [meter for meter in meters if _is_part(meter, group)]
        known = [litres[meter.meter_id] for meter in parts if meter.meter_id in litres]
        enough = parts and (len(parts) - len(known)) * 100 <= parameters.unknown_percent * len(parts)
        if len(bulk) != 1 or bulk[0].meter_id not in litres or not enough:
            continue
        total, summed = litres[bulk[0].meter_id], sum(known)
        if abs(total - summed) * 100 > parameters.percent * total and abs(total - summed) > parameters.litres:
            yield _found(bulk[0], month, total, summed, (len(known), len(parts)))


def _is_part(meter: Hanging, group: Group) -> bool:
    if meter.supply_code == group.bulk:
        return False
    return meter.supply_code in group.parts or (group.zone is not None and meter.zone == group.zone)


def _found(bulk: Hanging, month: Month, total: int, summed: int, counted: tuple[int, int]) -> Found:
    return Found(
        rule=RULE.name,
        severity=RULE.severity,
        subject=bulk.supply_code,
        since_ms=midnight_ms(month.start),
        until_ms=midnight_ms(month.end),
        text=(
            f"bulk meter {bulk.address} at {bulk.supply_code}: {total} l in {month.start:%Y-%m}, the {counted[0]} of "
            f"{counted[1]} meters behind it {summed} l, difference {total - summed} l"
        ),
        meter_id=bulk.meter_id,
        supply_point_id=bulk.supply_point_id,
        numbers={"bulk_litres": total, "parts_litres": summed, "parts_known": counted[0], "parts": counted[1]},
    )


RULE = Rule("sum_check", "Contador general y divisionarios", "medium", SumCheck(), check, of_meters=False, slow=True)
