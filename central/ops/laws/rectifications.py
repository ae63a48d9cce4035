"""Rectifying invoices: each names an original, comes with it to the right bill, and replaces nothing twice."""

from sqlalchemy import func, select

from central.fiscal.systems import SII
from central.invoicing.records import of_invoices
from central.invoicing.rectify.propose import ORIGINALS
from central.invoicing.rectify.recompute import recompute
from central.invoicing.rectify.standing import replaced_by
from central.invoicing.regimes import EVER, spans
from central.ops.laws.law import Case, Report, pages
from central.store.models import FiscalRecord, Invoice


def rectifications_come_to_the_right_bill(case: Case, report: Report) -> None:
    """The original and its rectifications add up, line by line, to the bill rated again from what is stored."""
    for row in _rectifying(case, report):
        found = recompute(case.session, row)
        if found.fault:
            report.breach(f"invoice {row.number_text}: {found.fault}")


def rectifications_have_originals(case: Case, report: Report) -> None:
    """Each names exactly the invoices that stood before it, so none is replaced twice, and each was decided by two."""
    for row in _rectifying(case, report):
        named = [(one["number"], one["issued"]) for one in (row.rectifies or {}).get("originals", [])]
        stood = [(one.number_text, one.issue_date.isoformat()) for one in replaced_by(case.session, row)]
        if stood == [(row.number_text, row.issue_date.isoformat())]:
            report.breach(f"invoice {row.number_text}: rectifies nothing that is on record")
        elif named != stood:
            report.breach(f"invoice {row.number_text}: names {_numbers(named)}, what stood is {_numbers(stood)}")
        if not _recorded(case, row):
            report.breach(f"invoice {row.number_text}: has not the fiscal records of the system it was issued under")


def _rectifying(case: Case, report: Report) -> list[Invoice]:
    found = []
    rows = select(Invoice).where(Invoice.utility_id == case.utility_id, Invoice.kind.not_in(ORIGINALS))
    for some in pages(case, rows, Invoice.id):
        report.saw(len(some))
        found += some
    keys = [(one.utility_id, one.id) for one in found]
    return [case.session.get_one(Invoice, key) for key in keys]


def _recorded(case: Case, row: Invoice) -> bool:
    """One record where the system of its day chains them; before any change of system, as many as the original."""
    span = [one for one in spans(case.session, case.utility_id) if one.start <= row.issue_date][-1]
    count = _records(case, row)
    if span.fiscal.system == SII:
        return count <= 1
    if span.start > EVER:
        return count == int(span.fiscal.chained)
    return count == _records(case, replaced_by(case.session, row)[0])


def _records(case: Case, row: Invoice) -> int:
    rows = select(func.count()).select_from(FiscalRecord)
    mine = (FiscalRecord.utility_id == case.utility_id, of_invoices([row.id]))
    return case.session.scalar(rows.where(*mine, FiscalRecord.kind == "alta")) or 0


def _numbers(found: list[tuple[str, str]]) -> str:
    return ", ".join(number for number, _ in found) or "nothing"
