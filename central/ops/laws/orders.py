"""Work orders against the register: what was done is there, once."""

from collections.abc import Sequence

from sqlalchemy import select

from central.fleet import kinds
from central.ops.laws.law import Case, Report, pages
from central.store.models import Installation, OrderReport, WorkOrder


def done_orders_are_in_the_register(case: Case, report: Report) -> None:
    """A done order has one report that was applied; a meter that it moved has its installation's end or beginning."""
    rows = select(WorkOrder).where(WorkOrder.utility_id == case.utility_id, WorkOrder.status == kinds.DONE)
    for some in pages(case, rows, WorkOrder.id):
        said = _applied(case, [order.id for order in some])
        moved = _moves(case, [order.supply_point_id for order in some])
        for order in some:
            report.saw()
            instants = said.get(order.id, [])
            if len(instants) != 1:
                report.breach(f"order {order.code}: is done, {len(instants)} reports of it were applied")
                continue
            for kind, end in (((kinds.REPLACE, kinds.REMOVE), "to"), ((kinds.REPLACE, kinds.INSTALL), "from")):
                if order.kind in kind and (order.supply_point_id, end, instants[0]) not in moved:
                    what = "removed" if end == "to" else "installed"
                    report.breach(f"order {order.code}: is done, and no meter was {what} there at {instants[0]} ms")


def _applied(case: Case, orders: Sequence[int]) -> dict[int, list[int]]:
    """When the work was done, by the reports that were applied."""
    query = select(OrderReport.order_id, OrderReport.at_ms).where(
        OrderReport.utility_id == case.utility_id,
        OrderReport.order_id.in_(orders),
        OrderReport.outcome == "done",
        OrderReport.status == kinds.APPLIED,
    )
    found: dict[int, list[int]] = {}
    for order_id, at_ms in case.session.execute(query):
        if order_id is not None:
            found.setdefault(order_id, []).append(at_ms)
    return found


def _moves(case: Case, points: Sequence[int]) -> set[tuple[int, str, int]]:
    """Ends and beginnings of every installation that was ever recorded: a correction keeps the row it corrects."""
    query = select(Installation.supply_point_id, Installation.from_ms, Installation.to_ms).where(
        Installation.utility_id == case.utility_id,
        Installation.supply_point_id.in_(points),
    )
    found = set()
    for point, from_ms, to_ms in case.session.execute(query):
        found.add((point, "from", from_ms))
        if to_ms is not None:
            found.add((point, "to", to_ms))
    return found
