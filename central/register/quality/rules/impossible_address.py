"""An address a reader cannot find: no street, or a number that is neither a number, a kilometre nor S/N."""

import re
from collections.abc import Iterator

from sqlalchemy import select

from central.register.quality.rule import Asked, Hit, Rule
from central.store.models import SupplyPoint

_WITHOUT_NUMBER = re.compile(r"s[/.]?n\.?", re.IGNORECASE)


def _find(asked: Asked) -> Iterator[Hit]:
    rows = asked.session.execute(
        select(SupplyPoint.code, SupplyPoint.street, SupplyPoint.number).where(
            SupplyPoint.utility_id == asked.utility_id
        )
    )
    for code, street, number in rows:
        written = re.search(r"[1-9]", number) or _WITHOUT_NUMBER.fullmatch(number)
        if not re.search(r"[^\W\d_]{2}", street) or not written:
            yield Hit(code, f"calle «{street}», número «{number}»")


RULE = Rule(
    "impossible_address",
    "Dirección imposible",
    "warning",
    "clerk",
    _find,
    about="supply_point",
    advice="Complete calle y número, o escriba S/N.",
)
