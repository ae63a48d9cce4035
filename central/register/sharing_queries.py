"""General meters and divided supplies as people look at them: over time, what is to come, places and names."""

from collections.abc import Iterable, Sequence
from datetime import date
from fractions import Fraction
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from central.register.sharing import Division, Group
from central.store.models import (
    BulkMember,
    BulkSupply,
    Contract,
    ContractHolder,
    Customer,
    SupplyPoint,
    SupplyShare,
)
from central.store.parts import in_parts

Spell = TypeVar("Spell", Group, Division)


def groups_of(session: Session, utility_id: int, point: SupplyPoint) -> list[Group]:
    """Every group that a supply's general meter has, had or will have, the first one first."""
    return _groups(session, utility_id, BulkSupply.supply_point_id == point.id)


def divisions_of(session: Session, utility_id: int, point: SupplyPoint) -> list[Division]:
    """Every division of a supply, past and to come, the first one first."""
    return _divisions(session, utility_id, SupplyShare.supply_point_id == point.id)


def coming_groups(session: Session, utility_id: int, after: date) -> list[Group]:
    """The groups that begin after a day, the next one first."""
    return _groups(session, utility_id, BulkSupply.valid_from > after)


def coming_divisions(session: Session, utility_id: int, after: date) -> list[Division]:
    """The divisions that begin after a day, the next one first."""
    return _divisions(session, utility_id, SupplyShare.valid_from > after)


def concerning(session: Session, utility_id: int, point: SupplyPoint, on: date) -> tuple[list[Group], list[Division]]:
    """The group a supply is in on a day, over others or under another, and how it is divided."""
    over = select(BulkMember.bulk_point_id).where(
        BulkMember.supply_point_id == point.id, *_holding(BulkMember, utility_id, on)
    )
    mine = or_(BulkSupply.supply_point_id == point.id, BulkSupply.supply_point_id.in_(over))
    return (
        _groups(session, utility_id, and_(mine, *_holding(BulkSupply, utility_id, on))),
        _divisions(
            session, utility_id, and_(SupplyShare.supply_point_id == point.id, *_holding(SupplyShare, utility_id, on))
        ),
    )


def holding(spells: Sequence[Spell], on: date) -> Spell | None:
    """Which of a supply's groups or divisions holds on a day."""
    return next((one for one in spells if one.since <= on and (one.until is None or one.until > on)), None)


def addresses(session: Session, utility_id: int, codes: Iterable[str]) -> dict[str, str]:
    """Where each supply is, by its code."""
    found = {}
    for part in in_parts(sorted(set(codes))):
        rows = select(SupplyPoint).where(SupplyPoint.utility_id == utility_id, SupplyPoint.code.in_(part))
        for row in session.scalars(rows):
            found[row.code] = f"{row.street}, {row.number}" + (f", {row.detail}" if row.detail else "")
    return found


def holders(session: Session, utility_id: int, codes: Iterable[str], on: date) -> dict[str, str]:
    """Who holds each contract on a day, by the contract's code; those that nobody holds are left out."""
    found: dict[str, str] = {}
    for part in in_parts(sorted(set(codes))):
        rows = (
            select(Contract.code, Customer.name)
            .join(
                ContractHolder,
                and_(ContractHolder.utility_id == Contract.utility_id, ContractHolder.contract_id == Contract.id),
            )
            .join(
                Customer,
                and_(Customer.utility_id == ContractHolder.utility_id, Customer.id == ContractHolder.customer_id),
            )
            .where(
                Contract.utility_id == utility_id,
                Contract.code.in_(part),
                *_holding(ContractHolder, utility_id, on),
            )
        )
        found |= {row.code: row.name for row in session.execute(rows)}
    return found


def _groups(session: Session, utility_id: int, wanted: Any) -> list[Group]:
    rows = _believed(session, BulkSupply, utility_id, wanted)
    if not rows:
        return []
    ids = sorted({row.supply_point_id for row in rows})
    members = [row for part in in_parts(ids) for row in _believed(session, BulkMember, utility_id, _under(part))]
    codes = _codes(session, SupplyPoint, utility_id, {*ids, *(row.supply_point_id for row in members)})
    return [
        Group(
            row.supply_point_id,
            codes[row.supply_point_id],
            row.policy,
            row.by,
            {codes[one.supply_point_id]: one.weight for one in members if _hangs(one, row)},
            row.valid_from,
            row.valid_to,
        )
        for row in rows
    ]


def _under(points: Sequence[int]) -> Any:
    return BulkMember.bulk_point_id.in_(points)


def _hangs(member: BulkMember, supply: BulkSupply) -> bool:
    """Whether a member was stated with a group: both hold from the same day."""
    return (member.bulk_point_id, member.valid_from) == (supply.supply_point_id, supply.valid_from)


def _divisions(session: Session, utility_id: int, wanted: Any) -> list[Division]:
    spells: dict[tuple[date, int], list[SupplyShare]] = {}
    for row in _believed(session, SupplyShare, utility_id, wanted):
        spells.setdefault((row.valid_from, row.supply_point_id), []).append(row)
    points = _codes(session, SupplyPoint, utility_id, {point for _, point in spells})
    contracts = _codes(session, Contract, utility_id, {row.contract_id for rows in spells.values() for row in rows})
    found = []
    for (since, point), rows in spells.items():
        whole = sum(row.weight for row in rows)
        parts = {contracts[row.contract_id]: Fraction(row.weight, whole) for row in rows}
        found.append(Division(point, points[point], rows[0].by, parts, since, rows[0].valid_to))
    return found


def _believed(session: Session, model: Any, utility_id: int, wanted: Any) -> list[Any]:
    """What is believed now, in the order of time."""
    rows = select(model).where(model.utility_id == utility_id, model.retired_at.is_(None), wanted)
    return list(session.scalars(rows.order_by(model.valid_from, model.supply_point_id, model.id)))


def _holding(model: Any, utility_id: int, on: date) -> tuple[ColumnElement[bool], ...]:
    """What a row must be to hold on a day."""
    later = or_(model.valid_to.is_(None), model.valid_to > on)
    return model.utility_id == utility_id, model.retired_at.is_(None), model.valid_from <= on, later


def _codes(session: Session, model: Any, utility_id: int, ids: Iterable[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for part in in_parts(sorted(ids)):
        rows = select(model.id, model.code).where(model.utility_id == utility_id, model.id.in_(part))
        found |= {row.id: row.code for row in session.execute(rows)}
    return found
