"""Litres of many contracts at once: which stored rows count, and that the quick way finds what the long way finds."""

import random
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from billing.volume import NO_PAST, Method, Period, Policy, determine
from central import register
from central.invoicing.evidence import Source
from central.invoicing.issue import block_of
from central.invoicing.readings import Rules
from central.invoicing.settings import RunSettings
from central.invoicing.shared import Shared
from central.invoicing.subjects import Scope, subjects
from central.invoicing.volume import Measured, Stretch, Wanted, measure
from central.store import new_id, read_session, write_session
from central.store.bulk import insert_rows
from central.store.models import Contract, DraftBill, Reading, ReadingKind, ReadingStatus, SupplyPoint, Visit
from central.store.partitions import ensure_partitions
from central.times import midnight_ms, millis
from tests.central.factories import NEXT_PERIOD, NOW, PERIOD, READING, RECORDED, UTILITY, Town, found
from tests.central.invoicing.driving import issued, run_row, simulated

VALID = ReadingStatus.VALID
OPENS, CLOSES = PERIOD.opens, PERIOD.closes
DAY = timedelta(days=1)


def measured(
    town: Town, period: Period = PERIOD, accept_suspect: bool = False, cutoff: datetime = NOW
) -> list[Measured]:
    """The volume of each house, in order."""
    contracts = (min(town.contracts), max(town.contracts))
    rules = Rules(UTILITY, millis(cutoff), accept_suspect)
    stretch = Stretch(period, contracts, Policy(), rules, cutoff)
    scope = Scope(UTILITY, contracts, period, cutoff, RunSettings())
    with read_session(town.engine) as session:
        wanted = [Wanted(one.contract.id, one.supply.id, one.period) for one in subjects(session, scope)]
        found = measure(session, stretch, wanted)
    by_contract = {one.contract_id: volume for one, volume in found.items()}
    return [by_contract[contract] for contract in town.contracts]


def litres(town: Town, **how: Any) -> list[int]:
    return [one.volume.litres for one in measured(town, **how)]


@pytest.fixture
def pair(engine: Engine) -> Town:
    """Two houses; the second is read on time, the first as each test says."""
    town = found(engine, 2)
    town.read(1, PERIOD.start, 500)
    town.read(1, PERIOD.end, 5_500)
    return town


def test_without_a_reading_on_the_day_the_nearest_one_counts(pair: Town) -> None:
    pair.read(0, OPENS - 5 * DAY, 900, ReadingKind.RADIO)
    pair.read(0, OPENS + 2 * DAY, 1_000, ReadingKind.RADIO)
    pair.read(0, CLOSES - DAY, 7_000, ReadingKind.RADIO)
    pair.read(0, CLOSES + 3 * DAY, 7_500, ReadingKind.RADIO)
    assert litres(pair) == [6_000, 5_000]


def test_a_reading_outside_the_window_closes_nothing(pair: Town) -> None:
    pair.read(0, PERIOD.start, 1_000)
    pair.read(0, CLOSES + 8 * DAY, 7_500, ReadingKind.RADIO)
    first = measured(pair)[0].volume
    assert first.estimated
    assert [piece.method for piece in first.pieces] == [Method.ESTIMATED]


def test_what_is_known_up_to_the_last_reading_is_counted_and_the_rest_estimated(pair: Town) -> None:
    pair.read(0, PERIOD.start, 1_000)
    pair.read(0, OPENS + 10 * DAY, 4_000, ReadingKind.RADIO)
    first = measured(pair)[0].volume
    assert [piece.method for piece in first.pieces] == [Method.DIFFERENCE, Method.ESTIMATED]
    assert first.pieces[0].litres == 3_000


@pytest.mark.parametrize(
    ("status", "accept_suspect", "expected"),
    [
        (ReadingStatus.REJECTED, False, 5_800),
        (ReadingStatus.REJECTED, True, 5_800),
        (ReadingStatus.SUSPECT, False, 5_800),
        (ReadingStatus.SUSPECT, True, 39_000),
    ],
)
def test_only_accepted_readings_count(pair: Town, status: ReadingStatus, accept_suspect: bool, expected: int) -> None:
    pair.read(0, PERIOD.start, 1_000)
    pair.read(0, PERIOD.end, 40_000, status=status)
    pair.read(0, CLOSES - DAY, 6_800, ReadingKind.RADIO)
    assert litres(pair, accept_suspect=accept_suspect)[0] == expected


def test_a_correction_replaces_what_it_corrects(pair: Town) -> None:
    pair.read(0, PERIOD.start, 1_000)
    pair.read(0, PERIOD.end, 40_000)
    pair.read(0, PERIOD.end, 4_000, revision=1)
    assert litres(pair)[0] == 3_000


def test_what_was_recorded_after_the_cutoff_does_not_count(pair: Town) -> None:
    pair.read(0, PERIOD.start, 1_000)
    pair.read(0, PERIOD.end, 4_000)
    late: dict[str, Any] = {"revision": 1, "recorded": RECORDED + timedelta(hours=1)}
    pair.read(0, PERIOD.end, 3_500, **late)
    assert litres(pair)[0] == 2_500
    assert litres(pair, cutoff=RECORDED)[0] == 3_000


def test_a_nearest_reading_below_the_last_one_makes_room_for_the_next_nearest(pair: Town) -> None:
    pair.read(0, PERIOD.start, 10_000)
    pair.read(0, PERIOD.end, 9_000)
    pair.read(0, CLOSES - DAY, 9_500, ReadingKind.RADIO)
    pair.read(0, CLOSES - 2 * DAY, 14_000, ReadingKind.RADIO)
    first = measured(pair)[0].volume
    assert first.litres == 4_000
    assert "reading_below_previous" in [note.code for note in first.notes]


def test_a_meter_exchange_counts_both_meters(pair: Town) -> None:
    at = OPENS + 12 * DAY
    pair.read(0, PERIOD.start, 1_000)
    with write_session(pair.engine) as session:
        new = register.add_meter(
            session,
            UTILITY,
            address="KAM-00000099-1B-16",
            serial="K99",
            calibre_mm=20,
            modulus_litres=10**8,
            radio=True,
            by=register.Change("clerk", RECORDED),
        )
        point = session.get_one(SupplyPoint, (UTILITY, pair.points[0]))
        register.exchange_meter(
            session, point, new, at, removal_litres=3_500, installation_litres=20, by=register.Change("clerk", RECORDED)
        )
        new_meter = new.id
    pair.meters.append(new_meter)
    pair.read(2, PERIOD.end, 4_020)
    first = measured(pair)[0]
    assert [(piece.calibre_mm, piece.litres) for piece in first.volume.pieces] == [(13, 2_500), (20, 4_000)]
    run_id = simulated(pair)
    with read_session(pair.engine) as session:
        row = session.scalars(select(DraftBill).where(DraftBill.contract_id == pair.contracts[0])).one()
        assert row.place is not None
        block = block_of(session, UTILITY, run_id, row.partition)
        case = block.draft(row.place, "AG2026", Shared(session, UTILITY)).basis.case
    dated = [(run["calibre_mm"], run.get("from"), run.get("to")) for run in case["readings"]]
    assert dated == [(13, None, "2026-01-13"), (20, "2026-01-13", None)]
    assert run_row(pair, run_id).summary["parked"] == 0


def test_a_stopped_register_is_known_by_the_readers_code_and_estimated(pair: Town) -> None:
    pair.read(0, PERIOD.start, 1_000)
    with write_session(pair.engine) as session:
        visit = Visit(utility_id=UTILITY, id=new_id(), device_id=1, batch_id=1, item=1)
        visit.supply_point_id, visit.meter_id, visit.at_ms, visit.litres, visit.code = (
            pair.points[0],
            pair.meters[0],
            millis(CLOSES),
            1_000,
            "03",
        )
        visit.reader, visit.note, visit.confirmed, visit.clock_trusted = "ana", "", True, True
        session.add(visit)
        visit_id = visit.id
    pair.read(0, PERIOD.end, 1_000, ReadingKind.TYPED, visit_id=visit_id)
    first = measured(pair)[0].volume
    assert [piece.method for piece in first.pieces] == [Method.DIFFERENCE, Method.STOPPED]
    assert first.litres > 0
    assert "meter_stopped" in [note.code for note in first.notes]


def test_an_estimate_is_stored_opens_the_next_bill_and_is_made_good_there(pair: Town) -> None:
    pair.read(0, PERIOD.start, 1_000)
    pair.read(0, NEXT_PERIOD.end, 90_000)
    pair.read(1, NEXT_PERIOD.end, 9_500)
    issued(pair)
    with read_session(pair.engine) as session:
        estimate = session.scalars(select(Reading).where(Reading.kind == ReadingKind.ESTIMATED)).one()
    assert (estimate.meter_id, estimate.at_ms) == (pair.meters[0], midnight_ms(PERIOD.end))
    second = measured(pair, period=NEXT_PERIOD)[0].volume
    billed = estimate.litres - 1_000
    assert second.litres == 89_000 - billed
    assert second.pieces[0].basis == "after_estimate"


def test_a_new_contract_opens_where_the_old_ones_bill_closed(pair: Town) -> None:
    """On 10 January the old contract ends with a final reading; the new one's first bill opens with it."""
    moved = date(2026, 1, 10)
    by = register.Change("clerk", RECORDED)
    pair.read(0, PERIOD.start, 1_000)
    pair.read(0, moved, 3_000, ReadingKind.FINAL)
    pair.read(0, PERIOD.end, 8_000)
    with write_session(pair.engine) as session:
        old = session.get_one(Contract, (UTILITY, pair.contracts[0]))
        register.cancel_contract(session, old, moved, by=by)
        customer = register.add_customer(
            session,
            UTILITY,
            "C-NEW",
            nif="12345678Z",
            name="Nueva",
            address={"street": "Carrer Major, 1", "postal_code": "03698", "town": "Agost"},
            by=by,
        )
        point = session.get_one(SupplyPoint, (UTILITY, pair.points[0]))
        terms = register.contracts.Terms(use="domestic", persons=2)
        new = register.sign_contract(session, point, "K-NEW", customer, terms, moved, by=by).id
    issued(pair, Period(PERIOD.start, moved), issue_date=PERIOD.end)
    pair.contracts[0] = new
    first = measured(pair)[0].volume
    assert first.litres == 5_000
    assert first.pieces[0].opening is not None
    assert first.pieces[0].opening.litres == 3_000


@pytest.mark.parametrize("seed", range(3))
def test_the_quick_way_finds_what_looking_at_every_reading_finds(engine: Engine, seed: int) -> None:
    """Each house gets readings at random, some superseded, some rejected, some below the ones before."""
    chance = random.Random(seed)
    town = found(engine, 40)
    rows = [row for house in range(40) for row in _random_readings(town, house, chance)]
    with write_session(engine) as session:
        ensure_partitions(session.connection(), [row[1] for row in rows])
        insert_rows(session, Reading, READING, rows)
    quick = measured(town)
    for house, one in enumerate(quick):
        newest: dict[tuple[int, int], Any] = {}
        for row in sorted((row for row in rows if row[2] == town.meters[house]), key=lambda row: row[4]):
            newest[row[1], row[3]] = row
        sources = [Source(row[2], row[1], row[3], row[4], row[5]) for row in newest.values() if row[6] == VALID]
        everything = [source.reading(town.addresses[house]) for source in sources]
        assert determine(everything, one.installations, PERIOD, Policy(), NO_PAST).pieces == one.volume.pieces


def _random_readings(town: Town, house: int, chance: random.Random) -> list[tuple[Any, ...]]:
    rows: dict[tuple[int, int, int], tuple[Any, ...]] = {}
    for _ in range(chance.randint(0, 14)):
        at = OPENS + timedelta(hours=chance.choice([0, 0, 744, 744, chance.randint(-240, 960)]))
        litres = max(0, 20_000 + int((at - OPENS).total_seconds()) // 200 + chance.randint(-3_000, 300))
        kind = chance.choice([ReadingKind.RADIO, ReadingKind.RADIO_DUE, ReadingKind.TYPED, ReadingKind.SELF])
        status = chance.choices([VALID, ReadingStatus.REJECTED, ReadingStatus.SUSPECT], [8, 1, 1])[0]
        revision = chance.choices([0, 1], [5, 1])[0]
        row = town.reading(house, at, litres, kind, status, revision)
        rows[row[1], row[3], row[4]] = row
    return list(rows.values())
