"""General meters, shared and joined supplies: register → run → bills → explained → audited, litres and cents whole."""

import json
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from typer.testing import CliRunner

from billing.invoice import InvoiceType
from billing.volume import BulkPolicy, Period
from central import explain_cli, register
from central.invoicing import rectify
from central.invoicing.archive import rebuild
from central.invoicing.sharing import Bulk, _days_of, _weights
from central.invoicing.states import RunError
from central.ops.audit import audit
from central.register import RegisterError
from central.register import contracts as deeds
from central.register import sharing as shares
from central.register.supply import add_supply_point
from central.store import read_session, write_session
from central.store.models import AuditEntry, Contract, Customer, DraftException, Invoice, SupplyPoint
from sgc import build_app
from tests.central.factories import NEXT_PERIOD, PERIOD, RECORDED, UTILITY, Town, found
from tests.central.invoicing.driving import MAKER, issued

JANUARY, FEBRUARY, MARCH = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)
BY = register.Change("clerk", RECORDED)
SINCE = "2025-01-01"


@pytest.fixture
def block(engine: Engine) -> Town:
    """House 0 has the general meter of houses 1, 2 and 3; each uses 10, 20 and 30 m³ a month, 5 m³ are lost."""
    town = found(engine, 4)
    for month, day in enumerate((JANUARY, FEBRUARY, MARCH)):
        for house, litres in enumerate((65_000, 10_000, 20_000, 30_000)):
            town.read(house, day, 1_000 + month * litres)
    return town


def sgc(town: Town, *arguments: str) -> Any:
    """What a command of ``sgc central`` prints."""
    db = town.engine.url.render_as_string(hide_password=False)
    result = CliRunner().invoke(build_app(), ["central", *arguments, "--db", db, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def billed(town: Town, period: Period = PERIOD, **changes: Any) -> int:
    """A run with what commands just stated."""
    return issued(town, period, datetime.now(UTC), **changes)


def litres(town: Town, start: date = JANUARY) -> dict[str, int]:
    """What each contract was billed in a period."""
    with read_session(town.engine) as session:
        rows = session.execute(
            select(Contract.code, Invoice.litres)
            .join(Invoice, Invoice.contract_id == Contract.id)
            .where(Invoice.period_from == start)
            .order_by(Contract.code)
        )
        return {row[0].removeprefix("K-000000"): row[1] for row in rows}


def invoices(town: Town) -> list[Invoice]:
    with read_session(town.engine) as session:
        return list(session.scalars(select(Invoice).order_by(Invoice.number)))


def clean(town: Town) -> bool:
    """Whether every law holds and every bill comes out again as it was."""
    assert [verdict.breaches for verdict in audit(town.engine) if verdict.breaches] == []
    for one in invoices(town):
        assert explain_cli.told(town.engine, None, one.number_text)["recomputed"]["same"]
    return True


def complaints(town: Town, run_id: int) -> dict[str, str]:
    with read_session(town.engine) as session:
        rows = session.scalars(select(DraftException).where(DraftException.run_id == run_id))
        return {row.code: row.text for row in rows}


def points(*houses: int) -> list[str]:
    return [f"PS-{house + 1:07d}" for house in houses]


# ---- general meters --------------------------------------------------------------------------------------------------


def test_the_general_meters_contract_pays_the_difference(block: Town) -> None:
    told = sgc(block, "bulk", "set", *points(0, 1, 2, 3), "--on", SINCE)
    assert told == {"supply": "PS-0000001", "policy": "difference", "members": 3, "on": SINCE}
    billed(block, partition_size=1)
    assert litres(block) == {"1": 5_000, "2": 10_000, "3": 20_000, "4": 30_000}
    billed(block, NEXT_PERIOD)
    assert sum(litres(block, FEBRUARY).values()) == 65_000
    bill = invoices(block)[0]
    story = explain_cli.told(block.engine, None, bill.number_text)
    assert story["derived"][0]["submeters"] == {"PS-0000002": 10_000, "PS-0000003": 20_000, "PS-0000004": 30_000}
    assert "contador general" in "\n".join(explain_cli.in_words(story))
    assert clean(block)


def test_the_supplies_under_it_share_the_difference(block: Town) -> None:
    weights = [f"{code}={weight}" for code, weight in zip(points(1, 2, 3), (1, 1, 2), strict=True)]
    sgc(block, "bulk", "set", *points(0), *weights, "--on", SINCE, "--policy", "shared", "--by", "weight")
    billed(block, partition_size=1)
    assert litres(block) == {"1": 0, "2": 11_250, "3": 21_250, "4": 32_500}
    listed = sgc(block, "bulk", "list", "--on", "2026-01-15")
    assert [(row["policy"], row["by"], row["members"]) for row in listed] == [
        ("shared", "weight", "PS-0000002=1 PS-0000003=1 PS-0000004=2")
    ]
    assert clean(block)


@pytest.mark.parametrize(
    ("by", "expected"),
    [("equal", [1_667, 1_667, 1_666]), ("litres", [833, 1_667, 2_500])],
)
def test_equal_parts_and_parts_by_use_are_the_whole(block: Town, by: str, expected: list[int]) -> None:
    sgc(block, "bulk", "set", *points(0, 1, 2, 3), "--on", SINCE, "--policy", "shared", "--by", by)
    billed(block)
    own = (10_000, 20_000, 30_000)
    assert [found - mine for found, mine in zip(list(litres(block).values())[1:], own, strict=True)] == expected
    assert sum(litres(block).values()) == 65_000


@pytest.mark.parametrize("policy", ["difference", "shared"])
def test_sub_meters_above_the_general_meter_are_no_credit(block: Town, policy: str) -> None:
    block.read(2, FEBRUARY, 1_000 + 26_000, revision=1)
    sgc(block, "bulk", "set", *points(0, 1, 2, 3), "--on", SINCE, "--policy", policy)
    run_id = billed(block)
    assert litres(block) == {"1": 0, "2": 10_000, "3": 26_000, "4": 30_000}
    assert complaints(block, run_id)["submeters_above"] == "Los divisionarios suman 1000 l más que el contador general"
    assert clean(block)


def test_a_general_meter_that_only_watches_bills_nobody(block: Town) -> None:
    block.read(0, FEBRUARY, 1_000 + 80_000, revision=1)
    sgc(block, "bulk", "set", *points(0, 1, 2, 3), "--on", SINCE, "--policy", "watch_only")
    run_id = billed(block)
    assert litres(block) == {"1": 0, "2": 10_000, "3": 20_000, "4": 30_000}
    assert "20000 l" in complaints(block, run_id)["bulk_difference"]


def test_a_group_ends_on_a_day_and_is_audited(block: Town) -> None:
    sgc(block, "bulk", "set", *points(0, 1, 2, 3), "--on", SINCE)
    sgc(block, "bulk", "end", *points(0), "--on", "2026-02-01")
    billed(block)
    billed(block, NEXT_PERIOD)
    assert litres(block)["1"] == 5_000
    assert litres(block, FEBRUARY)["1"] == 65_000
    with read_session(block.engine) as session:
        rows = session.scalars(select(AuditEntry).where(AuditEntry.action.in_(["set_bulk", "end_bulk"]))).all()
    assert [(row.action, row.before, (row.after or {})["on"]) for row in rows] == [
        ("set_bulk", None, SINCE),
        ("end_bulk", {"policy": "difference", "by": "equal", "members": 3}, "2026-02-01"),
    ]


def test_a_holder_who_leaves_pays_his_days_of_the_difference(block: Town) -> None:
    sgc(block, "bulk", "set", *points(0, 1, 2, 3), "--on", SINCE, "--policy", "shared")
    with write_session(block.engine) as session:
        contract = session.get_one(Contract, (UTILITY, block.contracts[3]))
        other = session.get_one(Customer, (UTILITY, block.customers[0]))
        deeds.change_holder(session, contract, other, date(2026, 1, 11), by=BY)
    billed(block)
    with read_session(block.engine) as session:
        rows = session.scalars(
            select(Invoice).where(Invoice.contract_id == block.contracts[3]).order_by(Invoice.period_from)
        ).all()
    # 30 m³ and a third of 5 m³ (1666 l), 10 and 21 of 31 days of both.
    assert [row.litres for row in rows] == [9_677 + 537, 20_323 + 1_129]
    assert clean(block)


def test_a_bill_of_a_group_is_made_again_as_it_was(block: Town) -> None:
    sgc(block, "bulk", "set", *points(0, 1, 2, 3), "--on", SINCE)
    billed(block)
    asked = rectify.Request((invoices(block)[0].id,), "correct", InvoiceType.R4, "I", "AR2026", "prueba")
    with write_session(block.engine) as session, pytest.raises(RunError, match="nothing to rectify"):
        rectify.propose(session, UTILITY, asked, MAKER, datetime.now(UTC))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((*points(0), "PS-0000001"), "cannot hang under itself"),
        ((*points(0), "PS-9"), "is not registered"),
        ((*points(0), "PS-0000002=x"), "must be a whole number"),
        ((*points(0), "PS-0000002=0"), "bulk_member.weight"),
        ((*points(0, 1), "--policy", "perhaps"), "bulk_supply.policy"),
    ],
)
def test_what_cannot_be_a_group_is_refused(block: Town, arguments: tuple[str, ...], told: str) -> None:
    db = block.engine.url.render_as_string(hide_password=False)
    result = CliRunner().invoke(build_app(), ["central", "bulk", "set", *arguments, "--on", SINCE, "--db", db])
    assert result.exit_code == 2
    assert told in result.stderr


def test_a_supply_hangs_under_one_general_meter_only(block: Town) -> None:
    sgc(block, "bulk", "set", *points(0, 1, 2), "--on", SINCE)
    with write_session(block.engine) as session:
        point = {house: session.get_one(SupplyPoint, (UTILITY, block.points[house])) for house in range(4)}
        for general, member, told in ((3, 1, "another"), (3, 0, "has a general meter"), (1, 3, "hangs under another")):
            with pytest.raises(RegisterError, match=told):
                shares.set_bulk(session, point[general], {point[member]: 1}, date(2025, 6, 1), policy="shared", by=BY)


# ---- one supply, several contracts; several supplies, one contract ---------------------------------------------------


def without_meter(town: Town, *codes: str) -> None:
    """Contracts of house 0's neighbours at places that have no meter."""
    with write_session(town.engine) as session:
        for number, code in enumerate(codes):
            place: dict[str, Any] = {"street": "Carrer Major", "number": "1", "detail": code, "postal_code": "03698"}
            point = add_supply_point(session, UTILITY, f"PS-{code}", **place, ine_code="03002", by=BY)
            customer = session.get_one(Customer, (UTILITY, town.customers[number + 1]))
            deeds.sign_contract(session, point, code, customer, deeds.Terms("domestic"), date(2024, 1, 1), by=BY)


@pytest.fixture
def shared(engine: Engine) -> Town:
    """Three houses; two contracts without meters take part in the first one's water."""
    town = found(engine, 3)
    for month, day in enumerate((JANUARY, FEBRUARY, MARCH)):
        for house, used in enumerate((40_000, 10_000, 20_000)):
            town.read(house, day, 1_000 + month * used)
    without_meter(town, "K-A", "K-B")
    return town


def test_three_contracts_share_a_supplys_water(shared: Town) -> None:
    sgc(shared, "shares", "set", "PS-0000001", "K-0000001=1/3", "K-A=1/3", "K-B=1/3", "--on", SINCE)
    billed(shared, partition_size=1)
    assert {code: used for code, used in litres(shared).items() if code in ("1", "K-A", "K-B")} == {
        "1": 13_334,
        "K-A": 13_333,
        "K-B": 13_333,
    }
    billed(shared, NEXT_PERIOD)
    assert sum(litres(shared, FEBRUARY).values()) == 70_000
    assert sgc(shared, "shares", "list", "--on", "2026-01-01")[0]["parts"] == "K-0000001=1/3 K-A=1/3 K-B=1/3"
    assert clean(shared)


def test_three_contracts_divide_a_supplys_bill_to_the_cent(shared: Town) -> None:
    plain = billed(shared)
    whole = {one.contract_id: one for one in invoices(shared)}[shared.contracts[0]]
    assert plain
    sgc(
        shared,
        "shares",
        "set",
        "PS-0000001",
        "K-0000001=50%",
        "K-A=0.3",
        "K-B=1/5",
        "--by",
        "amount",
        "--on",
        "2026-02-01",
    )
    billed(shared, NEXT_PERIOD, partition_size=1)
    with read_session(shared.engine) as session:
        rows = session.execute(
            select(Contract.code, Invoice)
            .join(Invoice, Invoice.contract_id == Contract.id)
            .where(Invoice.period_from == FEBRUARY, Contract.code.in_(["K-0000001", "K-A", "K-B"]))
        ).all()
        parts = {row[0]: row[1] for row in rows}
        lines = next(rebuild(session, [parts["K-A"]])).invoice.lines
    assert {code: one.litres for code, one in parts.items()} == {"K-0000001": 20_000, "K-A": 12_000, "K-B": 8_000}
    assert {(line.why["share"], line.description.endswith("parte 3/10")) for line in lines} == {("3/10", True)}
    # February is billed for the same days and water as January was, so its parts are January's bill.
    assert sum(one.total_cents for one in parts.values()) == february_of(shared, whole)
    assert clean(shared)


def february_of(town: Town, january: Invoice) -> int:
    """The cents that January's whole bill comes to for February's days."""
    from billing.rating import Case, rate
    from central.invoicing.tariffs import book_of

    with read_session(town.engine) as session:
        basis = next(rebuild(session, [january])).basis
        case = {**basis.case, "period": {"from": "2026-02-01", "to": "2026-03-01"}}
        return int(rate(Case.parse(case), book_of(session, UTILITY, basis.tariffs).book).total * 100)


def test_several_supplies_on_one_contract(engine: Engine) -> None:
    town = found(engine, 2)
    with write_session(engine) as session:
        deeds.cancel_contract(session, session.get_one(Contract, (UTILITY, town.contracts[1])), date(2025, 1, 1), by=BY)
    for month, day in enumerate((JANUARY, FEBRUARY, MARCH)):
        town.read(0, day, 1_000 + month * 7_000)
        town.read(1, day, 5_000 + month * 4_000)
    sgc(town, "shares", "set", "PS-0000002", "K-0000001", "--on", SINCE)
    billed(town)
    billed(town, NEXT_PERIOD)
    assert litres(town) == {"1": 11_000}
    assert litres(town, FEBRUARY) == {"1": 11_000}
    assert clean(town)


def test_an_estimate_that_several_share_is_kept_once(shared: Town) -> None:
    sgc(shared, "shares", "set", "PS-0000001", "K-0000001=1/2", "K-A=1/2", "--on", SINCE)
    billed(shared)
    billed(shared, NEXT_PERIOD)
    april = Period(MARCH, date(2026, 4, 1))
    billed(shared, april)  # nobody read in March
    assert litres(shared, MARCH)["1"] - litres(shared, MARCH)["K-A"] in (0, 1)
    assert clean(shared)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("K-0000001=1/3", "K-A=1/3"), "must add up to 1 exactly"),
        (("K-A=1/2", "K-B=1/2"), "give it a part too"),
        (("K-0000001=0.5", "K-A=x"), "must be a part like 1/3"),
        (("K-0000001=1/2", "K-0000002=1/2", "--by", "amount"), "has a meter of its own"),
    ],
)
def test_parts_that_are_not_the_whole_are_refused(shared: Town, arguments: tuple[str, ...], told: str) -> None:
    db = shared.engine.url.render_as_string(hide_password=False)
    result = CliRunner().invoke(
        build_app(), ["central", "shares", "set", "PS-0000001", *arguments, "--on", SINCE, "--db", db]
    )
    assert result.exit_code == 2
    assert told in result.stderr


# ---- laws ------------------------------------------------------------------------------------------------------------


@given(st.integers(0, 10**9), st.sets(st.integers(1, 89), max_size=6))
def test_the_days_of_a_part_add_up(whole: int, cuts: set[int]) -> None:
    start = JANUARY.toordinal()
    run = Period(JANUARY, date.fromordinal(start + 90))
    edges = [JANUARY, *(date.fromordinal(start + cut) for cut in sorted(cuts)), run.end]
    assert sum(_days_of(whole, Period(opens, closes), run) for opens, closes in pairwise(edges)) == whole


@given(st.lists(st.integers(-5, 10**6), min_size=1, max_size=9), st.sampled_from(["equal", "weight", "litres"]))
def test_somebody_always_pays_the_difference(used: list[int], by: str) -> None:
    bulk = Bulk(BulkPolicy.SHARED, by, tuple((point, point + 1) for point in range(len(used))))
    weights = _weights(bulk, used)
    assert len(weights) == len(used)
    assert sum(weights) > 0
    assert min(weights) >= 0
