"""Pages of rows by their keys, always of one utility."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from central.api.problems import ApiError, FieldProblem
from central.api.values import MOST
from central.invoicing.archive import rebuild
from central.invoicing.queries import BillLine, stories
from central.store.models import Base, ContractHolder, ContractTerms, Invoice

SPAN = ("from_ms", "to_ms")

Row = TypeVar("Row", bound=Base)
Keys = Sequence[InstrumentedAttribute[int]]


def page_of(
    session: Session,
    model: type[Row],
    keys: Keys,
    utility_id: int,
    narrowed: Mapping[str, Any],
    after: str,
    limit: int,
    where: Sequence[ColumnElement[bool]] = (),
) -> tuple[Sequence[Row], str | None]:
    """The rows after a cursor, in the order of ``keys``, and the cursor of the next page."""
    query: Select[Any] = select(model).where(_utility(model) == utility_id, *where)
    for name, value in narrowed.items():
        query = query.where(_condition(model, name, value))
    if after:
        query = query.where(tuple_(*keys) > tuple_(*opened(after, len(keys))))
    rows = session.scalars(query.order_by(*keys).limit(limit + 1)).all()
    more = len(rows) > limit
    return rows[:limit], sealed([getattr(rows[limit - 1], key.key) for key in keys]) if more else None


def one_of(session: Session, model: type[Row], key: InstrumentedAttribute[int], utility_id: int, value: int) -> Row:
    """One row of the utility; ApiError 404 where there is none, whoever else may have one."""
    row = session.scalar(select(model).where(_utility(model) == utility_id, key == value))
    if row is None:
        raise ApiError(404, "absent", f"{model.__tablename__} {value}: does not exist")
    return row


def told_of_contracts(
    session: Session, utility_id: int, contract_ids: Sequence[int]
) -> tuple[dict[int, list[ContractHolder]], dict[int, list[ContractTerms]]]:
    """The holders and the terms of contracts over time, as they are believed now."""
    return (
        _current(session, ContractHolder, utility_id, contract_ids),
        _current(session, ContractTerms, utility_id, contract_ids),
    )


def lines_of(session: Session, invoice: Invoice) -> Sequence[BillLine]:
    """The lines of an invoice, in order."""
    return stories.lines_of(session, next(rebuild(session, [invoice])))


def sealed(key: Sequence[int]) -> str:
    """A key as a cursor."""
    return base64.urlsafe_b64encode(json.dumps(list(key)).encode()).decode()


def opened(cursor: str, length: int) -> list[int]:
    """The key in a cursor; ApiError 422 where no page gave it."""
    try:
        key: Any = json.loads(base64.urlsafe_b64decode(cursor.encode()))
    except (binascii.Error, ValueError, RecursionError):
        key = None
    if not isinstance(key, list) or len(key) != length or not all(type(n) is int and abs(n) <= MOST for n in key):
        rule = "must be the next of a page of this list"
        field = FieldProblem(field="query.after", value=cursor, rule=rule)
        raise ApiError(422, "cursor", f"after: {cursor!r} {rule}", field=field)
    return list(key)


def _condition(model: type[Base], name: str, value: Any) -> Any:
    """Equality; ``from_ms`` and ``to_ms`` are the half-open stretch of the rows' own instant."""
    if name in SPAN:
        at: Any = model.at_ms  # type: ignore[attr-defined]  # offered for such models alone
        return at >= value if name == "from_ms" else at < value
    return getattr(model, name) == value


Statement = TypeVar("Statement", ContractHolder, ContractTerms)


def _current(
    session: Session, model: type[Statement], utility_id: int, contract_ids: Sequence[int]
) -> dict[int, list[Statement]]:
    found: dict[int, list[Statement]] = {contract_id: [] for contract_id in contract_ids}
    query = select(model).where(
        model.utility_id == utility_id, model.contract_id.in_(contract_ids), model.retired_at.is_(None)
    )
    for row in session.scalars(query.order_by(model.valid_from)):
        found[row.contract_id].append(row)
    return found


def _utility(model: type[Base]) -> Any:
    return model.utility_id  # type: ignore[attr-defined]  # every model served here is of a utility
