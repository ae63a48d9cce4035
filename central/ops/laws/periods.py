"""Periods follow one another: what closed one bill opens the next, and no day of a contract is billed twice."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from sqlalchemy import func, select

from billing.volume import Piece
from central.invoicing.evidence import Closing, Evidence
from central.ops.laws.law import Case, Report
from central.store.models import Consumption as ConsumptionRow
from central.store.models import Contract, Invoice, SupplyPoint
from central.times import millis


def closings_open_the_next(case: Case, report: Report) -> None:
    """At a supply point each meter goes on with the very reading that closed the bill before.

    But for a place that nobody had meanwhile: what ran then is nobody's, and the next contract opens where it begins.
    """
    for _, rows in groupby(_consumptions(case), key=lambda row: row.supply_point_id):
        before: dict[str, Closing] = {}
        last_row: Any = None
        for row in _latest(rows):
            report.saw()
            if (
                last_row is not None
                and last_row.contract_id != row.contract_id
                and row.period_from > last_row.period_to
            ):
                before = {}
            last_row = row
            evidence = Evidence.of(row.evidence)
            for meter, opening in _openings(evidence.pieces).items():
                last = before.get(meter)
                if last is not None and (last.source.at_ms, last.source.litres) != opening:
                    report.breach(
                        f"supply point {row.code}: {meter} closes at {last.source.litres} litres and opens "
                        f"the bill from {row.period_from} at {opening[1]}"
                    )
            before |= evidence.closing


def days_are_billed_once(case: Case, report: Report) -> None:
    """The periods of a contract's invoices do not overlap, and no consumption is on two of them."""
    mine = (Invoice.utility_id == case.utility_id, Invoice.kind == "F1")
    report.saw(case.session.scalar(select(func.count()).select_from(Invoice).where(*mine)) or 0)
    earlier = (
        func.max(Invoice.period_to)
        .over(partition_by=Invoice.contract_id, order_by=(Invoice.period_from, Invoice.id), rows=(None, -1))
        .label("billed_to")
    )
    rows = select(Invoice.number_text, Invoice.period_from, Invoice.contract_id, earlier).where(*mine).subquery()
    overlapping: Any = (
        select(rows.c.number_text, rows.c.period_from, rows.c.billed_to, Contract.code)
        .join(Contract, (Contract.utility_id == case.utility_id) & (Contract.id == rows.c.contract_id))
        .where(rows.c.period_from < rows.c.billed_to)
    )
    for number, period_from, billed_to, contract in case.session.execute(overlapping):
        report.breach(f"invoice {number}: bills contract {contract} from {period_from}, billed already to {billed_to}")
    twice: Any = (
        select(func.min(Invoice.number_text), func.max(Invoice.number_text))
        .where(*mine)
        .group_by(Invoice.consumption_id)
        .having(func.count() > 1)
    )
    for first, second in case.session.execute(twice):
        report.breach(f"invoice {second}: bills the consumption of invoice {first} again")


def _consumptions(case: Case) -> Iterator[Any]:
    point = (SupplyPoint.utility_id == ConsumptionRow.utility_id) & (SupplyPoint.id == ConsumptionRow.supply_point_id)
    rows: Any = (
        select(
            ConsumptionRow.supply_point_id,
            ConsumptionRow.contract_id,
            ConsumptionRow.period_from,
            ConsumptionRow.period_to,
            ConsumptionRow.generation,
            ConsumptionRow.evidence,
            SupplyPoint.code,
        )
        .join(SupplyPoint, point)
        .where(ConsumptionRow.utility_id == case.utility_id)
        .order_by(ConsumptionRow.supply_point_id, ConsumptionRow.period_from, ConsumptionRow.generation)
        .execution_options(yield_per=500)
    )
    yield from case.session.execute(rows)


def _latest(rows: Iterator[Any]) -> Iterator[Any]:
    """Of each period its newest generation."""
    for _, generations in groupby(rows, key=lambda row: row.period_from):
        yield list(generations)[-1]


def _openings(pieces: Iterable[Piece]) -> dict[str, tuple[int, int]]:
    """By meter, instant and index of the first reading of a bill."""
    found: dict[str, tuple[int, int]] = {}
    for piece in pieces:
        if piece.opening is not None:
            found.setdefault(piece.meter, (millis(piece.opening.at), piece.opening.litres))
    return found
