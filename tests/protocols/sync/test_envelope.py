"""Envelopes: what is sealed opens equal; whatever is altered, cut or invented is refused with its reason."""

import msgspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols import sync
from protocols.sync import envelope as env

STAMP = sync.ClockStamp(1_790_000_000_000, 5_000, True)
BOOT = "0b7e7b6e-0000-4000-8000-000000000001"


def telegram(ordinal: int, frame: bytes = b"\x1eD") -> sync.TelegramItem:
    return sync.TelegramItem(
        ordinal, STAMP, frame, "T1", -71, "dongle", "receiver", "decrypted", "KAM-76348799-1B-16", 7, 466472
    )


def batch(*items: sync.Item, number: int = 1) -> sync.Batch:
    return sync.Batch(sync.SCHEMA, "edge-1", BOOT, "os", number, STAMP, b"", items)


ITEMS = st.one_of(
    st.builds(telegram, st.integers(0, 2**40), st.binary(max_size=256)),
    st.builds(
        sync.TypedReading,
        st.integers(0, 2**40),
        st.just(STAMP),
        st.text(max_size=12),
        st.text(max_size=20),
        st.none() | st.integers(0, 10**9),
        st.sampled_from(["00", "01", "16"]),
        st.text(max_size=20),
    ),
    st.builds(sync.Event, st.integers(0, 9), st.just(STAMP), st.just("garbage"), st.just({"bytes": 12})),
)


@given(st.lists(ITEMS, max_size=20), st.integers(1, 2**31))
def test_sealed_batches_open_equal(items: list[sync.Item], number: int) -> None:
    sealed = batch(*items, number=number)
    data = sync.seal(sealed)
    assert sync.open_batch(sync.read_envelope(data)) == sealed
    assert sync.seal(sealed) == data


def test_every_truncation_is_refused() -> None:
    data = sync.seal(batch(telegram(1), telegram(2)))
    for length in range(len(data)):
        with pytest.raises(sync.SyncError, match="envelope"):
            sync.read_envelope(data[:length])


def test_every_flipped_bit_is_refused() -> None:
    data = sync.seal(batch(telegram(1)))
    for position in range(len(data) * 8):
        altered = bytearray(data)
        altered[position // 8] ^= 1 << position % 8
        with pytest.raises(sync.SyncError):
            sync.open_batch(sync.read_envelope(bytes(altered)))


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_garbage_is_refused_and_nothing_else_raised(data: bytes) -> None:
    with pytest.raises(sync.SyncError):
        sync.read_envelope(data)


def envelope_of(header: sync.Header, raw: bytes) -> bytes:
    packed = msgspec.msgpack.encode(header)
    rest = len(packed).to_bytes(2, "big") + packed + zstandard.compress(raw)
    return env.MAGIC + bytes([env.VERSION]) + env.digest_of(rest) + rest


@pytest.mark.parametrize(
    ("header", "raw", "message"),
    [
        (sync.Header("edge-1", BOOT, 1, 0, 10**9), b"", r"header.body_bytes: 1000000000, must be 0 to"),
        (sync.Header("edge-1", BOOT, 1, 0, 3), b"abcdef", r"batch.body"),
        (sync.Header("Edge 1", BOOT, 1, 0, 3), b"abc", r"header.device: 'Edge 1'"),
        (sync.Header("edge-1", BOOT, 1, 0, 1), b"\x05", r"batch: Expected `array`"),
    ],
)
def test_a_sound_envelope_with_a_bad_batch_names_the_field(header: sync.Header, raw: bytes, message: str) -> None:
    with pytest.raises(sync.SyncError, match=message) as refused:
        sync.open_batch(sync.read_envelope(envelope_of(header, raw)))
    assert refused.value.header == header


def test_a_batch_other_than_announced_is_refused() -> None:
    raw = msgspec.msgpack.encode(batch(telegram(1), number=2))
    with pytest.raises(sync.SyncError, match=r"batch.number: 2, the header says 1"):
        sync.open_batch(sync.read_envelope(envelope_of(sync.Header("edge-1", BOOT, 1, 1, len(raw)), raw)))


def test_an_unknown_schema_is_refused_by_name() -> None:
    raw = msgspec.msgpack.encode(sync.Batch(99, "edge-1", BOOT, "os", 1, STAMP, b"", ()))
    with pytest.raises(sync.SyncError, match=r"batch.schema: 99, this side knows 1"):
        sync.open_batch(sync.read_envelope(envelope_of(sync.Header("edge-1", BOOT, 1, 0, len(raw)), raw)))


def test_a_negative_volume_is_refused_by_name() -> None:
    raw = msgspec.msgpack.encode(batch(telegram(1))).replace(msgspec.msgpack.encode(466472), msgspec.msgpack.encode(-5))
    with pytest.raises(sync.SyncError, match=r"Expected `int` >= 0"):
        sync.open_batch(sync.read_envelope(envelope_of(sync.Header("edge-1", BOOT, 1, 1, len(raw)), raw)))


def test_a_newer_side_may_append_fields() -> None:
    fields = msgspec.msgpack.decode(msgspec.msgpack.encode(batch(telegram(1))))
    fields[7][0].append("a field of the future")
    fields.append("another")
    raw = msgspec.msgpack.encode(fields)
    opened = sync.open_batch(sync.read_envelope(envelope_of(sync.Header("edge-1", BOOT, 1, 1, len(raw)), raw)))
    assert opened == batch(telegram(1))


def test_messages_down_travel_equal() -> None:
    ack = sync.Ack(1, "edge-1", BOOT, 7, (9,), (sync.Refusal(8, "batch: poisoned"),))
    assert sync.decode_ack(sync.encode_message(ack)) == ack
    stop = sync.RouteStop(1, "S-1", "Calle Mayor", "3", "", "KAM-76348799-1B-16", "76348799", True, 10**8)
    route = sync.Route(1, "edge-1", "R1", "Centro", "2026-11-02", 1_790_000_000_000, (stop,))
    assert sync.decode_route(sync.encode_message(route)) == route


def test_topics_name_the_device() -> None:
    assert sync.device_of(sync.batch_topic("edge-1")) == "edge-1"
    assert sync.device_of("sgc/v1/edge-1/down/ack") is None
    assert not sync.valid_device("../x")
