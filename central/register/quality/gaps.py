"""Days of a contract of which nothing is stated: between two holders (or terms), before the first, after the last."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import Date, func, or_, select

from central.register.quality.rule import Asked, Hit
from central.store.models import Contract, ContractHolder, ContractTerms


def find_gaps(asked: Asked, model: type[ContractHolder] | type[ContractTerms]) -> Iterator[Hit]:
    """Contracts with such days in the past; what is missing today is told by a rule of its own."""
    order: dict[str, Any] = {"partition_by": model.contract_id, "order_by": model.valid_from}
    stated = (
        select(
            model.contract_id,
            model.valid_from,
            model.valid_to,
            func.lag(model.valid_from, type_=Date).over(**order).label("earlier"),
            func.lag(model.valid_to, type_=Date).over(**order).label("before"),
            func.lead(model.valid_from, type_=Date).over(**order).label("later"),
        )
        .where(model.utility_id == asked.utility_id, model.retired_at.is_(None))
        .subquery()
    )
    said = stated.c
    unsaid_first = said.earlier.is_(None) & (said.valid_from > Contract.valid_from)
    unsaid_last = said.later.is_(None) & (said.valid_to < Contract.valid_to) & (Contract.valid_to <= asked.today)
    rows = asked.session.execute(
        select(Contract.code, Contract.valid_from, Contract.valid_to, *said)
        .join(stated, said.contract_id == Contract.id)
        .where(
            Contract.utility_id == asked.utility_id,
            Contract.valid_from < asked.today,
            or_(said.before < said.valid_from, unsaid_first, unsaid_last),
        )
        .order_by(Contract.code, said.valid_from)
    )
    for code, since, until, _, start, end, earlier, before, later in rows:
        if later is None and end is not None and until is not None and end < until <= asked.today:
            yield _hit(code, end, until)
        elif earlier is None:
            yield _hit(code, since, start)
        else:
            yield _hit(code, before, start)


def _hit(code: str, start: date, end: date) -> Hit:
    return Hit(code, f"nada consta del {start:%d/%m/%Y} al {end:%d/%m/%Y}")
