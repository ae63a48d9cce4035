"""A month's use against the same month of the year before, or against the months before it.

Oracle MDM's High/Low check, normalised to a day. The defaults are those of the trade: high above twice and 5 m3 over
the reference, low below two fifths of it.
"""

from collections.abc import Iterator

from central.reading.findings import Found
from central.reading.validation.months import Hanging, Month, hanging, used
from central.reading.validation.rule import Parameters, Result, Rule
from central.reading.validation.series import Series
from central.times import midnight_ms


class HighLow(Parameters, frozen=True):
    """``high_percent`` and ``high_litres`` a month must both be exceeded; low is below ``low_percent``.

    A reference below ``least_litres`` a month says nothing about low use. Without last year's month, the mean of up to
    ``months_before`` months is taken.
    """

    high_percent: int = 200
    high_litres: int = 5000
    low_percent: int = 40
    least_litres: int = 3000
    months_before: int = 3


def check(series: Series, parameters: HighLow) -> Iterator[Result]:
    """Every meter whose last whole month stands out."""
    month = Month.before(series.now_ms)
    now = used(series.connection, series.utility_id, month)
    if not now:
        return
    references = _references(series, month, parameters.months_before)
    for meter in hanging(series.connection, series.utility_id):
        litres, reference = now.get(meter.meter_id), references.get(meter.meter_id)
        if litres is None or reference is None or not series.concerns(meter.use):
            continue
        level = _level(litres, reference[0], parameters)
        if level:
            yield _found(meter, month, level, litres, reference)


def _references(series: Series, month: Month, months_before: int) -> dict[int, tuple[int, str]]:
    """Litres of as many days as the month has, and what they are, by meter."""
    sums: dict[int, list[int]] = {}
    for earlier in (month.earlier(number) for number in range(1, months_before + 1)):
        for meter, litres in used(series.connection, series.utility_id, earlier).items():
            sums.setdefault(meter, []).append(litres * month.days // earlier.days)
    found = {meter: (sum(parts) // len(parts), "months_before") for meter, parts in sums.items()}
    year_ago = month.earlier(12)
    for meter, litres in used(series.connection, series.utility_id, year_ago).items():
        found[meter] = (litres * month.days // year_ago.days, "same_month_last_year")
    return found


def _level(litres: int, reference: int, parameters: HighLow) -> str:
    if litres * 100 > reference * parameters.high_percent and litres > reference + parameters.high_litres:
        return "high"
    low = litres * 100 < reference * parameters.low_percent and reference >= parameters.least_litres
    return "low" if low and litres else ""


def _found(meter: Hanging, month: Month, level: str, litres: int, reference: tuple[int, str]) -> Found:
    words = {"same_month_last_year": "in the same month of last year", "months_before": "in the months before"}
    return Found(
        rule=RULE.name,
        severity="medium" if level == "high" else "low",
        subject=meter.address,
        since_ms=midnight_ms(month.start),
        until_ms=midnight_ms(month.end),
        text=f"meter {meter.address}: {litres} l in {month.start:%Y-%m}, {reference[0]} l {words[reference[1]]}",
        meter_id=meter.meter_id,
        supply_point_id=meter.supply_point_id,
        numbers={"level": level, "litres": litres, "reference_litres": reference[0], "basis": reference[1]},
    )


RULE = Rule("high_low", "Consumo alto o bajo", "medium", HighLow(), check, of_meters=False, slow=True)
