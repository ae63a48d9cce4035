"""Issuing a partition: numbered invoices, their fiscal records, ledger postings and evidence in one transaction.

All amounts were worked out when the run was simulated and are not touched again: what was reviewed is what is issued.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Engine, Text, cast, select
from sqlalchemy.orm import Session

from billing.fiscal import Link
from billing.ledger import cents_of, post_invoice
from central.collection.posting import Postings
from central.invoicing import explain, partitions
from central.invoicing.archive import Archive, Identity
from central.invoicing.draft import Draft
from central.invoicing.plan import READY, issue_date_of
from central.invoicing.settings import settings_of
from central.invoicing.states import RunError, RunStatus
from central.invoicing.tariffs import book_at
from central.register import KeyRing
from central.store import new_ids, read_session, write_session
from central.store.bulk import Row, add_missing_rows
from central.store.models import BillingRun, DraftBill, Reading, ReadingStatus, RunPartition
from central.store.partitions import ensure_partitions
from central.times import millis

POSTED = "invoice"

_ESTIMATE = ("utility_id", "at_ms", "meter_id", "kind", "revision", "litres", "status", "reason", "recorded_ms")


@dataclass(slots=True)
class Batch:
    """Everything a partition writes when it is issued."""

    archive: Archive
    postings: Postings
    estimates: list[Row]
    explanations: list[Row]

    def write(self, session: Session) -> None:
        """Insert it all, in the caller's transaction."""
        # Bills that share an estimate each bring it: whichever is issued first stores it.
        add_missing_rows(session, Reading, _ESTIMATE, self.estimates)
        self.archive.write(session)
        self.postings.write(session)
        explain.store(session, self.explanations)


def issue(engine: Engine, task: partitions.Task, ring: KeyRing | None) -> int:
    """Issue a partition; returns how many contracts it holds, 0 where somebody else did it."""
    token = partitions.claim(engine, task)
    if token is None:
        return 0
    now = datetime.now(UTC)
    with read_session(engine) as session:
        run, partition = partitions.load(session, task)
        drafts = load_drafts(session, partition)
        batch = _batch(session, run, partition, drafts, now)
        sources = [end.source for _, draft in drafts for end in draft.ends]
        batch.explanations = explain.explain_readings(session, task.utility_id, sources, ring, now)
        contracts = partition.contracts
    if batch.estimates:
        with write_session(engine) as session:
            ensure_partitions(session.connection(), [row[1] for row in batch.estimates])
    with write_session(engine) as session:
        partitions.finish(session, task, token, RunStatus.NUMBERED, now)
        batch.write(session)
    return contracts


def load_drafts(session: Session, partition: RunPartition) -> list[tuple[int, Draft]]:
    """The drafts a partition issues, by contract id, in the order of their numbers."""
    rows = (
        select(DraftBill.contract_id, cast(DraftBill.bill, Text))
        .where(
            DraftBill.utility_id == partition.utility_id,
            DraftBill.run_id == partition.run_id,
            DraftBill.partition == partition.number,
            DraftBill.status == READY,
        )
        .order_by(DraftBill.contract_id, DraftBill.period_from)
    )
    return [(contract, _decoder.decode(text)) for contract, text in session.execute(rows)]


_decoder = msgspec.json.Decoder(Draft)


def _batch(
    session: Session, run: BillingRun, partition: RunPartition, drafts: Sequence[tuple[int, Draft]], now: datetime
) -> Batch:
    _check_frozen(run, partition, drafts)
    if partition.first_number is None or run.numbered_at is None:
        raise RunError(f"run {run.code}: partition {partition.number}: has no numbers")
    registry = settings_of(run).fiscal.at_issue()
    versions = book_at(session, run.utility_id, run.cutoff_at).versions
    batch = Batch(Archive(versions), Postings(run.utility_id, now), [], [])
    previous = _link(partition.chain_previous)
    ids = iter(new_ids(3 * len(drafts)))
    for offset, (contract_id, draft) in enumerate(drafts):
        identity = Identity(run.utility_id, next(ids), next(ids), contract_id, run.id, now)
        invoice = draft.invoice.numbered(partition.first_number + offset, issue_date_of(run))
        batch.archive.add(identity, draft, invoice)
        record = registry.record_for(invoice, previous, run.numbered_at)
        if record is not None:
            position = (partition.chain_position or 0) + offset
            batch.archive.add_record(identity, record, next(ids), position, run.numbered_at)
            previous = record.link
        batch.postings.add(post_invoice(invoice), POSTED, contract_id=contract_id, invoice_id=identity.invoice_id)
        batch.estimates += _estimate_rows(run.utility_id, draft, now)
    _check_seam(session, run, partition, previous)
    return batch


def _check_frozen(run: BillingRun, partition: RunPartition, drafts: Sequence[tuple[int, Draft]]) -> None:
    """What was counted when the numbers were taken must still be there, to the cent."""
    total = sum(cents_of(draft.invoice.total) for _, draft in drafts)
    if (len(drafts), total) != (partition.bills, partition.total_cents):
        found = f"{len(drafts)} drafts of {total} cents for {partition.bills} numbers of {partition.total_cents} cents"
        raise RunError(f"run {run.code}: partition {partition.number}: {found}; its drafts changed after numbering")


def _estimate_rows(utility_id: int, draft: Draft, now: datetime) -> list[Row]:
    """The estimated indexes of a bill as readings, so that the next one has something to open with."""
    basis = ", ".join(sorted({piece.basis for piece in draft.invoice.pieces if piece.estimated and piece.basis}))
    return [
        (
            utility_id,
            source.at_ms,
            source.meter_id,
            source.kind,
            source.revision,
            source.litres,
            ReadingStatus.VALID,
            f"estimado: {basis}"[:200],
            millis(now),
        )
        for source in draft.estimates
    ]


def _check_seam(session: Session, run: BillingRun, partition: RunPartition, last: Link | None) -> None:
    """The next partition's records follow this one's last: the hashes reserved must be the hashes recorded."""
    following = session.scalar(
        select(RunPartition).where(
            RunPartition.utility_id == run.utility_id,
            RunPartition.run_id == run.id,
            RunPartition.number == partition.number + 1,
        )
    )
    if following is not None and _link(following.chain_previous) != last:
        raise RunError(f"run {run.code}: partition {partition.number}: its last fiscal record is not the one reserved")


def _link(data: dict[str, Any] | None) -> Link | None:
    return msgspec.convert(data, Link) if data else None
