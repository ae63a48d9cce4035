"""What was done at a supply point, as the register's own services say it: meters moved, readings at both ends, keys."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from central.fleet import kinds
from central.reading.judge import first_verdict
from central.reading.rows import VALID
from central.reading.work_reports import key_name
from central.register import Change, KeyRing, RegisterError, add_meter, exchange_meter, install_meter, remove_meter
from central.register.indices import record_reading
from central.register.installations import installation_at
from central.register.keys import KeyFileError, Sealed
from central.register.meters import add_meter_key, find_meter, find_meter_by_serial
from central.store.models import Meter, OrderReport, Reading, ReadingKind, SupplyPoint, WorkOrder
from central.times import instant_of


def apply_deed(session: Session, order: WorkOrder, report: OrderReport, ring: KeyRing | None, by: Change) -> None:
    """Change the register as a report says; raises :class:`RegisterError` or ValueError where it contradicts it."""
    point = session.get_one(SupplyPoint, (order.utility_id, order.supply_point_id))
    at = instant_of(report.at_ms)
    if order.kind in (kinds.REPLACE, kinds.REMOVE):
        old = _expected_meter(session, order, point, report)
        if order.kind == kinds.REMOVE:
            remove_meter(session, point, at, report.litres, by=by)
        else:
            new = _new_meter(session, report, old, ring, by)
            exchange_meter(
                session,
                point,
                new,
                at,
                removal_litres=report.litres,
                installation_litres=_first_index(report),
                by=by,
            )
            _judge(session, report, new, ReadingKind.INSTALLATION)
        _judge(session, report, old, ReadingKind.REMOVAL)
    elif order.kind == kinds.INSTALL:
        new = _new_meter(session, report, None, ring, by)
        install_meter(session, point, new, at, _first_index(report), by=by)
        _judge(session, report, new, ReadingKind.INSTALLATION)
    elif report.litres is not None:
        meter = _expected_meter(session, order, point, report)
        kind = kinds.reading_kind(order.details)
        record_reading(session, meter, report.at_ms, kind, report.litres, by.at)
        _judge(session, report, meter, kind)


def _expected_meter(session: Session, order: WorkOrder, point: SupplyPoint, report: OrderReport) -> Meter:
    """The meter that hung there when the work was done, which must be the one that was in the reader's hands."""
    hanging = installation_at(session, point, report.at_ms)
    at = instant_of(report.at_ms).isoformat(timespec="seconds")
    if hanging is None:
        raise RegisterError("report.supply", point.code, f"no meter hung there at {at}")
    meter = session.get_one(Meter, (order.utility_id, hanging.meter_id))
    if report.meter and report.meter != meter.address:
        raise RegisterError("report.meter", report.meter, f"meter {meter.address} hung there at {at}")
    return meter


def _new_meter(session: Session, report: OrderReport, like: Meter | None, ring: KeyRing | None, by: Change) -> Meter:
    """The meter that was hung: from the stock, or new and of the old one's make; with its key where that was read."""
    meter = find_meter(session, report.utility_id, report.new_address) if report.new_address else None
    meter = meter or find_meter_by_serial(session, report.utility_id, report.new_serial)
    if meter is None:
        if like is None:
            rule = "is not in the stock: add the meter, then apply the report"
            raise RegisterError("report.new_serial", report.new_serial, rule)
        meter = add_meter(
            session,
            report.utility_id,
            address=report.new_address or None,
            serial=report.new_serial,
            calibre_mm=like.calibre_mm,
            q3_litres_hour=like.q3_litres_hour,
            modulus_litres=like.modulus_litres,
            radio=bool(report.new_address),
            by=by,
        )
    if report.sealed is not None and report.kek is not None and report.nonce is not None:
        key = _opened(report, Sealed(report.kek, report.nonce, report.sealed), ring)
        add_meter_key(session, meter, key, _ring(ring), by=by)
    return meter


def _first_index(report: OrderReport) -> int:
    if report.new_litres is None:
        raise RegisterError("report.new_litres", None, "a meter is hung with its first index")
    return report.new_litres


def _opened(report: OrderReport, sealed: Sealed, ring: KeyRing | None) -> bytes:
    try:
        return _ring(ring).open(key_name(report.id), sealed)
    except KeyFileError as error:
        raise RegisterError("report.new_key", "…", str(error)) from error


def _ring(ring: KeyRing | None) -> KeyRing:
    if ring is None:
        raise RegisterError("report.new_key", "…", "this process has no key file to keep it with")
    return ring


def _judge(session: Session, report: OrderReport, meter: Meter, kind: ReadingKind) -> None:
    """The first verdict, as on every reading that arrives; the validation's rules look at it afterwards."""
    litres = report.new_litres if kind == ReadingKind.INSTALLATION else report.litres
    if litres is None:
        return
    status, reason = first_verdict(litres, report.at_ms, report.received_ms, meter.modulus_litres, report.doubt)
    if status != VALID:
        session.execute(
            update(Reading)
            .where(
                Reading.utility_id == report.utility_id,
                Reading.meter_id == meter.id,
                Reading.at_ms == report.at_ms,
                Reading.kind == kind,
            )
            .values(status=status, reason=reason)
        )
