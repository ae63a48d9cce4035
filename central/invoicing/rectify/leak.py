"""A claim for a leak: judged by the by-law's conditions, and the facts by which the tariff prices the excess."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select

from billing.volume import LeakClaim, leak_allowance
from central.invoicing.archive import Archived
from central.invoicing.rectify.remake import Remaker, closing_before, settings_of_bill
from central.invoicing.states import RunError
from central.store.models import Invoice, Rectification, RectificationItem

LEAK = "leak"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the customer brought: whether the leak was hidden, and the date of the repair's invoice."""

    hidden: bool
    repaired: date | None


def granted(remaker: Remaker, bill: Archived, evidence: Evidence | None) -> Mapping[str, Any]:
    """The case's facts of an allowed leak; RunError with every condition that is not met."""
    number = bill.row.number_text
    if evidence is None:
        raise RunError(f"invoice {number}: leak: say whether it was hidden and when it was repaired")
    settings, period = settings_of_bill(remaker.session, bill), bill.invoice.period
    measured = remaker.measured(bill, period, closing_before(remaker.session, bill), settings)
    claim = LeakClaim(bill.row.issue_date, evidence.hidden, evidence.repaired, _last_granted(remaker, bill))
    past, litres = measured.past.periods, measured.volume.litres
    found = leak_allowance(litres, period, past, claim, settings.leak, settings.volume)
    if not found.granted:
        raise RunError(f"invoice {number}: fuga: {'; '.join(found.refusals)}")
    return {"leak": True, "reference_litres": found.reference_litres}


def kept(bill: Archived) -> Mapping[str, Any]:
    """The leak that a bill was granted already, so that correcting something else does not take it away."""
    return {name: bill.basis.case[name] for name in ("leak", "reference_litres") if name in bill.basis.case}


def _last_granted(remaker: Remaker, bill: Archived) -> date | None:
    """The issue date of the last other bill of the contract that a leak was allowed on."""
    rows = (
        select(func.max(Invoice.issue_date))
        .join(
            RectificationItem,
            (RectificationItem.utility_id == Invoice.utility_id) & (RectificationItem.invoice_id == Invoice.id),
        )
        .join(
            Rectification,
            (Rectification.utility_id == RectificationItem.utility_id)
            & (Rectification.id == RectificationItem.rectification_id),
        )
        .where(
            Invoice.utility_id == remaker.utility_id,
            Invoice.contract_id == bill.row.contract_id,
            Rectification.cause == LEAK,
            Rectification.decision == "issued",
        )
    )
    return remaker.session.scalar(rows)
