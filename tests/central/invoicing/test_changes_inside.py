"""Terms and holders that change within a period: prorated, explained; each his own days, none twice, none left out."""

from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from billing.invoice import InvoiceLine, InvoiceType
from billing.volume import Period
from central import explain_cli, register
from central.invoicing import desk, rectify, run
from central.invoicing.states import RunError
from central.invoicing.tenancies import Held, tenancies, without
from central.ops.audit import audit
from central.register import contracts as deeds
from central.store import read_session, write_session
from central.store.models import Contract, Customer, DraftException, Invoice, ReadingKind, SupplyPoint
from tests.central.factories import NEXT_PERIOD, NOW, PERIOD, RECORDED, UTILITY, Town, found
from tests.central.invoicing.driving import CHECKER, MAKER, archived, issued, simulated

JANUARY, FEBRUARY, MARCH = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)
BY = register.Change("clerk", RECORDED)


@pytest.fixture
def pair(engine: Engine) -> Town:
    """Two houses; the first is told about by each test, the second uses 5 m³ a month."""
    town = found(engine, 2)
    for month, day in enumerate((JANUARY, FEBRUARY, MARCH)):
        town.read(1, day, 1_000 + 5_000 * month)
    return town


def passes(town: Town, on: date, house: int = 0, to: int = 1) -> None:
    """From a day on a house's contract is another customer's."""
    with write_session(town.engine) as session:
        contract = session.get_one(Contract, (UTILITY, town.contracts[house]))
        deeds.change_holder(session, contract, session.get_one(Customer, (UTILITY, town.customers[to])), on, by=BY)


def bills(town: Town, house: int = 0) -> list[Invoice]:
    with read_session(town.engine) as session:
        rows = select(Invoice).where(Invoice.supply_point_id == town.points[house], Invoice.kind == "F1")
        return list(session.scalars(rows.order_by(Invoice.period_from)))


def told(town: Town, house: int = 0) -> list[tuple[int, date, date, int]]:
    """Holder (by house), days and litres of each bill of a house's place."""
    return [
        (town.customers.index(one.customer_id), one.period_from, one.period_to, one.litres)
        for one in bills(town, house)
    ]


def clean(town: Town) -> bool:
    """Whether every law holds and every bill comes out again as it was."""
    verdicts = audit(town.engine)
    assert [verdict.breaches for verdict in verdicts if verdict.breaches] == []
    for house in range(len(town.contracts)):
        for one in bills(town, house):
            assert explain_cli.told(town.engine, None, one.number_text)["recomputed"]["same"]
    return True


def complained(town: Town, run_id: int, house: int = 0) -> dict[str, str]:
    with read_session(town.engine) as session:
        rows = select(DraftException).where(
            DraftException.run_id == run_id, DraftException.contract_id == town.contracts[house]
        )
        return {row.code: row.text for row in session.scalars(rows)}


# ---- terms -----------------------------------------------------------------------------------------------------------


def test_terms_that_change_on_a_day_are_rated_by_days_and_say_so(pair: Town) -> None:
    pair.read(0, JANUARY, 1_000)
    pair.read(0, FEBRUARY, 32_000)
    pair.read(0, MARCH, 40_000)
    with write_session(pair.engine) as session:
        contract = session.get_one(Contract, (UTILITY, pair.contracts[0]))
        deeds.change_terms(session, contract, deeds.Terms(use="industrial"), date(2026, 1, 11), by=BY)
    run_id = issued(pair)
    assert "11/01/2026" in complained(pair, run_id)["terms_changed"]
    (bill,) = bills(pair)
    with read_session(pair.engine) as session:
        lines = archived(session, Invoice.id == bill.id)[0].invoice.lines
    water = [line for line in lines if line.code == "AGUA_CONS"]
    assert {(line.why["days"], use(line)) for line in water} == {(10, "domestic"), (21, "industrial")}
    assert sum(int(float_free(str(line.quantity))) for line in water) == bill.litres == 31_000
    domestic = [line for line in water if use(line) == "domestic"]
    assert sum(float_free(str(line.quantity)) for line in domestic) == 10_000
    assert all("uso: domestic, del 01/01/2026 al 10/01/2026" in line.description for line in domestic)
    issued(pair, NEXT_PERIOD)
    (_, following) = bills(pair)
    assert (following.period_from, following.litres) == (FEBRUARY, 8_000)
    assert clean(pair)


def use(line: InvoiceLine) -> str:
    """The use that a line was rated for."""
    asked: Any = line.why["facts"]
    return str(asked["use"])


def float_free(m3: str) -> int:
    """Litres of m³ written as text."""
    whole, _, part = m3.partition(".")
    return int(whole) * 1000 + int(part.ljust(3, "0") or 0)


# ---- holders ---------------------------------------------------------------------------------------------------------


def test_each_holder_pays_to_the_reading_of_the_day(pair: Town) -> None:
    pair.read(0, JANUARY, 1_000)
    pair.read(0, datetime(2026, 1, 11, 9, tzinfo=BY.at.tzinfo), 5_000, ReadingKind.FINAL)
    pair.read(0, FEBRUARY, 31_000)
    pair.read(0, MARCH, 40_000)
    passes(pair, date(2026, 1, 11))
    issued(pair)
    assert told(pair) == [(0, JANUARY, date(2026, 1, 11), 4_000), (1, date(2026, 1, 11), FEBRUARY, 26_000)]
    issued(pair, NEXT_PERIOD)
    assert told(pair)[2:] == [(1, FEBRUARY, MARCH, 9_000)]
    numbers = [one.number for one in bills(pair)[:2]]
    assert numbers[1] == numbers[0] + 1
    assert clean(pair)


def test_without_a_reading_of_the_day_the_water_is_shared_by_days(pair: Town) -> None:
    pair.read(0, JANUARY, 1_000)
    pair.read(0, FEBRUARY, 32_000)
    pair.read(0, MARCH, 40_000)
    passes(pair, date(2026, 1, 11))
    run_id = issued(pair)
    assert "10 de 31 días" in complained(pair, run_id)["shared_by_days"]
    assert told(pair) == [(0, JANUARY, date(2026, 1, 11), 10_000), (1, date(2026, 1, 11), FEBRUARY, 21_000)]
    issued(pair, NEXT_PERIOD)
    assert sum(one[3] for one in told(pair)) == 39_000
    assert clean(pair)


def test_a_shared_bill_made_again_is_the_same(pair: Town) -> None:
    pair.read(0, JANUARY, 1_000)
    pair.read(0, FEBRUARY, 32_000)
    passes(pair, date(2026, 1, 11))
    issued(pair)
    for one in bills(pair):
        asked = rectify.Request((one.id,), "correct", InvoiceType.R4, "I", "AR2026", "prueba")
        with write_session(pair.engine) as session, pytest.raises(RunError, match="nothing to rectify"):
            rectify.propose(session, UTILITY, asked, MAKER, NOW)


def test_who_left_is_billed_later_where_his_bill_was_held_back(pair: Town) -> None:
    pair.read(0, JANUARY, 1_000)
    pair.read(0, FEBRUARY, 32_000)
    passes(pair, date(2026, 1, 11))
    with write_session(pair.engine) as session:  # the first holder's name is missing: his bill cannot be made
        session.get_one(Customer, (UTILITY, pair.customers[0])).name = ""
    issued(pair)
    assert told(pair) == [(1, date(2026, 1, 11), FEBRUARY, 21_000)]
    with write_session(pair.engine) as session:
        session.get_one(Customer, (UTILITY, pair.customers[0])).name = "Vecina 1"
    issued(pair, code="R-2026-01-B")
    assert told(pair) == [(0, JANUARY, date(2026, 1, 11), 10_000), (1, date(2026, 1, 11), FEBRUARY, 21_000)]
    assert clean(pair)


def test_holding_a_contract_back_holds_all_its_holders(pair: Town) -> None:
    pair.read(0, JANUARY, 1_000)
    pair.read(0, FEBRUARY, 32_000)
    passes(pair, date(2026, 1, 11))
    run_id = simulated(pair)
    with write_session(pair.engine) as session:
        row = run.run_of(session, UTILITY, run_id)
        desk.waive_all(session, row, list(row.summary["exceptions"]), MAKER, NOW, "visto")
        desk.hold(session, row, pair.contracts[0], MAKER, NOW, "pendiente")
        run.approve(session, row, CHECKER, NOW)
    run.issue(pair.engine, UTILITY, run_id, run.Operator(CHECKER), NOW)
    assert told(pair) == []


# ---- one contract after another at a place ---------------------------------------------------------------------------


def hands_over(town: Town, ends: date, begins: date) -> None:
    """A house's contract ends, and its neighbour signs a new one there."""
    with write_session(town.engine) as session:
        deeds.cancel_contract(session, session.get_one(Contract, (UTILITY, town.contracts[0])), ends, by=BY)
        point = session.get_one(SupplyPoint, (UTILITY, town.points[0]))
        customer = session.get_one(Customer, (UTILITY, town.customers[1]))
        deeds.sign_contract(session, point, "K-NEW", customer, deeds.Terms(use="domestic"), begins, by=BY)


@pytest.mark.parametrize("partition_size", [1, 10])
def test_the_next_contract_begins_where_the_last_ends_in_whatever_partition(pair: Town, partition_size: int) -> None:
    for day, litres in ((JANUARY, 1_000), (date(2026, 1, 11), 9_000), (FEBRUARY, 32_000), (MARCH, 40_000)):
        pair.read(0, day, litres)
    issued(pair, Period(date(2025, 12, 1), JANUARY), code="R-2025-12", partition_size=partition_size)
    hands_over(pair, date(2026, 1, 11), date(2026, 1, 11))
    issued(pair, partition_size=partition_size)
    issued(pair, NEXT_PERIOD, partition_size=partition_size)
    assert told(pair)[1:] == [
        (0, JANUARY, date(2026, 1, 11), 8_000),
        (1, date(2026, 1, 11), FEBRUARY, 23_000),
        (1, FEBRUARY, MARCH, 8_000),
    ]
    assert clean(pair)


def test_what_runs_while_nobody_has_the_place_is_nobodys(pair: Town) -> None:
    readings = ((JANUARY, 1_000), (date(2026, 1, 11), 9_000), (date(2026, 1, 21), 12_000), (FEBRUARY, 32_000))
    for day, litres in readings:
        pair.read(0, day, litres)
    issued(pair, Period(date(2025, 12, 1), JANUARY), code="R-2025-12")
    hands_over(pair, date(2026, 1, 11), date(2026, 1, 21))
    run_id = issued(pair)
    assert told(pair)[1:] == [(0, JANUARY, date(2026, 1, 11), 8_000), (1, date(2026, 1, 21), FEBRUARY, 20_000)]
    with read_session(pair.engine) as session:
        rows = session.scalars(select(DraftException).where(DraftException.run_id == run_id)).all()
    assert [row.text for row in rows if row.code == "vacant"] == [
        "Sin contrato antes de estos días: 3000 l que no se facturan"
    ]
    assert clean(pair)


# ---- laws ------------------------------------------------------------------------------------------------------------

days = st.integers(0, 60).map(lambda number: JANUARY + timedelta(number))


@given(st.lists(st.tuples(days, st.integers(1, 20), st.integers(1, 3)), max_size=5), days, st.integers(1, 60))
def test_the_days_of_a_place_follow_one_another(
    stretches: list[tuple[date, int, int]], start: date, length: int
) -> None:
    held, reached = [], date.min
    for number, (since, many, holders) in enumerate(sorted(stretches)):
        since = max(since, reached)
        reached = since + timedelta(many)
        cut = [since + timedelta(many * step // holders) for step in range(holders)]
        ends = [*cut[1:], reached]
        held.append(
            Held(
                number + 1,
                since,
                reached,
                tuple((step % 2, one, end) for step, (one, end) in enumerate(zip(cut, ends, strict=True))),
            )
        )
    period = Period(start, start + timedelta(length))
    found = tenancies(held, period)
    assert found[0].period.start == period.start
    assert found[-1].period.end == period.end
    assert all(one.period.end == other.period.start for one, other in pairwise(found))
    assert all(
        (one.contract_id, one.customer_id) != (other.contract_id, other.customer_id) for one, other in pairwise(found)
    )


@given(days, st.integers(1, 60), st.lists(st.tuples(days, st.integers(1, 20)), max_size=4))
def test_what_is_left_and_what_was_taken_are_the_whole(start: date, length: int, taken: list[tuple[date, int]]) -> None:
    period = Period(start, start + timedelta(length))
    billed = [Period(one, one + timedelta(many)) for one, many in taken]
    left = [day for part in without(period, billed) for day in part]
    assert left == [day for day in period if not any(one.start <= day < one.end for one in billed)]


@pytest.mark.parametrize(
    ("metered", "handovers"), [(0, [31]), (1, [2, 3]), (90_001, [2, 16, 31]), (7, [10, 20, 30]), (31_000, [11])]
)
def test_shared_water_adds_up_whoever_comes_and_goes(engine: Engine, metered: int, handovers: list[int]) -> None:
    town = found(engine, 3)
    town.read(0, JANUARY, 1_000)
    town.read(0, FEBRUARY, 1_000 + metered)
    for number, day in enumerate(handovers):
        passes(town, date(2026, 1, day), to=(number + 1) % 3)
    issued(town)
    found_bills = told(town)
    assert sum(one[3] for one in found_bills) == metered
    assert [one[2] for one in found_bills][:-1] == [one[1] for one in found_bills][1:]
    assert (found_bills[0][1], found_bills[-1][2]) == (PERIOD.start, PERIOD.end)
    assert len(found_bills) == len(handovers) + 1
