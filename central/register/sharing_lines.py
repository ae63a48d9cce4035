"""Groups and divisions as people write them, a line each: ``PS-2``, ``PS-3 = 2``; ``K-1 = 1/3``, ``K-2 = 33,5 %``."""

from collections.abc import Iterator, Mapping
from fractions import Fraction

from sqlalchemy.orm import Session

from central.register.contracts import find_contract
from central.register.errors import RegisterError
from central.register.sharing import part
from central.register.supply import find_supply_point
from central.store.models import Contract, SupplyPoint
from central.typed import TypedError, whole


def members(session: Session, utility_id: int, text: str) -> dict[SupplyPoint, int]:
    """The supplies under a general meter with their weights, 1 where none is written."""
    found: dict[SupplyPoint, int] = {}
    for code, weight in _lines(text):
        point = find_supply_point(session, utility_id, code)
        if point is None:
            raise RegisterError("bulk_member.supply_point", code, "is not registered")
        if point in found:
            raise RegisterError("bulk_member.supply_point", code, "is written twice")
        try:
            found[point] = whole("bulk_member.weight", weight or "1")
        except TypedError as error:
            raise RegisterError("bulk_member.weight", f"{code} = {weight}", error.rule) from None
    return found


def parts(session: Session, utility_id: int, text: str) -> dict[Contract, Fraction]:
    """The contracts that divide a supply with their parts, all of it where none is written."""
    found: dict[Contract, Fraction] = {}
    for code, written in _lines(text):
        contract = find_contract(session, utility_id, code)
        if contract is None:
            raise RegisterError("supply_share.contract", code, "is not registered")
        if contract in found:
            raise RegisterError("supply_share.contract", code, "is written twice")
        try:
            found[contract] = part("supply_share.part", written or "1")
        except RegisterError as error:
            raise RegisterError("supply_share.part", f"{code} = {written}", error.rule) from None
    return found


def supply(session: Session, utility_id: int, code: str) -> SupplyPoint:
    """The supply point with this code; RegisterError where there is none."""
    found = find_supply_point(session, utility_id, code.strip())
    if found is None:
        raise RegisterError("supply_point.code", code, "is not registered")
    return found


def written(values: Mapping[str, int] | Mapping[str, Fraction]) -> str:
    """A group's or a division's lines, as they are read again."""
    return "\n".join(f"{code} = {value}" for code, value in values.items())


def _lines(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        code, _, value = line.partition("=")
        if line.strip():
            yield code.strip(), value.strip()
