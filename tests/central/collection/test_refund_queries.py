"""Refunds and orders as people look at them: what is counted, listed and sent is what each refund says of itself."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from central.collection import refund_queries as queries
from central.collection import refunds as service
from central.store import read_session, write_session
from tests.central.collection.test_refunds import IBAN, PAYER
from tests.central.collection.test_refunds import town as town  # a fixture, taken over
from tests.central.factories import UTILITY, Town

DAY = date(2026, 5, 4)


def test_each_state_is_counted_listed_and_told_alike(town: Town) -> None:
    with write_session(town.engine) as session:
        now = datetime.now(UTC)
        ask: dict[str, Any] = {"reason": "Lo pide", "cents": 10, "iban": IBAN}
        first, second, third, fourth, fifth = (
            service.ask(session, UTILITY, "K-0000001", "ana", now, **ask) for _ in range(5)
        )
        for row in (first, second, third):
            service.approve(session, row, "jefa", now)
        service.reject(session, fourth, "jefa", now, "No")
        assert queries.sending(session, UTILITY) == queries.Sending(3, 30)
        order = service.export(session, UTILITY, "jefa", now, iban=PAYER, execute_on=DAY)
        service.returned(session, first, "ana", now, DAY, "AC04")
        session.flush()
        assert queries.counts(session, UTILITY) == {
            "asked": 1, "approved": 0, "sent": 2, "paid": 0, "returned": 1, "rejected": 1,
        }  # fmt: skip
        assert [one.open for one in queries.orders(session, UTILITY)] == [2]
        service.paid(session, order, "ana", now, DAY)
    with read_session(town.engine) as session:
        assert queries.sending(session, UTILITY) == queries.Sending(0, 0)
        for state, count in queries.counts(session, UTILITY).items():
            rows = queries.page(session, UTILITY, state)
            assert [service.state_of(row.refund) for row in rows] == [state] * count
        found = queries.order(session, UTILITY, order.code)
        assert found is not None
        assert (found[0].open, found[0].transfers, found[0].cents) == (0, 3, 30)
        assert [row.refund.id for row in found[1]] == [first.id, second.id, third.id]
        assert queries.orders(session, UTILITY, before=found[0].id) == []
        one = queries.find(session, UTILITY, second.id)
        assert one is not None
        assert (one[0].contract, one[0].state, one[1]) == ("K-0000001", "paid", order.code)
        assert queries.find(session, UTILITY, 1) is None
        assert queries.find(session, UTILITY + 1, second.id) is None
        pages = [row.refund.id for row in queries.page(session, UTILITY, limit=3)]
        assert pages == [fifth.id, fourth.id, third.id]
        assert [row.refund.id for row in queries.page(session, UTILITY, before=third.id)] == [second.id, first.id]


@pytest.mark.parametrize("reason", ["", "  "])
def test_nobody_is_asked_for_without_a_reason(town: Town, reason: str) -> None:
    with write_session(town.engine) as session, pytest.raises(service.RefundError, match="a refund says why"):
        service.ask_all(session, UTILITY, "ana", datetime.now(UTC), reason=reason)
