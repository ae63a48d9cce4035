"""One-off charges that a sign-up or a change of holder brought with it: the bill over their day carries them."""

from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.volume import Period
from central.store.models import ContractCharge

Fees = Mapping[int, list[tuple[date, str]]]


def one_off_charges(
    session: Session, utility_id: int, contracts: tuple[int, int], period: Period, cutoff: datetime
) -> Fees:
    """Day and code of every one-off charge in a period of a stretch of contracts, as known at the cut-off."""
    rows = (
        select(ContractCharge.contract_id, ContractCharge.charged_on, ContractCharge.code)
        .where(
            ContractCharge.utility_id == utility_id,
            ContractCharge.contract_id.between(*contracts),
            ContractCharge.charged_on >= period.start,
            ContractCharge.charged_on < period.end,
            ContractCharge.recorded_at <= cutoff,
        )
        .order_by(ContractCharge.contract_id, ContractCharge.charged_on, ContractCharge.code)
    )
    found: dict[int, list[tuple[date, str]]] = {}
    for contract, day, code in session.execute(rows):
        found.setdefault(contract, []).append((day, code))
    return found


def within(fees: Fees, contract_id: int, period: Period) -> tuple[str, ...]:
    """The codes that fall on one holder's days."""
    return tuple(code for day, code in fees.get(contract_id, ()) if period.start <= day < period.end)
