"""Supply points."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from central.register import identifiers as check
from central.register.change import Change, journalled
from central.register.errors import RegisterError
from central.store import new_id
from central.store.models import SupplyPoint

_DEGREES_E7 = 10_000_000


def add_supply_point(
    session: Session,
    utility_id: int,
    code: str,
    *,
    street: str,
    number: str,
    detail: str = "",
    postal_code: str,
    ine_code: str,
    cadastral_ref: str | None = None,
    zone: str | None = None,
    lat_e7: int | None = None,
    lon_e7: int | None = None,
    by: Change,
) -> SupplyPoint:
    """A new supply point; coordinates are WGS 84 degrees times 10^7."""
    if find_supply_point(session, utility_id, code) is not None:
        raise RegisterError("supply_point.code", code, "exists already")
    point = checked_supply_point(
        SupplyPoint(
            utility_id=utility_id,
            id=new_id(),
            code=code,
            street=street,
            number=number,
            detail=detail,
            postal_code=postal_code,
            ine_code=ine_code,
            cadastral_ref=cadastral_ref,
            zone=zone,
            lat_e7=lat_e7,
            lon_e7=lon_e7,
            created_at=by.at,
        )
    )
    session.add(point)
    session.flush()
    journalled(session, utility_id, by, "add", "supply_point", point.id, after={"code": point.code})
    return point


def find_supply_point(session: Session, utility_id: int, code: str) -> SupplyPoint | None:
    """The supply point with this code."""
    return session.scalar(select(SupplyPoint).where(SupplyPoint.utility_id == utility_id, SupplyPoint.code == code))


def checked_supply_point(point: SupplyPoint) -> SupplyPoint:
    """The same point with every value checked and in normal form."""
    point.code = check.code("supply_point.code", point.code)
    point.street = check.name("supply_point.street", point.street)
    point.postal_code = check.postal_code("supply_point.postal_code", point.postal_code)
    point.ine_code = check.ine_code("supply_point.ine_code", point.ine_code)
    point.cadastral_ref = check.optional(check.cadastral_ref, "supply_point.cadastral_ref", point.cadastral_ref)
    for field, value, limit in (("lat_e7", point.lat_e7, 90), ("lon_e7", point.lon_e7, 180)):
        if value is not None and abs(value) > limit * _DEGREES_E7:
            raise RegisterError(f"supply_point.{field}", value, f"must be within ±{limit} degrees times 10^7")
    return point


def postal_warning(point: SupplyPoint) -> str | None:
    """What looks wrong but has exceptions: a postal code of another province than the municipality's."""
    if point.postal_code[:2] == point.ine_code[:2]:
        return None
    return (
        f"supply_point.postal_code: {point.postal_code!r} is of province {point.postal_code[:2]}, "
        f"the municipality {point.ine_code} of {point.ine_code[:2]}"
    )
