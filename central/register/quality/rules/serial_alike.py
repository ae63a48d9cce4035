"""Serials that differ only in capitals, leading zeros or separators: one meter entered twice."""

import re
from collections import defaultdict
from collections.abc import Iterator

from sqlalchemy import select

from central.register.quality.rule import Asked, Hit, Rule
from central.store.models import Meter


def _find(asked: Asked) -> Iterator[Hit]:
    alike: dict[str, list[str]] = defaultdict(list)
    for serial in asked.session.scalars(
        select(Meter.serial).where(Meter.utility_id == asked.utility_id).order_by(Meter.serial)
    ):
        alike[re.sub(r"[^A-Z0-9]", "", serial.upper()).lstrip("0")].append(serial)
    for serials in alike.values():
        if len(serials) > 1:
            yield Hit(serials[0], f"números de serie casi iguales: {', '.join(serials)}")


RULE = Rule(
    "serial_alike",
    "Número de serie repetido",
    "error",
    "clerk",
    _find,
    about="serial",
    advice="Mire el número grabado en el contador y deje uno.",
)
