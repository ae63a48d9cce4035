"""Numbers: each series has no gap and no number twice, and dates never fall while numbers rise."""

from typing import Any

from sqlalchemy import func, select

from central.invoicing.plan import ISSUE, OPEN
from central.invoicing.states import RunStatus
from central.ops.laws.law import Case, Report
from central.store.models import BillingRun, Invoice, RunPartition, Series

FIRST = 1


def series_have_no_gaps(case: Case, report: Report) -> None:
    """The numbers of a series are 1, 2, 3 … up to the next one to give, but for those a run is still issuing."""
    reserved = _reserved(case)
    for series in case.session.scalars(select(Series).where(Series.utility_id == case.utility_id)):
        taken: set[int] = set()
        for first, count in reserved.get(series.code, []):
            taken.update(range(first, first + count))
        expected = FIRST
        numbers = select(Invoice.number).where(Invoice.utility_id == case.utility_id, Invoice.series == series.code)
        for number in case.session.scalars(numbers.order_by(Invoice.number).execution_options(yield_per=10_000)):
            report.saw()
            expected = _next(report, series.code, expected, number, taken)
        while expected in taken:
            expected += 1
        if expected != series.next_number:
            report.breach(f"series {series.code}: {expected} is missing before the next number {series.next_number}")
    _without_series(case, report)


def _next(report: Report, series: str, expected: int, number: int, taken: set[int]) -> int:
    """What must follow ``number``; a gap before it or the number once more is a breach."""
    while expected in taken and expected < number:
        expected += 1
    if number < expected:
        report.breach(f"series {series}: number {number} is given twice")
    elif number > expected:
        upto = f" to {number - 1}" if number - 1 > expected else ""
        report.breach(f"series {series}: number {expected}{upto} is missing")
    return max(expected, number + 1)


def _reserved(case: Case) -> dict[str, list[tuple[int, int]]]:
    """By series, the stretches of numbers that partitions of numbered runs have still to issue."""
    run = (BillingRun.utility_id == RunPartition.utility_id) & (BillingRun.id == RunPartition.run_id)
    rows: Any = (
        select(BillingRun.series, RunPartition.first_number, RunPartition.bills)
        .join(BillingRun, run)
        .where(
            RunPartition.utility_id == case.utility_id,
            BillingRun.status == RunStatus.NUMBERED,
            RunPartition.stage == ISSUE,
            RunPartition.state == OPEN,
        )
    )
    found: dict[str, list[tuple[int, int]]] = {}
    for series, first, count in case.session.execute(rows):
        found.setdefault(series, []).append((first, count))
    return found


def _without_series(case: Case, report: Report) -> None:
    known = select(Series.code).where(Series.utility_id == case.utility_id)
    rows = select(Invoice.number_text).where(Invoice.utility_id == case.utility_id, Invoice.series.not_in(known))
    for number in case.session.scalars(rows):
        report.breach(f"invoice {number}: its series is not registered")


def dates_follow_numbers(case: Case, report: Report) -> None:
    """Within a series an invoice is never dated before the one with the number before."""
    lag = func.lag(Invoice.issue_date).over(partition_by=Invoice.series, order_by=Invoice.number)
    before = lag.label("before")
    dated = select(Invoice.number_text, Invoice.issue_date, before).where(Invoice.utility_id == case.utility_id)
    inner = dated.subquery()
    report.saw(case.session.scalar(select(func.count()).select_from(inner)) or 0)
    for row in case.session.execute(select(inner).where(inner.c.issue_date < inner.c.before)):
        report.breach(f"invoice {row.number_text}: dated {row.issue_date}, the number before it {row.before}")
