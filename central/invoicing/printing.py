"""A run's bills for a printing house: one PDF a batch, a page a bill, in the order of their numbers."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.document import InvoiceView, render_batch
from central.invoicing.deliver import languages_of, views_of
from central.invoicing.run import run_named
from central.invoicing.states import RunError, RunStatus
from central.store.models import BillingRun, Invoice, Utility

BATCH = 100
PRINTABLE = (RunStatus.ISSUED, RunStatus.DELIVERED)


def printable_run(session: Session, utility_id: int, code: str) -> BillingRun:
    """A utility's run by its code; RunError where there is none, or none of its bills is issued."""
    run = run_named(session, utility_id, code)
    if run.status not in PRINTABLE:
        raise RunError(f"run {code}: is {run.status}; only an issued run is printed")
    return run


def print_run(
    session: Session,
    run: BillingRun,
    folder: Path,
    batch: int = BATCH,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Path]:
    """Write the batches of a run, those of each language apart; the files in order.

    A name says language, first and last number: a file that is there already is not made again, so printing that was
    interrupted goes on where it stopped.
    """
    utility = session.get_one(Utility, run.utility_id)
    files, done = [], 0
    folder.mkdir(parents=True, exist_ok=True)
    for language, invoices in _batches(session, run, batch):
        first, last = invoices[0].number_text, invoices[-1].number_text
        path = folder / f"{language}_{_plain(first)}_{_plain(last)}.pdf"
        if not path.exists():
            views: list[InvoiceView] = [view for _, view in views_of(session, run, utility, invoices)]
            part = path.with_suffix(".part")
            part.write_bytes(render_batch(views, language))
            part.rename(path)
        files.append(path)
        done += len(invoices)
        progress(done)
        session.expunge_all()
        session.add_all((run, utility))
    return files


def _batches(session: Session, run: BillingRun, size: int) -> Iterator[tuple[str, list[Invoice]]]:
    """Invoices by language, in the order of their numbers, so many at a time."""
    mine: Any = (Invoice.utility_id == run.utility_id, Invoice.run_id == run.id)
    keys: dict[str, list[int]] = {}
    rows = session.execute(select(Invoice.id, Invoice.customer_id).where(*mine).order_by(Invoice.number)).all()
    spoken = languages_of(session, run, {row.customer_id for row in rows})
    for row in rows:
        keys.setdefault(spoken[row.customer_id], []).append(row.id)
    for language, ids in keys.items():
        for start in range(0, len(ids), size):
            chosen = select(Invoice).where(
                Invoice.utility_id == run.utility_id, Invoice.id.in_(ids[start : start + size])
            )
            yield language, list(session.scalars(chosen.order_by(Invoice.number)))


def _plain(number: str) -> str:
    return "".join(mark if mark.isalnum() else "-" for mark in number)
