"""The audit's law of work orders, and that it can be broken."""

import pytest
from sqlalchemy import update

from central.ops.laws import Case, Report
from central.ops.laws.orders import done_orders_are_in_the_register
from central.store import read_session, write_session
from central.store.models import WorkOrder
from tests.central.conftest import Town
from tests.central.fleet.support import exchanged, ordered, report, said
from tests.central.reading.support import FakeDevice

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def audited(town: Town) -> Report:
    found = Report()
    with read_session(town.engine) as session:
        done_orders_are_in_the_register(Case(session, town.utility_id), found)
    return found


def test_what_was_done_is_in_the_register(town: Town) -> None:
    device = FakeDevice()
    report(town, device, exchanged(device, ordered(town)))
    report(town, device, said(device, ordered(town, "seal", house=2), supply="S2", meter=town.meters[1]))
    found = audited(town)
    assert (found.checked, found.breaches) == (2, [])


@pytest.mark.parametrize(
    ("changes", "breach"),
    [
        ({"status": "done"}, "order OT-000001: is done, 0 reports of it were applied"),
        ({"kind": "install"}, "order OT-000002: is done, and no meter was installed there"),
        ({"kind": "remove"}, "order OT-000002: is done, and no meter was removed there"),
    ],
)
def test_what_the_register_does_not_say_is_a_breach(town: Town, changes: dict[str, str], breach: str) -> None:
    device = FakeDevice()
    first, second = ordered(town), ordered(town, "seal", house=2)
    report(town, device, said(device, second, supply="S2", meter=town.meters[1]))
    code = first if "status" in changes else second
    with write_session(town.engine) as session:
        session.execute(update(WorkOrder).where(WorkOrder.code == code).values(**changes))
    assert [text for text in audited(town).breaches if text.startswith(breach)]
