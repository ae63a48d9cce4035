"""A supply point far from all others: its coordinates were typed wrong, or latitude and longitude changed places.

The utility may declare its ground in ``settings.quality.coordinates_outside``: ``polygon``, corners as [latitude,
longitude] in degrees, or ``box``, [south, west, north, east]. Without either, what lies farther than ``km`` from the
median of the utility's supply points is told.
"""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from central.register.errors import RegisterError
from central.register.quality.rule import Asked, Hit, Rule
from central.store.models import SupplyPoint
from central.store.parts import in_parts

E7 = 10_000_000
KM_E7 = 89_832  # a kilometre of latitude: 10^7 degrees / 111.32
LEAST = 5  # of fewer points the median says nothing
Places = NDArray[np.int64]


def _find(asked: Asked) -> Iterator[Hit]:
    rows = asked.session.execute(
        select(SupplyPoint.id, SupplyPoint.lat_e7, SupplyPoint.lon_e7).where(
            SupplyPoint.utility_id == asked.utility_id,
            SupplyPoint.lat_e7.is_not(None),
            SupplyPoint.lon_e7.is_not(None),
        )
    )
    ids, lat, lon = np.fromiter((value for row in rows for value in row), np.int64).reshape(-1, 3).T
    if not len(ids):
        return
    corners = _declared(asked)
    outside = ~_inside(corners, lat, lon) if corners is not None else _far(lat, lon, asked.numbers["km"])
    where = "del término declarado" if corners is not None else f"a más de {asked.numbers['km']} km de la mediana"
    query = select(SupplyPoint.code, SupplyPoint.lat_e7, SupplyPoint.lon_e7).where(
        SupplyPoint.utility_id == asked.utility_id
    )
    for part in in_parts(ids[outside].tolist()):
        for code, lat_e7, lon_e7 in asked.session.execute(query.where(SupplyPoint.id.in_(part))):
            yield Hit(code, f"{_degrees(lat_e7)}, {_degrees(lon_e7)}: fuera {where}")


def _far(lat: Places, lon: Places, km: int) -> NDArray[np.bool_]:
    if len(lat) < LEAST:
        return np.zeros(len(lat), np.bool_)
    middle_lat, middle_lon = int(np.median(lat)), int(np.median(lon))
    shrink = np.cos(np.radians(middle_lat / E7))
    north, east = (lat - middle_lat) / KM_E7, (lon - middle_lon) * shrink / KM_E7
    return np.asarray(north * north + east * east > km * km)


def _inside(corners: list[tuple[int, int]], lat: Places, lon: Places) -> NDArray[np.bool_]:
    """Whether points lie in a polygon: an odd number of its edges lies east of them."""
    odd = np.zeros(len(lat), np.bool_)
    for (lat_a, lon_a), (lat_b, lon_b) in zip(corners, [*corners[1:], corners[0]], strict=True):
        spans = (lat < lat_a) != (lat < lat_b)
        if lat_a == lat_b:
            continue
        run = (lon - lon_a) * (lat_b - lat_a) - (lat - lat_a) * (lon_b - lon_a)
        odd ^= spans & ((run < 0) == (lat_b > lat_a))
    return odd


def _declared(asked: Asked) -> list[tuple[int, int]] | None:
    """The corners of the declared ground, or None where there is none."""
    box, polygon = asked.options.get("box"), asked.options.get("polygon")
    if box is not None:
        south, west, north, east = _row(box, 4, "box")
        return [(south, west), (south, east), (north, east), (north, west)]
    if polygon is None:
        return None
    if not isinstance(polygon, list) or len(polygon) < 3:
        raise RegisterError("settings.quality.coordinates_outside.polygon", polygon, "must be three corners or more")
    return [(corner[0], corner[1]) for corner in (_row(one, 2, "polygon") for one in polygon)]


def _row(value: Any, length: int, name: str) -> list[int]:
    if isinstance(value, list) and len(value) == length:
        try:
            return [int(Decimal(str(one)).scaleb(7).to_integral_value()) for one in value]
        except (InvalidOperation, ValueError, OverflowError):
            pass
    raise RegisterError(f"settings.quality.coordinates_outside.{name}", value, f"must be {length} numbers of degrees")


def _degrees(value_e7: int | None) -> str:
    return format(Decimal(value_e7 or 0).scaleb(-7).normalize(), "f").replace(".", ",")


RULE = Rule(
    "coordinates_outside",
    "Coordenadas fuera del municipio",
    "warning",
    "clerk",
    _find,
    about="supply_point",
    advice="Corrija las coordenadas; mire si latitud y longitud están cambiadas.",
    numbers={"km": 30},
    options=("box", "polygon"),
)
