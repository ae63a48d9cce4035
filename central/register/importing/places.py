"""Rows of places: the utility, its supply points, meters, and which hung where."""

from functools import partial
from typing import Any

from sqlalchemy import func, select

from central.register import identifiers as check
from central.register import meters, supply
from central.register.change import succeed
from central.register.errors import RegisterError
from central.register.importing.file import InstallationRow, MeterRow, SupplyPointRow, UtilityRow, moment_ms
from central.register.importing.names import Names
from central.register.importing.state import Planned, State, against, fields, named, refuse_twin
from central.register.utilities import find_utility
from central.store import new_id
from central.store.models import Installation, Meter, Reading, ReadingKind, ReadingStatus, SupplyPoint, Utility
from central.times import millis


def utility(state: State, row: UtilityRow, names: Names) -> Planned:
    """The utility; what is registered of the things the file names is loaded here."""
    known = find_utility(state.session, row.code)
    wanted = Utility(
        code=check.code("utility.code", row.code),
        name=check.name("utility.name", row.name),
        nif=check.nif("utility.nif", row.nif),
        ine_code=check.ine_code("utility.ine_code", row.ine_code),
        address=row.address,
        contact=row.contact,
        settings=row.settings,
        created_at=state.by.at,
    )
    if known is not None:
        state.load(known.id, names)
        return against(row.code, known, wanted, ("name", "nif", "ine_code", "address", "contact", "settings"))
    state.utility_id = wanted.id = (state.session.scalar(select(func.max(Utility.id))) or 0) + 1
    return Planned(row.code, "added", [wanted])


def supply_point(state: State, row: SupplyPointRow) -> Planned:
    """A supply point; a known one may change but for its code."""
    point = supply.checked_supply_point(
        SupplyPoint(utility_id=state.utility_id, id=new_id(), created_at=state.by.at, **fields(row))
    )
    known = state.points.setdefault(point.code, point)
    names = tuple(name for name in row.__struct_fields__ if name != "code")
    planned = Planned(row.code, "added", [point]) if known is point else against(row.code, known, point, names)
    planned.warning = supply.postal_warning(point) or ""
    return planned


def meter(state: State, row: MeterRow) -> Planned:
    """A meter with its key; a known one may change but for its address."""
    key = None if row.key is None else check.meter_key("meter.key", row.key)
    if key is not None and state.ring is None:
        raise RegisterError("meter.key", "…", "needs the key file it will be sealed under")
    if row.address is None and row.radio:
        raise RegisterError("meter.address", None, "a radio meter must have one")
    values = fields(row) | {"address": row.address or check.MECHANICAL + row.serial}
    del values["key"]
    wanted = meters.checked_meter(Meter(utility_id=state.utility_id, id=new_id(), created_at=state.by.at, **values))
    twin = state.serials.setdefault(wanted.serial, wanted)
    if twin.address != wanted.address:
        raise RegisterError("meter.serial", wanted.serial, f"is the serial of meter {twin.address}")
    known = state.meters.setdefault(wanted.address, wanted)
    if known is wanted:
        planned = Planned(wanted.address, "added", [wanted])
    else:
        planned = against(wanted.address, known, wanted, tuple(values))
    if key is not None:
        _plan_key(state, planned, known, key)
    return planned


def _plan_key(state: State, planned: Planned, meter: Meter, key: bytes) -> None:
    ring = state.ring
    if ring is None:
        return
    if planned.fate == "added":
        planned.new.append(meters.sealed_key(meter, key, ring, state.by))
    elif state.keys.get(meter.address) != key:
        planned.fate = "changed"
        planned.said["key"] = ("…", "…")
        planned.changes.append(lambda: _replace_key(state, meter, key))


def _replace_key(state: State, meter: Meter, key: bytes) -> None:
    if state.ring is not None:
        meters.add_meter_key(state.session, meter, key, state.ring, by=state.by)


def installation(state: State, row: InstallationRow) -> Planned:
    """A meter at a supply point; one that is known and open may be closed."""
    hung = state.serials.get(row.meter) or named(state.meters, "installation.meter", row.meter)
    point = named(state.points, "installation.supply_point", row.supply_point)
    start = moment_ms("installation.start", row.start)
    end = None if row.end is None else moment_ms("installation.end", row.end)
    if end is not None and end < start:
        raise RegisterError("installation.end", row.end, f"must not lie before its start {row.start}")
    key = f"{row.meter} at {row.supply_point}"
    known = state.installations.get((hung.id, point.id, start))
    if known is not None:
        return _known_installation(state, key, row, known, hung, end)
    if state.meter_ranges.overlapped(hung.id, start, end):
        raise RegisterError("installation.meter", row.meter, "hangs at another supply point within that time")
    if state.point_ranges.overlapped(point.id, start, end):
        raise RegisterError("installation.supply_point", row.supply_point, "has another meter within that time")
    new = Installation(
        utility_id=state.utility_id,
        id=new_id(),
        meter_id=hung.id,
        supply_point_id=point.id,
        from_ms=start,
        to_ms=end,
        recorded_at=state.by.at,
        recorded_by=state.by.actor,
    )
    first = _reading(state, hung, start, ReadingKind.INSTALLATION, row.installation_litres)
    last = _reading(state, hung, end, ReadingKind.REMOVAL, row.removal_litres)
    state.hang(new)
    return Planned(key, "added", [new, *first, *last])


def _known_installation(
    state: State, key: str, row: InstallationRow, known: Installation, meter: Meter, end: int | None
) -> Planned:
    if known.to_ms == end:
        return Planned(key, "unchanged")
    refuse_twin(key, known)
    if known.to_ms is not None or end is None:
        raise RegisterError("installation.end", row.end, "another end is registered; correct it by hand")
    change = partial(_close, state, known, end)
    removed = _reading(state, meter, end, ReadingKind.REMOVAL, row.removal_litres)
    return Planned(key, "changed", removed, [change], said={"end": ("", row.end or "")})


def _close(state: State, known: Installation, end: int) -> None:
    succeed(state.session, known, state.by, to_ms=end)


def _reading(state: State, meter: Meter, at_ms: int | None, kind: ReadingKind, litres: int | None) -> list[Any]:
    if at_ms is None or litres is None:
        return []
    if not 0 <= litres < meter.modulus_litres:
        rule = f"meter {meter.address} shows 0 to {meter.modulus_litres - 1} litres"
        raise RegisterError(f"installation.{kind.name.lower()}_litres", litres, rule)
    return [
        Reading(
            utility_id=state.utility_id,
            at_ms=at_ms,
            meter_id=meter.id,
            kind=kind,
            litres=litres,
            status=ReadingStatus.VALID,
            reason="",
            recorded_ms=millis(state.by.at),
        )
    ]
