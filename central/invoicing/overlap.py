"""No day is billed twice: two runs that were simulated over the same days of a contract are not both approved."""

from datetime import date

from sqlalchemy import Select, and_, exists, select
from sqlalchemy.orm import Session, aliased

from central.invoicing.plan import READY
from central.invoicing.states import RunError, RunStatus
from central.store.models import BillingRun, Contract, DraftBill, Utility

BILLS = (RunStatus.APPROVED, RunStatus.NUMBERED, RunStatus.ISSUED, RunStatus.DELIVERED)


def refuse_overlap(session: Session, run: BillingRun) -> None:
    """RunError where another run that is approved or issued bills days of this one's drafts.

    Drafts leave out what was billed when they were simulated, so what is found was decided since then. Approvals of a
    utility wait for each other: of two runs the second sees the first.
    """
    session.execute(select(Utility.id).where(Utility.id == run.utility_id).with_for_update(key_share=True)).one()
    found = session.execute(_twice(run)).first()
    if found is not None:
        days = f"[{found.period_from}, {found.period_to})"
        raise RunError(
            f"run {run.code}: contract {found.contract}: run {found.run} bills {days} of the same days; "
            "issue or cancel that run and simulate this one again"
        )


def _twice(run: BillingRun) -> Select[str, str, date, date]:
    """Drafts of other runs on days that this one has drafts of; driven by the others', which are few or elsewhere."""
    mine = aliased(DraftBill)
    same_days = exists().where(
        mine.utility_id == DraftBill.utility_id,
        mine.run_id == run.id,
        mine.contract_id == DraftBill.contract_id,
        mine.status == READY,
        mine.period_from < DraftBill.period_to,
        mine.period_to > DraftBill.period_from,
    )
    others = select(BillingRun.id).where(
        BillingRun.utility_id == run.utility_id,
        BillingRun.id != run.id,
        BillingRun.status.in_(BILLS),
        BillingRun.period_from < run.period_to,
        BillingRun.period_to > run.period_from,
    )
    return (
        select(
            BillingRun.code.label("run"),
            Contract.code.label("contract"),
            DraftBill.period_from,
            DraftBill.period_to,
        )
        .join(BillingRun, and_(BillingRun.utility_id == DraftBill.utility_id, BillingRun.id == DraftBill.run_id))
        .join(Contract, and_(Contract.utility_id == DraftBill.utility_id, Contract.id == DraftBill.contract_id))
        .where(
            DraftBill.utility_id == run.utility_id, DraftBill.run_id.in_(others), DraftBill.status == READY, same_days
        )
        .limit(1)
    )
