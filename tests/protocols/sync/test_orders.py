"""Work orders on the wire: whole both ways, and between sides that are one version apart."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.sync import (
    SCHEMA,
    ClockStamp,
    OrderReport,
    Route,
    WorkOrder,
    WorkOrders,
    decode_item,
    decode_orders,
    decode_route,
    encode_message,
    orders_topic,
)

text = st.text(max_size=20)
litres = st.none() | st.integers(0, 10**15)
orders = st.builds(
    WorkOrder, code=text, kind=text, supply=text, street=text, number=text, detail=text, meter=text, serial=text,
    modulus_litres=st.integers(0, 10**15), instructions=text, day=text, planned_on=text, due_ms=st.none(),
    last_litres=litres, low_litres=litres, high_litres=litres, lat_e7=st.none() | st.integers(-9, 9),
    lon_e7=st.none(),
)  # fmt: skip
stamps = st.builds(ClockStamp, st.integers(0, 10**14), st.integers(0, 2**60), st.booleans())
reports = st.builds(
    OrderReport, id=st.integers(1, 2**40), at=stamps, order=text, outcome=text, supply=text, meter=text, reader=text,
    reason=text, litres=litres, new_serial=text, new_address=text, new_litres=litres,
    new_key=st.none() | st.binary(max_size=16), seal=text, note=text,
    photos=st.lists(text, max_size=3).map(tuple), lat_e7=st.none(), lon_e7=st.none(),
)  # fmt: skip


@given(st.lists(orders, max_size=5), st.integers(0, 10**14))
def test_orders_come_out_as_they_went_in(listed: list[WorkOrder], issued_ms: int) -> None:
    message = WorkOrders(SCHEMA, "tpl-1", issued_ms, tuple(listed))
    assert decode_orders(encode_message(message)) == message


@given(reports)
def test_a_report_is_an_item_like_others(report: OrderReport) -> None:
    assert decode_item(msgspec.msgpack.encode(report)) == report


@given(st.binary(max_size=200))
def test_no_bytes_do_worse_than_an_error_by_name(data: bytes) -> None:
    try:
        decode_orders(data)
    except ValueError as error:
        assert str(error).startswith("message: ")  # noqa: PT017 - most bytes are refused, a few are a message


class OldRoute(msgspec.Struct, frozen=True, array_like=True):
    """A route as agents before closed lists read it."""

    schema: int
    device: str
    code: str
    name: str
    planned_on: str
    issued_ms: int
    stops: tuple[msgspec.Raw, ...]


class NewerOrder(WorkOrder, frozen=True, array_like=True):
    """An order with a field that this version does not know."""

    colour: str = "blue"


def test_an_old_agent_reads_a_route_with_a_closed_list_and_a_new_one_an_old_route() -> None:
    closed = Route(SCHEMA, "tpl-1", "R1", "Centre", "2026-12-01", 1, (), closed=True)
    old = msgspec.msgpack.decode(encode_message(closed), type=OldRoute)
    assert (old.code, old.stops) == ("R1", ())
    assert decode_route(msgspec.msgpack.encode(old)) == msgspec.structs.replace(closed, closed=False)


def test_an_agent_passes_over_what_a_newer_centre_adds_to_an_order() -> None:
    newer = NewerOrder("W1", "seal", "S", "", "", "", "M", "1", 10**8)
    data = msgspec.msgpack.encode([SCHEMA, "tpl-1", 1, [newer]])
    assert decode_orders(data).orders == (WorkOrder("W1", "seal", "S", "", "", "", "M", "1", 10**8),)


@pytest.mark.parametrize("device", ["tpl-1", "van-2"])
def test_the_topic_is_the_devices_own(device: str) -> None:
    assert orders_topic(device) == f"sgc/v1/{device}/down/orders"
