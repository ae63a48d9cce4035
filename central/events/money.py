"""Invoices and postings as events, from the rows that are written."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from central.events.kinds import Happened, InvoiceIssued, LedgerPosted, Side, text_of
from central.events.outbox import publish

Values = Mapping[str, Any]
Charge = tuple[datetime, LedgerPosted]
ISSUED, RECTIFIED, POSTED = "invoice.issued", "invoice.rectified", "ledger.posted"


def tell_invoices(session: Session, utility_id: int, rows: Callable[[], Iterable[Values]]) -> None:
    """Publish invoices in the transaction that writes them; ``rows`` gives them where somebody listens."""
    publish(session.connection(), utility_id, [ISSUED, RECTIFIED], lambda: map(_invoice, rows()))


def tell_charges(
    session: Session, utility_id: int, charged: Callable[[], Iterable[tuple[datetime, LedgerPosted]]]
) -> None:
    """Publish charges that are posted many in one transaction, each by itself."""
    publish(session.connection(), utility_id, [POSTED], lambda: (Happened(POSTED, one, at) for at, one in charged()))


def tell_postings(
    session: Session,
    columns: Sequence[str],
    transactions: Sequence[Sequence[Any]],
    entry_columns: Sequence[str],
    entries: Sequence[Sequence[Any]],
) -> None:
    """Publish transactions of the ledger in the transaction that writes them."""
    if not transactions:
        return
    utility_id = transactions[0][columns.index("utility_id")]
    publish(
        session.connection(),
        utility_id,
        [POSTED],
        lambda: _postings(
            [dict(zip(columns, row, strict=True)) for row in transactions],
            [dict(zip(entry_columns, row, strict=True)) for row in entries],
        ),
    )


def _invoice(row: Values) -> Happened:
    rectifies = [one["number"] for one in (row["rectifies"] or {}).get("originals", ())]
    payload = InvoiceIssued(
        invoice_id=row["id"],
        number=row["number_text"],
        kind=row["kind"],
        contract_id=row["contract_id"],
        customer_id=row["customer_id"],
        run_id=row["run_id"],
        issue_date=row["issue_date"],
        due_date=row["due_date"],
        period_from=row["period_from"],
        period_to=row["period_to"],
        litres=row["litres"],
        total=text_of(row["total_cents"]),
        rectifies=rectifies,
    )
    return Happened(RECTIFIED if rectifies else ISSUED, payload, row["issued_at"])


def _postings(transactions: Sequence[Values], entries: Sequence[Values]) -> Iterator[Happened]:
    sides: dict[int, list[Values]] = {}
    for entry in entries:
        sides.setdefault(entry["transaction_id"], []).append(entry)
    for row in transactions:
        own = sides.get(row["id"], [])
        payload = LedgerPosted(
            transaction_id=row["id"],
            kind=row["kind"],
            effective_on=row["effective_on"],
            invoice_id=row["invoice_id"],
            contract_ids=sorted({one["contract_id"] for one in own if one["contract_id"] is not None}),
            entries=[Side(one["account"], text_of(one["amount_cents"])) for one in own],
        )
        yield Happened(POSTED, payload, row["recorded_at"])
