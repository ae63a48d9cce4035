"""From the register and a volume to the case that is rated: the JSON `sgc rate` takes, which is kept with the bill."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
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
    """The case of one bill: from its first day with the terms that hold then, and what changes on later days.

    A parameter of the terms that is a fact of supplies goes to the supply.
    """
    shared = {"zone": subject.supply.zone, **_meter_facts(measured), **settings.supply_facts}
    stages = subject.stages or (terms,)
    first = _stage(stages[0], shared)
    case: dict[str, Any] = {
        "ref": subject.contract.code,
        "tariffs": list(tariffs),
        "supply": {name: value for name, value in first["supply"].items() if value is not None},
        "period": {"from": subject.period.start.isoformat(), "to": subject.period.end.isoformat()},
        "litres": measured.split.litres if measured.split and measured.split.by_amount else measured.volume.litres,
        "parameters": first["parameters"],
        "bonuses": first["bonuses"],
    }
    if subject.once:
        case["once"] = list(subject.once)
    changes = list(_changes(stages, shared))
    if changes:
        case["changes"] = changes
    if measured.split and measured.split.by_amount:
        case["share"] = {"number": measured.split.number, "weights": list(measured.split.weights)}
    if measured.derived:
        case["derived"] = list(measured.derived)
        return case
    runs = _runs(measured, subject.period)
    if len({run["calibre_mm"] for run in runs}) > 1:
        case["readings"] = runs
    return case


def _stage(terms: ContractTerms, shared: Mapping[str, Any]) -> dict[str, Any]:
    """What holds of a supply by one set of terms, as a case states it."""
    supply = {
        "use": terms.use,
        "dwellings": terms.dwellings,
        "premises": terms.premises,
        "persons": terms.persons,
        "groups": sorted(terms.groups),
        **shared,
        **{name: value for name, value in terms.parameters.items() if name in FACTS},
    }
    parameters = {name: value for name, value in terms.parameters.items() if name not in FACTS}
    return {"supply": supply, "parameters": parameters, "bonuses": list(terms.bonuses)}


def _changes(stages: Sequence[ContractTerms], shared: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What each later set of terms changes, on its first day; terms that change nothing that counts are left out."""
    for before, after in pairwise(stages):
        was, now = _stage(before, shared), _stage(after, shared)
        names = [*now["supply"], *(name for name in was["supply"] if name not in now["supply"])]
        supply = {name: now["supply"].get(name) for name in names}
        changed: dict[str, Any] = {
            "supply": {name: value for name, value in supply.items() if value != was["supply"].get(name)}
        }
        changed |= {name: now[name] for name in ("parameters", "bonuses") if now[name] != was[name]}
        if changed["supply"] or len(changed) > 1:
            yield {"from": after.valid_from.isoformat(), **changed}


def _meter_facts(measured: Measured) -> dict[str, Any]:
    """Calibre and permanent flow of the meter that hangs there at the end, though nothing was counted."""
    own = [piece.meter for piece in measured.volume.pieces if piece.meter]
    if not own and not measured.installations:
        return {}
    meter = measured.installation(own[-1]) if own else measured.installations[-1]
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
