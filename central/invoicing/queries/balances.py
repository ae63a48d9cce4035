"""What general meters and those behind them came to when they were last billed, as the bills that say so keep it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, and_, select
from sqlalchemy.orm import Session

from billing.money import divide
from central.invoicing.archive import rebuild
from central.store.models import BillingRun, Contract, SupplyPoint
from central.store.models import Invoice as InvoiceRow

LATEST = 3
MOST = 200


@dataclass(frozen=True, slots=True)
class BulkBalance:
    """Litres of a general meter, of each sub-meter by its supply, and what is left between them, over a period.

    ``number`` is the invoice that keeps it; the period's end is exclusive.
    """

    number: str
    period_from: date
    period_to: date
    policy: str
    general_litres: int
    submeters: Mapping[str, int]
    difference_litres: int

    @property
    def percent(self) -> int | None:
        """The difference in hundredths of the general meter, None where it measured nothing."""
        return divide(self.difference_litres * 100, self.general_litres) if self.general_litres > 0 else None


def last_balance(session: Session, utility_id: int, point: SupplyPoint, members: Sequence[str]) -> BulkBalance | None:
    """The last billed balance of a general meter; None where no bill of it or of its ``members`` keeps one.

    The bill of its own contract is asked first: who only shares what is left is billed the same balance.
    """
    for codes in ([point.code], members[:MOST]):
        for invoice, run in session.execute(_latest(utility_id, codes)).all():
            for step in _steps(session, invoice):
                if step["supply"] == point.code:
                    return _balance(step, invoice, run)
    return None


def _latest(utility_id: int, codes: Sequence[str]) -> Select[InvoiceRow, BillingRun]:
    """The last invoices of the contracts at some supplies, with their runs."""
    contracts = (
        select(Contract.id)
        .join(
            SupplyPoint, and_(SupplyPoint.utility_id == Contract.utility_id, SupplyPoint.id == Contract.supply_point_id)
        )
        .where(SupplyPoint.utility_id == utility_id, SupplyPoint.code.in_(codes))
    )
    return (
        select(InvoiceRow, BillingRun)
        .outerjoin(BillingRun, and_(BillingRun.utility_id == InvoiceRow.utility_id, BillingRun.id == InvoiceRow.run_id))
        .where(InvoiceRow.utility_id == utility_id, InvoiceRow.contract_id.in_(contracts))
        .order_by(InvoiceRow.period_to.desc(), InvoiceRow.id.desc())
        .limit(LATEST)
    )


def _steps(session: Session, invoice: InvoiceRow) -> Iterator[dict[str, Any]]:
    """What an invoice tells of general meters."""
    for archived in rebuild(session, [invoice]):
        yield from (step for step in archived.basis.case.get("derived", []) if step["kind"] == "bulk")


def _balance(step: dict[str, Any], invoice: InvoiceRow, run: BillingRun | None) -> BulkBalance:
    # Who shares what is left is told the balance of the whole run, whatever his own days.
    whole = run if run is not None and "part" in step else invoice
    return BulkBalance(
        invoice.number_text,
        whole.period_from,
        whole.period_to,
        step["policy"],
        step["general_litres"],
        step["submeters"],
        step["difference_litres"],
    )
