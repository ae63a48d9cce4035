"""Supplies that are billed together or shared out: which hang under a general meter, and who pays which part of one."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import lcm
from typing import Any

from sqlalchemy import ColumnElement, or_, select, true
from sqlalchemy.orm import Session

from central.register import identifiers as check
from central.register.change import Change, journalled, retire, succeed
from central.register.errors import RegisterError
from central.store import new_id
from central.store.models import BulkMember, BulkSupply, Contract, Installation, SupplyPoint, SupplyShare
from central.store.parts import in_parts

POLICIES = ("difference", "shared", "watch_only")
WAYS = ("equal", "weight", "litres")
SHARED_BY = ("litres", "amount")
_PART = re.compile(r"([0-9]{1,9}(?:/[0-9]{1,9}|\.[0-9]{1,9})?)( ?%)?")
FINEST = 2**31 - 1


@dataclass(frozen=True)
class Group:
    """A general meter's supply: its policy and the supplies under it, by code with their weights."""

    point_id: int
    point: str
    policy: str
    by: str
    members: Mapping[str, int]
    since: date
    until: date | None


@dataclass(frozen=True)
class Division:
    """A supply that contracts divide: the part of each, by code."""

    point_id: int
    point: str
    by: str
    parts: Mapping[str, Fraction]
    since: date
    until: date | None


def set_bulk(
    session: Session,
    point: SupplyPoint,
    members: Mapping[SupplyPoint, int],
    on: date,
    *,
    policy: str,
    shared: str = "equal",
    by: Change,
) -> None:
    """From ``on`` these supplies hang under the general meter of ``point``, in the place of those that did."""
    check.one_of("bulk_supply.policy", policy, POLICIES)
    check.one_of("bulk_supply.by", shared, WAYS)
    if not members:
        raise RegisterError("bulk_member.supply_point", point.code, "needs at least one supply under it")
    _refuse_nesting(session, point, members, on)
    before = _end_bulk(session, point, on, by)
    row = BulkSupply(**_statement(point, on, by), supply_point_id=point.id, policy=policy, by=shared)
    session.add(row)
    for member, weight in members.items():
        check.at_least("bulk_member.weight", weight, 1)
        statement = _statement(point, on, by)
        session.add(BulkMember(**statement, bulk_point_id=point.id, supply_point_id=member.id, weight=weight))
    session.flush()
    told = {member.code: weight for member, weight in members.items()}
    after = {"policy": policy, "by": shared, "members": told, "on": on.isoformat()}
    journalled(session, point.utility_id, by, "set_bulk", "supply_point", point.id, before=before, after=after)


def end_bulk(session: Session, point: SupplyPoint, on: date, *, by: Change) -> None:
    """From ``on`` nothing hangs under the supply any more."""
    before = _end_bulk(session, point, on, by)
    if before is None:
        raise RegisterError("bulk_supply.supply_point", point.code, f"has no supplies under it on {on}")
    after = {"on": on.isoformat()}
    journalled(session, point.utility_id, by, "end_bulk", "supply_point", point.id, before=before, after=after)


def set_shares(
    session: Session, point: SupplyPoint, parts: Mapping[Contract, Fraction], on: date, *, shared: str, by: Change
) -> None:
    """From ``on`` these contracts pay for a supply, each its part; the parts are the whole, exactly."""
    check.one_of("supply_share.by", shared, SHARED_BY)
    weights = _weights(point, parts)
    own = session.scalar(
        select(Contract).where(
            Contract.utility_id == point.utility_id,
            Contract.supply_point_id == point.id,
            Contract.valid_from <= on,
            or_(Contract.valid_to.is_(None), Contract.valid_to > on),
        )
    )
    if own is not None and own not in parts:
        raise RegisterError("supply_share.contract", own.code, f"is the contract of {point.code}: give it a part too")
    if shared == "amount":
        _refuse_mixing(session, point, own, parts, on)
    before = _end_shares(session, point, on, by)
    for contract, weight in weights.items():
        statement = _statement(point, on, by)
        row = SupplyShare(**statement, supply_point_id=point.id, contract_id=contract.id, weight=weight, by=shared)
        session.add(row)
    session.flush()
    told = {contract.code: str(part) for contract, part in parts.items()}
    after = {"by": shared, "parts": told, "on": on.isoformat()}
    journalled(session, point.utility_id, by, "set_shares", "supply_point", point.id, before=before, after=after)


def end_shares(session: Session, point: SupplyPoint, on: date, *, by: Change) -> None:
    """From ``on`` the supply is its own contract's alone again."""
    before = _end_shares(session, point, on, by)
    if before is None:
        raise RegisterError("supply_share.supply_point", point.code, f"is not divided on {on}")
    after = {"on": on.isoformat()}
    journalled(session, point.utility_id, by, "end_shares", "supply_point", point.id, before=before, after=after)


def groups(session: Session, utility_id: int, on: date, *, after: int = 0, limit: int | None = None) -> list[Group]:
    """The general meters of a day, by the id of their supply; ``limit`` of them after the supply ``after``."""
    supply = BulkSupply.supply_point_id
    rows = _current(session, BulkSupply, utility_id, on, supply > after, limit=limit)
    under = BulkMember.bulk_point_id
    hung = [
        member
        for some in in_parts(row.supply_point_id for row in rows)
        for member in _current(session, BulkMember, utility_id, on, under.in_(some))
    ]
    codes = _codes(session, utility_id, SupplyPoint, [row.supply_point_id for row in (*rows, *hung)])
    members: dict[int, dict[str, int]] = {}
    for row in hung:
        members.setdefault(row.bulk_point_id, {})[codes[row.supply_point_id]] = row.weight
    return [
        Group(
            row.supply_point_id,
            codes[row.supply_point_id],
            row.policy,
            row.by,
            members.get(row.supply_point_id, {}),
            row.valid_from,
            row.valid_to,
        )
        for row in rows
    ]


def divisions(
    session: Session, utility_id: int, on: date, *, after: int = 0, limit: int | None = None
) -> list[Division]:
    """The supplies that contracts divide on a day, by their id; ``limit`` of them after the supply ``after``."""
    supply = SupplyShare.supply_point_id
    holding = _holding(SupplyShare, utility_id, on)
    ids = session.scalars(select(supply).where(*holding, supply > after).distinct().order_by(supply).limit(limit)).all()
    parted: dict[int, list[SupplyShare]] = {point: [] for point in ids}
    for some in in_parts(ids):
        for row in _current(session, SupplyShare, utility_id, on, supply.in_(some)):
            parted[row.supply_point_id].append(row)
    codes = _codes(session, utility_id, SupplyPoint, ids)
    contracts = _codes(session, utility_id, Contract, [row.contract_id for rows in parted.values() for row in rows])
    found = []
    for point, mine in parted.items():
        whole = sum(row.weight for row in mine)
        parts = {contracts[row.contract_id]: Fraction(row.weight, whole) for row in mine}
        found.append(Division(point, codes[point], mine[0].by, parts, mine[0].valid_from, mine[0].valid_to))
    return found


def part(field: str, text: str) -> Fraction:
    """A part as written: ``1/3``, ``0.25``, ``0,25`` or ``25%``."""
    match = _PART.fullmatch(text.replace(",", "."))
    try:
        found = Fraction(match[1]) / (100 if match[2] else 1) if match else None
    except ZeroDivisionError:
        found = None
    if found is None:
        raise RegisterError(field, text, "must be a part like 1/3, 0.25 or 25%")
    if not 0 < found <= 1:
        raise RegisterError(field, text, "must be above 0 and at most 1")
    return found


def _weights(point: SupplyPoint, parts: Mapping[Contract, Fraction]) -> dict[Contract, int]:
    whole = sum(parts.values(), Fraction(0))
    if whole != 1:
        raise RegisterError("supply_share.part", str(whole), f"the parts of {point.code} must add up to 1 exactly")
    common = lcm(*(one.denominator for one in parts.values()))
    if common > FINEST:
        written = ", ".join(map(str, parts.values()))
        raise RegisterError("supply_share.part", written, f"the parts must have a common denominator up to {FINEST}")
    return {contract: int(one * common) for contract, one in parts.items()}


def _refuse_nesting(session: Session, point: SupplyPoint, members: Iterable[SupplyPoint], on: date) -> None:
    """A general meter hangs under no other, and a supply under one only: on the day and, as nothing ends it, later."""
    bulks = {row.supply_point_id for row in _until(session, BulkSupply, true(), point.utility_id, on)}
    over: dict[int, set[int]] = {}
    for row in _until(session, BulkMember, true(), point.utility_id, on):
        over.setdefault(row.supply_point_id, set()).add(row.bulk_point_id)
    if point.id in over:
        raise RegisterError("bulk_supply.supply_point", point.code, "hangs under another general meter itself")
    for member in members:
        if member.id == point.id:
            raise RegisterError("bulk_member.supply_point", member.code, "cannot hang under itself")
        if member.id in bulks:
            raise RegisterError("bulk_member.supply_point", member.code, "has a general meter itself")
        if over.get(member.id, set()) - {point.id}:
            raise RegisterError("bulk_member.supply_point", member.code, "hangs under another general meter")


def _refuse_mixing(
    session: Session, point: SupplyPoint, own: Contract | None, parts: Iterable[Contract], on: date
) -> None:
    """A divided bill is made by the terms of the supply's own contract, and holds nothing else."""
    if own is None:
        rule = "has no contract of its own, by whose terms the bill to divide would be made"
        raise RegisterError("supply_share.by", point.code, rule)
    for contract in parts:
        if contract.supply_point_id == point.id:
            continue
        hung = select(Installation.id).where(
            Installation.utility_id == point.utility_id,
            Installation.supply_point_id == contract.supply_point_id,
            Installation.to_ms.is_(None),
            Installation.retired_at.is_(None),
        )
        if session.scalar(hung.limit(1)) is not None:
            rule = "has a meter of its own: only its water can be added, share by litres"
            raise RegisterError("supply_share.contract", contract.code, rule)
        others = [
            row
            for row in _current(session, SupplyShare, point.utility_id, on)
            if row.contract_id == contract.id and row.supply_point_id != point.id
        ]
        if others:
            raise RegisterError("supply_share.contract", contract.code, "pays a part of another supply already")


def _statement(point: SupplyPoint, on: date, by: Change) -> dict[str, Any]:
    return {
        "utility_id": point.utility_id,
        "id": new_id(),
        "valid_from": on,
        "valid_to": None,
        "recorded_at": by.at,
        "recorded_by": by.actor,
    }


def _end_bulk(session: Session, point: SupplyPoint, on: date, by: Change) -> dict[str, Any] | None:
    supply = _until(session, BulkSupply, BulkSupply.supply_point_id == point.id, point.utility_id, on)
    members = _until(session, BulkMember, BulkMember.bulk_point_id == point.id, point.utility_id, on)
    before = {"policy": supply[0].policy, "by": supply[0].by, "members": len(members)} if supply else None
    _end(session, [*supply, *members], on, by)
    return before


def _end_shares(session: Session, point: SupplyPoint, on: date, by: Change) -> dict[str, Any] | None:
    rows = _until(session, SupplyShare, SupplyShare.supply_point_id == point.id, point.utility_id, on)
    before = {"by": rows[0].by, "weights": {str(row.contract_id): row.weight for row in rows}} if rows else None
    _end(session, rows, on, by)
    return before


def _until(session: Session, model: Any, mine: Any, utility_id: int, on: date) -> list[Any]:
    """What holds on a day or begins later."""
    later = or_(model.valid_to.is_(None), model.valid_to > on)
    return list(
        session.scalars(select(model).where(model.utility_id == utility_id, mine, model.retired_at.is_(None), later))
    )


def _end(session: Session, rows: Sequence[Any], on: date, by: Change) -> None:
    for row in rows:
        if row.valid_from < on:
            succeed(session, row, by, valid_to=on)
        else:
            retire(session, row, by)


def _current(
    session: Session, model: Any, utility_id: int, on: date, *mine: ColumnElement[bool], limit: int | None = None
) -> list[Any]:
    rows = select(model).where(*_holding(model, utility_id, on), *mine)
    return list(session.scalars(rows.order_by(model.supply_point_id, model.id).limit(limit)))


def _holding(model: Any, utility_id: int, on: date) -> tuple[ColumnElement[bool], ...]:
    """What a row must be to hold on a day."""
    later = or_(model.valid_to.is_(None), model.valid_to > on)
    return model.utility_id == utility_id, model.retired_at.is_(None), model.valid_from <= on, later


def _codes(session: Session, utility_id: int, model: Any, ids: Iterable[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for some in in_parts(sorted(set(ids))):
        rows = select(model.id, model.code).where(model.utility_id == utility_id, model.id.in_(some))
        found |= {row.id: row.code for row in session.execute(rows)}
    return found
