"""What must hold for any readings: consecutive bills add up to the index, nothing negative without a reason."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from billing.volume import Installation, Kind, Method, Negative, Past, Period, Policy, Reading, determine

START = date(2026, 1, 1)
HUNG = datetime(2026, 1, 1, 8, tzinfo=UTC)
PERIODS = [Period(START + timedelta(days=30 * n), START + timedelta(days=30 * (n + 1))) for n in range(6)]
MODULUS = 100_000_000
NAMED = (Method.CORRECTION, Method.CREDIT)


@st.composite
def histories(draw: st.DrawFn) -> list[Reading]:
    """A new meter read at random moments, its true index never falling, possibly rolling over."""
    hours = sorted(draw(st.sets(st.integers(1, 24 * 175), max_size=30)) | {24 * 179})
    index = draw(st.sampled_from([0, 123_456, MODULUS - 20_000, MODULUS - 1]))
    readings = [Reading("A", HUNG, index, Kind.INSTALLATION, "hung")]
    for hour in hours:
        index += draw(st.integers(0, 9_000))
        kind = draw(st.sampled_from([Kind.REAL, Kind.REMOTE, Kind.SELF]))
        readings.append(Reading("A", HUNG + timedelta(hours=hour), index % MODULUS, kind, f"r{hour}"))
    return readings


@settings(max_examples=150, deadline=None)
@given(histories(), st.sampled_from([1, 1000]), st.sampled_from(list(Negative)), st.booleans())
def test_consecutive_bills_add_up_to_the_index(
    readings: list[Reading], unit: int, negative: Negative, late: bool
) -> None:
    meter = Installation("A", HUNG, None, MODULUS, 13, 2_500)
    policy = Policy(unit_litres=unit, negative=negative)
    past = Past()
    total = 0
    for period in PERIODS:
        known = readings if late else [item for item in readings if item.at <= period.closes]
        volume = determine(known, [meter], period, policy, past)
        assert volume.litres == sum(piece.litres for piece in volume.pieces)
        assert all(piece.litres >= 0 or piece.method in NAMED for piece in volume.pieces)
        total += volume.index_litres
        past = Past(volume.closing)
    first, last = readings[0].litres // unit * unit, past.closing["A"].litres
    assert (total - (last - first)) % MODULUS == 0
    assert abs(total - (last - first)) <= MODULUS


@settings(max_examples=100, deadline=None)
@given(histories(), st.randoms())
def test_the_order_of_readings_does_not_matter(readings: list[Reading], random: object) -> None:
    meter = Installation("A", HUNG, None, MODULUS, 13, 2_500)
    shuffled = list(readings)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert determine(readings, [meter], PERIODS[0]) == determine(shuffled, [meter], PERIODS[0])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 40_000), min_size=7, max_size=7))
def test_readings_at_every_boundary_leave_nothing_to_estimate(steps: list[int]) -> None:
    index, readings = 0, []
    for instant, step in zip([HUNG] + [period.closes for period in PERIODS], steps, strict=True):
        index += step
        kind = Kind.INSTALLATION if instant == HUNG else Kind.REMOTE
        readings.append(Reading("A", instant, index, kind, f"{instant:%m%d}"))
    past, billed = Past(), []
    for period in PERIODS:
        volume = determine(readings, [Installation("A", HUNG, None, MODULUS, 13)], period, past=past)
        assert not volume.estimated
        billed.append(volume.litres)
        past = Past(volume.closing)
    assert billed == steps[1:]
