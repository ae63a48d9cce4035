"""From the register and a volume to the case that is rated: the JSON `sgc rate` takes, which is kept with the bill."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from billing.tariff.facts import FACTS
from billing.volume import Installation, Period
from billing.volume.period import local_date
from central.invoicing.settings import RunSettings
from central.invoicing.subjects import Subject
from central.invoicing.volume import Measured
from central.store.models import ContractTerms


def case_of(
    subject: Subject, terms: ContractTerms, measured: Measured, tariffs: Iterable[str], settings: RunSettings
) -> dict[str, Any]:
    """The case of one bill. A parameter of the terms that is a fact of supplies goes to the supply."""
    stated = {name: value for name, value in terms.parameters.items() if name in FACTS}
    supply = {
        "use": terms.use,
        "dwellings": terms.dwellings,
        "premises": terms.premises,
        "persons": terms.persons,
        "groups": sorted(terms.groups),
        "zone": subject.supply.zone,
        **_meter_facts(measured),
        **settings.supply_facts,
        **stated,
    }
    case: dict[str, Any] = {
        "ref": subject.contract.code,
        "tariffs": list(tariffs),
        "supply": {name: value for name, value in supply.items() if value is not None},
        "period": {"from": subject.period.start.isoformat(), "to": subject.period.end.isoformat()},
        "litres": measured.volume.litres,
        "parameters": {name: value for name, value in terms.parameters.items() if name not in FACTS},
        "bonuses": list(terms.bonuses),
    }
    runs = _runs(measured, subject.period)
    if len({run["calibre_mm"] for run in runs}) > 1:
        case["readings"] = runs
    return case


def _meter_facts(measured: Measured) -> dict[str, Any]:
    """Calibre and permanent flow of the meter that hangs there at the end."""
    pieces = measured.volume.pieces
    if not pieces:
        return {}
    meter = measured.installation(pieces[-1].meter)
    # "f": a normalised 10 would be written 1E+1.
    q3 = None if meter.q3_lph is None else format(Decimal(meter.q3_lph).scaleb(-3).normalize(), "f")
    return {"calibre_mm": meter.calibre_mm, "q3_m3h": q3}


def _runs(measured: Measured, period: Period) -> list[dict[str, Any]]:
    """What each meter counted, rollovers unrolled, and when it hung there."""
    found: dict[str, dict[str, Any]] = {}
    for piece in measured.volume.pieces:
        start = piece.opening.litres if piece.opening else 0
        run = found.setdefault(
            piece.meter,
            {
                "meter": piece.meter,
                "calibre_mm": piece.calibre_mm,
                "from_litres": start,
                "to_litres": start,
                **_dates(measured.installation(piece.meter), period),
            },
        )
        run["to_litres"] += piece.litres
    return list(found.values())


def _dates(meter: Installation, period: Period) -> dict[str, str]:
    """The days within the period on which a meter came and went."""
    found = {}
    if meter.start > period.opens:
        found["from"] = local_date(meter.start).isoformat()
    if meter.end is not None and meter.end < period.closes:
        found["to"] = local_date(meter.end).isoformat()
    return found
