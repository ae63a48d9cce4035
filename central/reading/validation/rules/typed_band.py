"""A typed index outside the band expected from the readings before it, and not confirmed by the reader."""

from collections.abc import Iterator

from sqlalchemy import select

from central.reading.expected import HISTORY_DAYS, expected_band
from central.reading.findings import Found
from central.reading.validation.rule import Parameters, Result, Rule, Verdict
from central.reading.validation.series import Series
from central.store.models import Reading, ReadingKind, ReadingStatus, Visit
from central.times import DAY_MS


class TypedBand(Parameters, frozen=True):
    """As in :func:`central.reading.expected.expected_band`."""

    factor: int = 3
    margin_litres: int = 2000


def check(series: Series, parameters: TypedBand) -> Iterator[Result]:
    """Every typed reading above what was to be expected; one below is the rule backwards'."""
    chain = series.chain
    typed = chain.rows((int(ReadingKind.TYPED),), series.kind)
    confirmed = _confirmed(series, [int(series.visit_id[row]) for row in typed])
    for row in typed.tolist():
        meter = series.meters[int(series.meter_of_row[row])]
        at_ms = int(series.at_ms[row])
        history = _history(series, meter.id, at_ms)
        band = expected_band(*history, at_ms, parameters.factor, parameters.margin_litres)
        value = int(chain.value[row])
        if band is None or value <= band.high_litres:
            continue
        text = (
            f"{value} l, at most {band.high_litres} l expected ({band.litres_a_day} l a day since {band.last_litres} l)"
        )
        is_confirmed = int(series.visit_id[row]) in confirmed
        if not is_confirmed:
            yield Verdict(row, ReadingStatus.SUSPECT, f"typed_band: {text}")
        yield Found(
            rule=RULE.name,
            severity="low" if is_confirmed else RULE.severity,
            subject=meter.address,
            since_ms=at_ms,
            until_ms=at_ms,
            text=f"meter {meter.address}: typed {text}{', confirmed by the reader' if is_confirmed else ''}",
            meter_id=meter.id,
            supply_point_id=meter.supply_point_at(at_ms),
            numbers={"litres": value, "high_litres": band.high_litres, "litres_a_day": band.litres_a_day},
        )


def _history(series: Series, meter_id: int, before_ms: int) -> tuple[list[int], list[int]]:
    """Instants and indices of the valid readings of the year before."""
    query = (
        select(Reading.at_ms, Reading.litres)
        .where(
            Reading.utility_id == series.utility_id,
            Reading.meter_id == meter_id,
            Reading.at_ms >= before_ms - HISTORY_DAYS * DAY_MS,
            Reading.at_ms < before_ms,
            Reading.status == ReadingStatus.VALID,
            Reading.kind != ReadingKind.ESTIMATED,
        )
        .order_by(Reading.at_ms, Reading.litres)
    )
    rows = series.connection.execute(query).all()
    return [row[0] for row in rows], [row[1] for row in rows]


def _confirmed(series: Series, visit_ids: list[int]) -> set[int]:
    if not visit_ids:
        return set()
    query = select(Visit.id).where(
        Visit.utility_id == series.utility_id, Visit.id.in_(visit_ids), Visit.confirmed.is_(True)
    )
    return set(series.connection.scalars(query))


RULE = Rule("typed_band", "Lectura fuera de lo esperado", "medium", TypedBand(), check)
