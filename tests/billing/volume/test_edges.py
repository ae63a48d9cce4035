"""The edges of a meter's part: instants that just count, indexes that just fit, and what each note says."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from billing.volume import (
    BulkPolicy,
    Kind,
    LeakAllowance,
    LeakClaim,
    LeakPolicy,
    Method,
    Negative,
    Past,
    PastPeriod,
    Period,
    Policy,
    Reading,
    Volume,
    VolumeError,
    determine,
    leak_allowance,
    merge,
    redistribute,
    settle_bulk,
    share_by_days,
)
from billing.volume.bulk import BulkShare
from billing.volume.readings import BROKEN, STOPPED
from tests.billing.volume.test_determine import FEBRUARY, JANUARY, M3, at, meter

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
MODULUS = meter().modulus_litres
HUNG = JANUARY.opens + 10 * DAY


def noted(volume: Volume) -> dict[str, str]:
    return {note.code: note.text for note in volume.notes}


def billed(closing: Reading) -> Past:
    return Past({closing.meter: closing}, ())


# ---- what an index may be --------------------------------------------------------------------------------------------


def test_the_highest_index_a_register_shows_is_used_and_the_next_one_is_set_aside() -> None:
    low, high = at(JANUARY.opens, MODULUS - 5 * M3), at(JANUARY.closes, MODULUS - 1)
    assert determine([low, high], [meter()], JANUARY).litres == 5 * M3 - 1
    beyond = replace(high, litres=MODULUS)
    volume = determine([low, beyond], [meter()], JANUARY)
    assert volume.estimated
    assert noted(volume)["index_out_of_range"] == f"Lectura {beyond.origin}: {MODULUS} l ≥ {MODULUS} l"


def test_whole_units_are_cut_from_both_ends_and_an_exact_index_stays_itself() -> None:
    whole = Policy(unit_litres=M3)
    exact, rest = at(JANUARY.opens, 7 * M3), at(JANUARY.closes, 9 * M3 + 999)
    volume = determine([exact, rest], [meter()], JANUARY, policy=whole)
    assert volume.litres == 2 * M3
    (piece,) = volume.pieces
    assert piece.opening is not None
    assert piece.opening == exact
    assert piece.closing == replace(rest, litres=9 * M3)


# ---- opening ---------------------------------------------------------------------------------------------------------


def test_a_meter_hung_in_the_period_opens_with_its_installation_reading() -> None:
    hung = at(HUNG + timedelta(hours=3), 2 * M3, Kind.INSTALLATION)
    early = at(HUNG + timedelta(hours=1), 1 * M3)
    volume = determine([early, hung, at(JANUARY.closes, 9 * M3)], [meter(start=HUNG)], JANUARY)
    assert volume.litres == 7 * M3
    assert volume.pieces[0].opening == hung
    assert "opening_missing" not in noted(volume)


def test_without_it_the_first_reading_since_it_hung_opens_and_is_noted() -> None:
    before, first = at(HUNG - SECOND, 1 * M3), at(HUNG, 2 * M3)
    later = at(HUNG + DAY, 3 * M3)
    volume = determine([later, before, first, at(JANUARY.closes, 9 * M3)], [meter(start=HUNG)], JANUARY)
    assert volume.pieces[0].opening == first
    assert noted(volume)["opening_missing"] == (
        f"Sin lectura de apertura; se cuenta desde la primera conocida ({first.origin})"
    )


def test_of_two_first_readings_at_one_instant_the_origin_decides() -> None:
    one, other = Reading("A", HUNG, 2 * M3, Kind.REMOTE, "a"), Reading("A", HUNG, 3 * M3, Kind.REMOTE, "b")
    for readings in ([one, other], [other, one]):
        volume = determine([*readings, at(JANUARY.closes, 9 * M3)], [meter(start=HUNG)], JANUARY)
        assert volume.pieces[0].opening == one


def test_a_reading_at_the_very_end_does_not_open() -> None:
    volume = determine([at(JANUARY.closes, 9 * M3)], [meter(start=HUNG)], JANUARY)
    assert noted(volume).keys() == {"no_readings"}
    old = determine([at(JANUARY.closes, 9 * M3)], [meter()], JANUARY, policy=Policy(window_before_days=40))
    assert noted(old).keys() == {"no_readings"}


def test_an_old_meter_without_a_reading_near_the_start_opens_with_the_first_inside() -> None:
    outside, inside = at(JANUARY.opens - 20 * DAY, 1 * M3), at(JANUARY.opens + 15 * DAY, 4 * M3)
    volume = determine([outside, inside, at(JANUARY.closes, 9 * M3)], [meter()], JANUARY)
    assert volume.litres == 5 * M3
    assert volume.pieces[0].opening == inside
    assert "opening_missing" in noted(volume)


# ---- closing ---------------------------------------------------------------------------------------------------------


def test_readings_of_other_days_on_the_wall_do_not_count() -> None:
    gone = JANUARY.opens + 20 * DAY
    hanging = meter(end=gone)
    readings = [at(JANUARY.opens, 0), at(gone, 6 * M3), at(gone + SECOND, 50 * M3)]
    assert determine(readings, [hanging], JANUARY).litres == 6 * M3
    readings = [at(JANUARY.opens, 0), at(gone - SECOND, 5 * M3), at(gone + SECOND, 50 * M3)]
    assert determine(readings, [hanging], JANUARY).pieces[0].closing == readings[1]


def test_a_removal_reading_written_the_next_day_closes_a_meter_that_left() -> None:
    gone = JANUARY.opens + 20 * DAY
    removal = at(gone + timedelta(hours=5), 8 * M3, Kind.REMOVAL)
    near = at(gone - timedelta(hours=1), 7 * M3)
    volume = determine([at(JANUARY.opens, 0), near, removal], [meter(end=gone)], JANUARY)
    assert volume.litres == 8 * M3
    assert volume.pieces[-1].closing == removal
    below = replace(removal, litres=1)
    volume = determine([at(JANUARY.opens, 5 * M3), near, below], [meter(end=gone)], JANUARY)
    assert volume.pieces[-1].closing == near
    assert noted(volume)["reading_below_previous"] == (
        f"Lectura {below.origin} (1 l) inferior a la anterior ({5 * M3} l)"
    )


def test_the_opening_itself_never_closes() -> None:
    opening = at(JANUARY.closes - DAY, 5 * M3)
    volume = determine([opening], [meter()], JANUARY, past=billed(opening))
    assert volume.estimated
    assert volume.pieces[0].opening == opening
    assert volume.pieces[0].closing != opening


def test_what_was_billed_to_the_end_is_closed_with_nothing_more() -> None:
    until_end = at(JANUARY.closes, 5 * M3)
    volume = determine([], [meter()], JANUARY, past=billed(until_end))
    assert (volume.litres, volume.pieces, volume.notes) == (0, (), ())
    assert volume.closing["A"] == until_end


# ---- estimates -------------------------------------------------------------------------------------------------------


def test_the_last_of_several_known_readings_carries_up_to_the_estimate() -> None:
    readings = [at(JANUARY.opens, 0), at(JANUARY.opens + 9 * DAY, 2 * M3), at(JANUARY.opens + 12 * DAY, 3 * M3)]
    for known in (readings, readings[::-1]):
        volume = determine(known, [meter()], JANUARY)
        counted, guessed = volume.pieces
        assert (counted.litres, counted.closing) == (3 * M3, readings[2])
        assert guessed.opening == readings[2]
        assert guessed.closing is not None
        assert guessed.closing == Reading(
            "A", JANUARY.closes, 3 * M3 + guessed.litres, Kind.ESTIMATED, "estimate:A:2026-02-01"
        )
        assert noted(volume)["estimated"] == f"Sin lectura de cierre: {guessed.litres} l estimados ({guessed.basis})"


def test_an_estimate_between_is_no_foothold_for_the_next_one() -> None:
    readings = [at(JANUARY.opens, 0), at(JANUARY.opens + 12 * DAY, 3 * M3, Kind.ESTIMATED)]
    (piece,) = determine(readings, [meter()], JANUARY).pieces
    assert piece.opening == readings[0]


def test_an_estimate_rolls_over_with_the_register() -> None:
    (piece,) = determine([at(JANUARY.opens, MODULUS - 1)], [meter()], JANUARY).pieces
    assert piece.closing is not None
    assert piece.closing.litres == piece.litres - 1


def test_an_estimate_above_the_reading_is_carried_and_says_by_how_much() -> None:
    guess = at(JANUARY.closes, 12 * M3, Kind.ESTIMATED)
    reading = at(FEBRUARY.closes, 10 * M3)
    volume = determine([reading], [meter()], FEBRUARY, past=billed(guess), policy=Policy(negative=Negative.CARRY))
    (piece,) = volume.pieces
    assert (piece.litres, piece.method) == (0, Method.CARRIED)
    assert piece.closing == replace(reading, litres=12 * M3, kind=Kind.ESTIMATED)
    assert noted(volume) == {"estimate_carried": f"Estimado {2 * M3} l por encima de la lectura: quedan a cuenta"}


@pytest.mark.parametrize("incidence", [STOPPED, BROKEN])
def test_a_stopped_meter_is_topped_up_in_a_piece_of_its_own(incidence: str) -> None:
    opening, closing = at(JANUARY.opens, 0), at(JANUARY.closes, 1 * M3, incidence=incidence)
    volume = determine([opening, closing], [meter()], JANUARY)
    counted, topped = volume.pieces
    assert (counted.litres, counted.index_litres, counted.estimated) == (1 * M3, 1 * M3, False)
    assert (topped.method, topped.estimated, topped.index_litres) == (Method.STOPPED, True, 0)
    assert (topped.opening, topped.closing) == (opening, closing)
    assert topped.basis == determine([], [meter()], JANUARY).pieces[0].basis
    assert noted(volume) == {"meter_stopped": f"Contador parado (incidencia {incidence}): consumo estimado"}


def test_a_stopped_meter_that_counted_all_that_is_expected_gets_no_second_piece() -> None:
    expected = determine([], [meter()], JANUARY).litres
    readings = [at(JANUARY.opens, 0), at(JANUARY.closes, expected, incidence=STOPPED)]
    volume = determine(readings, [meter()], JANUARY)
    assert [piece.litres for piece in volume.pieces] == [expected]
    assert noted(volume).keys() == {"meter_stopped"}


def test_without_any_reading_the_note_says_how_much_and_why() -> None:
    volume = determine([], [meter()], JANUARY)
    (piece,) = volume.pieces
    assert (piece.opening, piece.closing, piece.index_litres, piece.method) == (None, None, 0, Method.ESTIMATED)
    assert noted(volume) == {"no_readings": f"Sin ninguna lectura: {piece.litres} l estimados ({piece.basis})"}
    half = determine([], [meter(start=HUNG)], JANUARY)
    assert half.litres < volume.litres


def test_a_span_of_no_day_expects_nothing() -> None:
    near = at(JANUARY.closes - timedelta(hours=2), 5 * M3)
    volume = determine([], [meter()], FEBRUARY, past=billed(replace(near, at=FEBRUARY.closes - timedelta(hours=2))))
    assert volume.litres > 0
    gone = JANUARY.opens + 10 * DAY + timedelta(hours=5)
    left = determine([], [meter(end=gone)], JANUARY, past=billed(at(gone - timedelta(hours=2), 5 * M3)))
    assert [(piece.litres, piece.basis) for piece in left.pieces] == [(0, "same_day")]


def test_periods_follow_each_other_over_every_case_here() -> None:
    """What closes one period opens the next: the index is the sum of what was billed."""
    march = Period(FEBRUARY.end, FEBRUARY.end.replace(month=4))
    readings = [at(JANUARY.opens, 0), at(JANUARY.closes, 4 * M3), at(march.closes, 95 * M3)]
    total, past = 0, Past({}, ())
    for period in (JANUARY, FEBRUARY, march):
        volume = determine(readings, [meter()], period, past=past)
        total += volume.litres
        past = Past(dict(volume.closing), ())
    assert total == 95 * M3


# ---- what is said and split, to the last litre -----------------------------------------------------------------------


def test_a_piece_says_all_that_it_rests_on() -> None:
    opening, closing = at(JANUARY.opens, 1 * M3), at(JANUARY.closes, 3 * M3, Kind.SELF)
    (piece,) = determine([opening, closing], [meter()], JANUARY).pieces
    assert piece.why() == {
        "meter": "A",
        "calibre_mm": 13,
        "litres": 2 * M3,
        "method": "difference",
        "estimated": False,
        "basis": "",
        "opening_litres": 1 * M3,
        "opening_at": "2025-12-31T23:00:00+00:00",
        "opening_kind": "remote",
        "opening_origin": opening.origin,
        "closing_litres": 3 * M3,
        "closing_at": "2026-01-31T23:00:00+00:00",
        "closing_kind": "self",
        "closing_origin": closing.origin,
    }
    (guess,) = determine([], [meter()], JANUARY).pieces
    assert guess.why().keys() == {"meter", "calibre_mm", "litres", "method", "estimated", "basis"}


def test_a_calibre_beyond_the_table_takes_the_largest_flow() -> None:
    policy = Policy(q3_by_calibre=((15, 2_500), (20, 4_000), (25, 6_300)))
    assert [policy.q3_lph(calibre) for calibre in (13, 15, 16, 25, 26)] == [2_500, 2_500, 4_000, 6_300, 6_300]


def test_bulk_meters_at_the_edges_of_warning() -> None:
    assert settle_bulk(100, [100], BulkPolicy.DIFFERENCE) == BulkShare(0, 0, "")
    assert settle_bulk(1_000, [900], BulkPolicy.DIFFERENCE) == BulkShare(100, 100, "")
    assert settle_bulk(1_000, [899], BulkPolicy.DIFFERENCE) == BulkShare(
        101, 101, "Diferencia de 101 l entre el contador general y los divisionarios"
    )
    assert settle_bulk(100, [101], BulkPolicy.DIFFERENCE) == BulkShare(
        0, -1, "Los divisionarios suman 1 l más que el contador general"
    )


def test_nothing_is_spread_as_nothing_and_less_is_refused() -> None:
    billed = PastPeriod(JANUARY, 5 * M3, estimated=True)
    nothing = redistribute([billed], FEBRUARY, 0)
    assert nothing.litres == 0
    assert [(item.period, item.billed_litres, item.litres) for item in nothing.corrections] == [(JANUARY, 5 * M3, 0)]
    with pytest.raises(VolumeError, match=r"^metered_litres -1: must not be negative$"):
        redistribute([billed], FEBRUARY, -1)
    march = Period(FEBRUARY.end, FEBRUARY.end.replace(month=4))
    three = redistribute([billed, PastPeriod(FEBRUARY, 0, estimated=True)], march, 90_000)
    assert ([item.litres for item in three.corrections], three.litres) == ([31_000, 28_000], 31_000)


def test_one_day_and_one_litre_can_be_shared() -> None:
    assert share_by_days(7, [0, 1, 0]) == (0, 7, 0)
    assert share_by_days(10, [5, 1]) == (8, 2)  # the larger remainder, not the earlier part, has the litre left over
    assert share_by_days(10, [3, 3, 3]) == (4, 3, 3)
    assert merge([0, 0]) == 0
    assert merge([1, 2]) == 3


LEAK = LeakClaim(date(2026, 2, 5), hidden=True, repair_invoice=date(2026, 3, 7))
YEAR_BEFORE = (PastPeriod(JANUARY.years_before(1), 30_000),)


@pytest.mark.parametrize(
    ("changes", "refusals"),
    [
        ({}, ()),
        ({"repair_invoice": date(2026, 3, 8)}, ("La reparación se acreditó pasados 30 días de la factura",)),
        ({"repair_invoice": None}, ("Falta la factura de la reparación",)),
        ({"hidden": False}, ("La fuga no era oculta",)),
        ({"last_granted": date(2024, 2, 5)}, ()),
        ({"last_granted": date(2024, 2, 6)}, ("Ya se concedió otra hace menos de 2 años",)),
    ],
)
def test_a_leak_claim_at_the_edges_of_its_conditions(changes: dict[str, Any], refusals: tuple[str, ...]) -> None:
    judged = leak_allowance(50_000, JANUARY, YEAR_BEFORE, replace(LEAK, **changes), LeakPolicy(), Policy())
    granted = not refusals
    basis = "same_season_last_year"
    assert judged == LeakAllowance(granted, 30_000, 20_000 if granted else 0, basis, refusals)


def test_a_leak_claim_without_history_is_refused_and_nothing_is_excess() -> None:
    judged = leak_allowance(50_000, JANUARY, (), LEAK, LeakPolicy(), Policy())
    assert judged == LeakAllowance(False, 50_000, 0, "no_history", ("No hay consumo anterior con el que comparar",))


def test_a_house_that_used_nothing_is_expected_to_use_nothing() -> None:
    past = Past({}, (PastPeriod(JANUARY.years_before(1), 0),))
    (piece,) = determine([], [meter()], JANUARY, past=past).pieces
    assert (piece.litres, piece.basis) == (0, "same_season_last_year")


def test_a_period_is_its_days() -> None:
    assert list(Period(date(2026, 2, 27), date(2026, 3, 2))) == [date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1)]
