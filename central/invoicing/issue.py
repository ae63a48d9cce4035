"""Issuing a partition: numbered invoices, their fiscal records, ledger postings and evidence in one transaction.

All amounts were worked out when the run was simulated and are not touched again: what was reviewed is what is issued.
The drafts' columns are written as they are; what is added are numbers, hashes and ids.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from billing.fiscal import DIGEST_BYTES
from billing.ledger import Transaction
from central.collection.posting import Charges, post_charges
from central.invoicing import explain, partitions
from central.invoicing.archive import Chained, Numbered, write_bills
from central.invoicing.block import Bills
from central.invoicing.evidence import Source
from central.invoicing.plan import READY, issue_date_of
from central.invoicing.records import config_id
from central.invoicing.settings import settings_of
from central.invoicing.states import RunError, RunStatus
from central.register import KeyRing
from central.store import read_session, write_session
from central.store.bulk import Row, add_missing_rows
from central.store.columns import read_columns
from central.store.models import BillingRun, DraftBill, DraftBlock, Reading, ReadingStatus, RunPartition
from central.store.partitions import ensure_partitions
from central.times import millis

POSTED = "invoice"
KIND = "F1"

_ESTIMATE = ("utility_id", "at_ms", "meter_id", "kind", "revision", "litres", "status", "reason", "recorded_ms")


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything a partition writes when it is issued."""

    bills: Bills
    said: Numbered
    records: Chained | None
    posted: Transaction
    estimates: list[Row]
    explanations: list[Row]

    def write(self, session: Session) -> None:
        """Insert it all, in the caller's transaction."""
        bills, said = self.bills, self.said
        # Bills that share an estimate each bring it: whichever is issued first stores it.
        add_missing_rows(session, Reading, _ESTIMATE, self.estimates)
        if len(bills):
            invoices = write_bills(session, bills, said, self.records)
            charges = Charges(bills.contract, bills.code, invoices, bills.total, bills.sums(), bills.credits_of)
            post_charges(session, self.posted, POSTED, charges, said.utility_id, said.at)
        explain.store(session, self.explanations)


def issue(engine: Engine, task: partitions.Task, ring: KeyRing | None) -> int:
    """Issue a partition; returns how many contracts it holds, 0 where somebody else did it."""
    token = partitions.claim(engine, task)
    if token is None:
        return 0
    now = datetime.now(UTC)
    with read_session(engine) as session:
        run, partition = partitions.load(session, task)
        bills = load_bills(session, partition)
        batch = _batch(session, run, partition, bills, ring, now)
        contracts = partition.contracts
    if batch.estimates:
        with write_session(engine) as session:
            ensure_partitions(session.connection(), [row[1] for row in batch.estimates])
    homes = {"homes": int(bills.home.sum()), "home_litres": int(bills.litres[bills.home == 1].sum())}
    with write_session(engine) as session:
        partitions.finish(session, task, token, RunStatus.NUMBERED, now, **homes)
        batch.write(session)
    return contracts


def load_bills(session: Session, partition: RunPartition) -> Bills:
    """The bills a partition issues, in the order of their numbers; RunError where a draft is not its block's."""
    mine = (DraftBill.utility_id == partition.utility_id, DraftBill.run_id == partition.run_id)
    # By contract, as the index knows them: by partition alone, each would look through the drafts of all others.
    here = DraftBill.contract_id.between(partition.first_contract, partition.last_contract)
    ready = (
        select(DraftBill.place, DraftBill.contract_id, DraftBill.vat_cents, DraftBill.total_cents)
        .where(*mine, here, DraftBill.status == READY)
        .order_by(DraftBill.contract_id, DraftBill.period_from)
    )
    places, *drafted = read_columns(session.connection(), ready, 4)
    bills = block_of(session, partition.utility_id, partition.run_id, partition.number).only(places)
    if not all(np.array_equal(*pair) for pair in zip(drafted, (bills.contract, bills.vat, bills.total), strict=True)):
        raise RunError(f"partition {partition.number}: its drafts are not those that were simulated")
    return bills


def block_of(session: Session, utility_id: int, run_id: int, number: int) -> Bills:
    """All drafts of a partition that could be made."""
    content = session.scalar(
        select(DraftBlock.content).where(
            DraftBlock.utility_id == utility_id, DraftBlock.run_id == run_id, DraftBlock.partition == number
        )
    )
    if content is None:
        raise RunError(f"run {run_id}: partition {number}: was not simulated")
    return Bills.unpack(content)


def _batch(
    session: Session,
    run: BillingRun,
    partition: RunPartition,
    bills: Bills,
    ring: KeyRing | None,
    now: datetime,
) -> Batch:
    _check_frozen(run, partition, bills)
    if partition.first_number is None or run.numbered_at is None:
        raise RunError(f"run {run.code}: partition {partition.number}: has no numbers")
    issued = issue_date_of(run)
    said = Numbered(run.utility_id, run.series, partition.first_number, KIND, 0, issued, run.id, now)
    posted = Transaction(f"run:{run.id}:{partition.number}", issued, f"{run.code}/{partition.number}", ())
    heard = [Source(0, 0, 0, 0, 0, ms, one) for _, ms, one in bills.heard]
    explanations = explain.explain_readings(session, run.utility_id, heard, ring, now)
    records = _records(session, run, partition, run.numbered_at)
    return Batch(bills, said, records, posted, _estimate_rows(run.utility_id, bills, now), explanations)


def _records(session: Session, run: BillingRun, partition: RunPartition, at: datetime) -> Chained | None:
    """The stretch of the chain that was reserved; RunError where it does not lead to the next partition's."""
    fiscal = settings_of(run).fiscal
    if partition.chain_position is None or partition.chain_hashes is None:
        return None
    digests = partition.chain_hashes
    if len(digests) != DIGEST_BYTES * partition.bills:
        raise RunError(f"run {run.code}: partition {partition.number}: has not one hash for each of its numbers")
    _check_seam(session, run, partition, digests)
    return Chained(fiscal.system, partition.chain_position, digests, config_id(fiscal), at)


def _check_frozen(run: BillingRun, partition: RunPartition, bills: Bills) -> None:
    """What was counted when the numbers were taken must still be there, to the cent."""
    total = int(bills.total.sum())
    if (len(bills), total) != (partition.bills, partition.total_cents):
        found = f"{len(bills)} drafts of {total} cents for {partition.bills} numbers of {partition.total_cents} cents"
        raise RunError(f"run {run.code}: partition {partition.number}: {found}; its drafts changed after numbering")


def _estimate_rows(utility_id: int, bills: Bills, now: datetime) -> list[Row]:
    """The estimated indexes of bills as readings, so that the next ones have something to open with."""
    return [
        (
            utility_id,
            source.at_ms,
            source.meter_id,
            source.kind,
            source.revision,
            source.litres,
            ReadingStatus.VALID,
            f"estimado: {one.basis}"[:200],
            millis(now),
        )
        for one in bills.estimates
        for source in one.sources
    ]


def _check_seam(session: Session, run: BillingRun, partition: RunPartition, digests: bytes) -> None:
    """The next partition's records follow this one's last."""
    following: Any = session.scalar(
        select(RunPartition.chain_previous).where(
            RunPartition.utility_id == run.utility_id,
            RunPartition.run_id == run.id,
            RunPartition.number == partition.number + 1,
        )
    )
    if digests and following is not None and following["hash"] != digests[-DIGEST_BYTES:].hex().upper():
        raise RunError(f"run {run.code}: partition {partition.number}: its last fiscal record is not the one reserved")
