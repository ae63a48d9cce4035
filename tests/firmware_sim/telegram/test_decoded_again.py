"""What the encoder builds, the decoder reads: every layer, mode and form, bit for bit."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim.telegram import (
    Des,
    ExtendedLink,
    Mode5,
    Mode7,
    Mode10,
    Plain,
    Protection,
    Session,
    Transport,
    Variable,
    build,
    build_fragments,
    compact,
    frame_format_a,
    frame_format_b,
    makers,
    on_air_c1a,
    on_air_c1b,
    on_air_s1,
    on_air_t1,
    prios,
    records,
    wired,
)
from firmware_sim.telegram.address import link_bytes as address_bytes
from firmware_sim.telegram.link import link_frame
from firmware_sim.telegram.records import Record, Spacing, Vif
from firmware_sim.telegram.transport import Application, Header
from protocols.wmbus import Address, CounterStore, FormatStore, decode
from protocols.wmbus.stores import FragmentStore

KEY = bytes(range(16))
OTHER_KEY = bytes(range(1, 17))

storages = st.integers(0, 40)
words = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)
dates = st.dates(dt.date(2001, 1, 1), dt.date(2079, 12, 31))
moments = st.datetimes(dt.datetime(2001, 1, 1), dt.datetime(2079, 12, 31))  # noqa: DTZ001  (a meter's clock)
volumes = st.one_of(
    st.builds(records.integer, st.just(Vif.VOLUME_L), st.integers(-(2**31) + 1, 2**31 - 1), storage=storages),
    st.builds(records.bcd, st.just(Vif.VOLUME_L), st.integers(0, 99_999_999), tariff=st.integers(0, 9)),
    st.builds(records.bcd, st.just(Vif.FLOW_L_H), st.integers(-99_999, 999_999), st.just(6)),
)
others = st.one_of(
    st.builds(records.date, st.one_of(st.none(), dates), storage=storages),
    st.builds(records.date_time, moments, summer=st.booleans()),
    st.builds(records.date_time_seconds, moments, summer=st.booleans()),
    st.builds(records.time, st.times()),
    st.builds(records.signed_bcd, st.just(Vif.VOLUME_BACKWARD_L), st.integers(-99_999, 99_999), st.just(6)),
    st.builds(records.real, st.just(Vif.ENERGY_WH), st.floats(-1e9, 1e9, width=32)),
    st.builds(records.blob, st.just(Vif.ERROR_FLAGS), st.binary(min_size=16, max_size=16)),
    st.builds(records.flags, st.just(Vif.ERROR_FLAGS), st.integers(0, 0xFFFF), st.just(2)),
    st.builds(records.text, st.just(Vif.SOFTWARE_VERSION), words),
    st.builds(records.integer, st.just(Vif.FLOW_TEMPERATURE_C2), st.integers(-3000, 9000), st.just(2)),
    st.builds(records.integer, st.just(Vif.ENERGY_KWH), st.integers(0, 2**31 - 1), subunit=st.integers(0, 3)),
)
contents = st.lists(st.one_of(volumes, others), min_size=1, max_size=8)
meters = st.builds(
    Address,
    manufacturer=st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=3, max_size=3).filter(
        lambda code: code not in {"DME", "EWT", "HYD", "SPL", "SAP", "TCH", "QDS", "APT", "APA"}
    ),
    id=st.integers(0, 99_999_999).map("{:08d}".format),
    version=st.integers(0, 255),
    type=st.sampled_from((0x06, 0x07, 0x15, 0x16, 0x04, 0x02)),
)
headers = st.sampled_from(("short", "long"))
protections = st.one_of(
    st.just(Plain()),
    st.builds(Mode5, st.just(KEY)),
    st.builds(
        Mode7,
        st.just(KEY),
        st.integers(1, 2**32 - 1),
        st.sampled_from((3, 4, 5, 6, 7)),
        st.one_of(st.none(), st.integers(0, 0xFFFF)),
        st.booleans(),
    ),
    st.builds(Mode10, st.just(KEY), st.integers(1, 2**32 - 1), st.sampled_from((1, 2, 3))),
    st.builds(Des, st.just(KEY[:8]), st.sampled_from((2, 3))),
)
sessions = st.builds(Session, st.integers(0, 2**25 - 1), st.integers(0, 15), st.sampled_from((None, KEY)))
variables = st.builds(Variable, st.one_of(st.none(), st.integers(0, 0xFFFF)), st.one_of(st.none(), st.integers(0, 255)))
links = st.one_of(
    st.none(),
    st.builds(
        ExtendedLink,
        st.integers(0, 255),
        st.integers(0, 255),
        st.one_of(st.none(), sessions),
        st.one_of(st.none(), meters),
        st.one_of(st.none(), variables),
    ),
)


def same_records(found: tuple[object, ...], built: list[Record]) -> bool:
    return [(r.header, r.raw) for r in found] == [(r.header, raw_of(r)) for r in built]  # type: ignore[attr-defined]


def raw_of(record: Record) -> bytes:
    """The value's bytes; a variable value's length byte belongs to its place, not to it."""
    return record.data[1:] if record.header[0] & 0x0F == records.VARIABLE else record.data


@settings(max_examples=400, deadline=None)
@given(meters, contents, headers, st.integers(0, 255), protections, links, st.one_of(st.none(), st.integers(0, 255)))
def test_every_layer_and_mode_comes_back(
    meter: Address,
    content: list[Record],
    header: Header,
    access_no: int,
    protection: Protection,
    ell: ExtendedLink | None,
    network: int | None,
) -> None:
    transport = Transport(header=header, access_no=access_no, status=0x04)
    frame = build(meter, records.payload(content), transport, protection, ell=ell, network_control=network)

    # The form is given: one frame in 434 looks like a hit one of format B.
    telegram = decode(frame, KEY, link="none")

    assert telegram.ok, telegram.error
    assert telegram.meter == meter
    assert telegram.access_no == access_no
    assert telegram.status == 4
    assert same_records(telegram.records, content)
    mode = protection.mode if isinstance(protection, Des) else MODES[type(protection)]
    assert telegram.security.mode == mode or ell is not None


MODES: dict[type[Protection], int] = {Plain: 0, Mode5: 5, Mode7: 7, Mode10: 10}


@settings(max_examples=60, deadline=None)
@given(meters, contents, st.integers(0, 255), st.one_of(st.none(), st.integers(0, 255)))
def test_a_telegram_without_a_header_comes_back(
    meter: Address, content: list[Record], access_no: int, network: int | None
) -> None:
    ell = ExtendedLink(access_no, session=Session(7, key=KEY))
    payload = records.payload(content)
    for link in (None, ell):
        frame = build(meter, payload, Transport(header="none"), ell=link, network_control=network)
        telegram = decode(frame, KEY, link="none")
        assert telegram.ok, telegram.error
        assert same_records(telegram.records, content)
        assert telegram.access_no == (access_no if link else None)


@settings(max_examples=60, deadline=None)
@given(meters, st.lists(volumes, min_size=4, max_size=8), st.integers(1, 2), st.booleans())
def test_what_a_seal_leaves_open_comes_back(meter: Address, content: list[Record], blocks: int, long: bool) -> None:
    """Records may begin under the seal and end behind it."""
    transport = Transport(header="long" if long else "short", access_no=1)
    for protection in (Mode5(KEY, blocks), Mode7(KEY, 9, blocks=blocks)):
        if len(records.payload(content)) + 2 < 16 * blocks:
            continue
        telegram = decode(build(meter, records.payload(content), transport, protection), KEY, link="none")
        assert telegram.ok, telegram.error
        assert telegram.security.state == "decrypted"
        assert same_records(telegram.records, content)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 2**15 - 2), min_size=1, max_size=12),
    st.sampled_from(("absolute", "increment", "decrement", "difference")),
    st.booleans(),
    dates,
)
def test_profiles_come_back(data: list[int], mode: records.ProfileMode, backwards: bool, base: dt.date) -> None:
    meter = Address("SGC", "76543210", 1, 7)
    series = records.profile(Vif.VOLUME_L, data, Spacing(1, "d"), size=2, mode=mode, backwards=backwards, storage=1)
    frame = build(meter, records.payload([records.date(base, storage=1), series]), Transport())

    found = [record for record in decode(frame, link="none").records if record.storage > 1]

    step = dt.timedelta(days=-1 if backwards else 1)
    assert [record.value for record in found] == [f"{value / 1000:.3f}" for value in data]
    assert [record.at for record in found] == [(base + step * (n + 1)).isoformat() for n in range(len(data))]


@pytest.mark.parametrize("header", ["none", "short", "long"])
def test_what_a_meter_complains_of_comes_back(header: Header) -> None:
    meter = Address("SGC", "76543210", 1, 7)
    alarm = decode(build(meter, b"\x05", Transport(header=header, application="alarm")), link="none")
    error = decode(build(meter, b"\x08", Transport(header=header, application="error")), link="none")
    assert [item.code for item in alarm.diagnostics] == ["alarm"]
    assert error.error == "application error 08 reported by the meter"


@settings(max_examples=40, deadline=None)
@given(contents, st.sampled_from(("SAP", "DME", "HYD")), st.sampled_from(prios.DEFAULT_KEYS), st.integers(0, 255))
def test_diehls_real_data_comes_back(content: list[Record], maker: str, key: bytes, access_no: int) -> None:
    sender = Address(maker, "12345678", 0x01, 0x07)
    telegram = decode(makers.real_data(sender, records.payload(content), key, access_no=access_no), link="none")
    assert telegram.ok, telegram.error
    assert telegram.security.state == "decrypted"
    assert telegram.meter is not None
    assert telegram.meter.id == "12345678"
    assert same_records(tuple(r for r in telegram.records if "from_layout" not in r.qualifiers), content)


def test_apators_own_seal_comes_back() -> None:
    sender = Address("APA", "04913581", 0x14, 0x07)
    plain = bytes.fromhex("2F 0B4FA800 3568A22E 7706 711A00 0000")
    body = makers.na1(sender, plain, KEY, access_no=9)
    frame = link_frame(0x44, address_bytes(sender), body)
    opened, closed = decode(frame, KEY, link="none"), decode(frame, OTHER_KEY, link="none")
    assert opened.security.state == "decrypted"
    assert opened.total_litres == 689_403
    assert closed.security.state == "key_wrong"


@given(
    st.integers(0, 99_999_999).map("{:08d}".format),
    st.tuples(st.integers(0, 99_999_999), st.integers(0, 99_999_999)),
    st.integers(0, 255),
    st.booleans(),
)
def test_the_fixed_structure_comes_back(number: str, counters: tuple[int, int], access_no: int, bcd: bool) -> None:
    # Unit 29 hexadecimal is litres in the table of the old structure.
    body = wired.fixed_structure(number, counters, units=(0x29, 0x29), medium=7, access_no=access_no, bcd=bcd)
    telegram = decode(wired.long_frame(0x08, 1, body))
    assert telegram.ok, telegram.error
    assert telegram.access_no == access_no
    assert telegram.meter is not None
    assert telegram.meter.id == number
    assert len(telegram.records) == 2
    for record, counter in zip(telegram.records, counters, strict=True):
        assert record.value is not None
        assert Decimal(record.value) * (1000 if record.unit == "m3" else 1) == counter


PROOFS = [
    (Mode5(KEY), None, "2f2f"),
    (Mode7(KEY, 1), None, "mac"),
    (Mode10(KEY, 1), None, "tag"),
    (Plain(), ExtendedLink(session=Session(5, key=KEY)), "crc"),
]


@pytest.mark.parametrize(("protection", "ell", "proof"), PROOFS)
def test_the_right_key_is_proven_and_a_wrong_one_named(
    protection: Protection, ell: ExtendedLink | None, proof: str
) -> None:
    meter = Address("KAM", "76348799", 0x1B, 0x16)
    payload = records.payload([records.integer(Vif.VOLUME_L, 466472)])
    frame = build(meter, payload, Transport(access_no=12), protection, ell=ell)

    opened, closed, keyless = decode(frame, KEY), decode(frame, OTHER_KEY), decode(frame)

    assert (opened.security.state, opened.security.proof) == ("decrypted", proof)
    assert opened.total_litres == 466472
    assert closed.security.state == "key_wrong"
    assert closed.total_litres is None
    assert keyless.security.state == "key_missing"
    assert keyless.total_litres is None


FORMS: list[tuple[Callable[[bytes], bytes], str, str]] = [
    (bytes, "none", "absent"),
    (frame_format_a, "A", "ok"),
    (frame_format_b, "B", "ok"),
    (on_air_t1, "A", "ok"),
    (on_air_c1a, "A", "ok"),
    (on_air_c1b, "B", "ok"),
    (on_air_s1, "A", "ok"),
]


@settings(max_examples=150, deadline=None)
@given(meters, contents, st.sampled_from(FORMS))
def test_every_form_on_the_air_comes_back(
    meter: Address, content: list[Record], form: tuple[Callable[[bytes], bytes], str, str]
) -> None:
    shape, name, crc = form
    frame = build(meter, records.payload(content), Transport(access_no=3), Mode5(KEY))

    telegram = decode(shape(frame), KEY, link="none" if name == "none" else "auto")

    assert telegram.ok, telegram.error
    assert telegram.meter == meter
    assert (telegram.link.format, telegram.link.crc) == (name, crc)
    assert same_records(telegram.records, content)


def test_one_flipped_bit_never_becomes_a_value() -> None:
    meter = Address("MAD", "12345678", 1, 7)
    payload = records.payload([records.integer(Vif.VOLUME_L, 466472)])
    frame = frame_format_a(build(meter, payload, Transport(access_no=3), Mode5(KEY)))
    for bit in range(8 * len(frame)):
        damaged = bytearray(frame)
        damaged[bit // 8] ^= 1 << bit % 8
        assert decode(bytes(damaged), KEY, link="A").total_litres is None


@settings(max_examples=60, deadline=None)
@given(contents, st.sampled_from(("full", "format")), st.sampled_from(("none", "short", "long")))
def test_compact_frames_wait_for_their_format_and_then_read(
    content: list[Record], teacher: Application, header: Header
) -> None:
    meter = Address("KAM", "76348799", 0x1B, 0x16)
    formats = FormatStore()
    lesson = records.payload(content) if teacher == "full" else compact.format_payload(content)
    short = build(meter, compact.compact_payload(content), Transport(header=header, application="compact", access_no=1))

    waiting = decode(short, formats=formats, link="none")
    decode(
        build(meter, lesson, Transport(header=header, application=teacher, access_no=2)), formats=formats, link="none"
    )
    known = decode(short, formats=formats, link="none")

    assert waiting.format_state == "compact_waiting"
    assert known.format_state == "compact_known"
    assert same_records(known.records, content)


@settings(max_examples=40, deadline=None)
@given(st.lists(volumes, min_size=12, max_size=24), st.integers(20, 60), st.integers(1, 2**32 - 1))
def test_fragments_are_joined_and_authenticated(content: list[Record], size: int, counter: int) -> None:
    meter = Address("KAM", "76348799", 0x1B, 0x16)
    frames = build_fragments(
        meter, records.payload(content), Transport(access_no=1), Mode7(KEY, counter, with_length=True), size=size
    )
    store = FragmentStore()

    results = [decode(frame, KEY, fragments=store, link="none") for frame in frames]

    assert len(frames) > 1
    assert results[-1].security.proof == "mac"
    assert same_records(results[-1].records, content)


def test_replayed_counter_is_reported() -> None:
    meter = Address("KAM", "76348799", 0x1B, 0x16)
    counters = CounterStore()
    payload = records.payload([records.integer(Vif.VOLUME_L, 1)])

    first = decode(build(meter, payload, Transport(), Mode7(KEY, 7)), KEY, counters=counters)
    again = decode(build(meter, payload, Transport(), Mode7(KEY, 7)), KEY, counters=counters)

    assert "replay" not in [d.code for d in first.diagnostics]
    assert "replay" in [d.code for d in again.diagnostics]


@given(
    st.integers(0, 99_999_999).map("{:08d}".format),
    st.sampled_from(("SAP", "DME", "HYD")),
    st.integers(0, 2**31 - 1),
    st.integers(0, 2**31 - 1),
    dates,
    st.sampled_from(prios.DEFAULT_KEYS),
)
def test_prios_telegrams_are_opened(number: str, maker: str, litres: int, due: int, day: dt.date, key: bytes) -> None:
    sender = Address(maker, number, 0x01, 0x07)
    frame = prios.build(prios.address_bytes(sender), prios.PriosReading(litres, due, day), key)

    telegram = decode(frame, link="none")

    assert telegram.ok, telegram.error
    assert telegram.meter is not None
    assert (telegram.meter.manufacturer, telegram.meter.id) == (maker, number)
    assert telegram.security.state == "decrypted"
    if telegram.driver is not None:
        assert telegram.total_litres == litres
        assert (day, due) in telegram.due_litres


@settings(max_examples=60, deadline=None)
@given(meters, contents, st.integers(0, 250))
def test_wired_frames_come_back(meter: Address, content: list[Record], primary: int) -> None:
    head = Transport(header="long", access_no=9)
    body = head.head(meter) + b"\x00\x00" + records.payload(content)

    telegram = decode(wired.long_frame(0x08, primary, body))

    assert telegram.ok, telegram.error
    assert telegram.link.format == "wired"
    assert telegram.meter == meter
    assert same_records(telegram.records, content)
