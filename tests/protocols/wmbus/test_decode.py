"""The public door of the decoder: one frame in, a telegram out."""

import datetime
import doctest

import pytest

from protocols import wmbus

# OMS specification volume 2, annex N.2.1: a water meter in mode 5 with the key given there.
OMS_KEY = bytes.fromhex("0102030405060708090A0B0C0D0E0F11")
OMS_FRAME = bytes.fromhex(
    "2E44931578563412330333637A2A0020255923C95AAA26D1B2E7493BC2AD013EC4A6F6D3529B520EDFF0EA6DEFC955B29D6D69EBF3EC8A"
)
PLAIN = bytes.fromhex("1844AE4C4455223368077A55000000041389E20100023B0000")


def test_a_plain_telegram_gives_its_index() -> None:
    telegram = wmbus.decode(PLAIN)
    assert telegram.ok
    assert telegram.error is None
    assert telegram.meter == wmbus.Address("SEN", "33225544", 0x68, 7)
    assert telegram.medium == "water"
    assert telegram.total_litres == 123529
    assert telegram.fields["total_m3"] == "123.529"
    assert telegram.access_no == 0x55
    assert telegram.alarms == ()
    assert [record.quantity for record in telegram.records] == ["volume", "volume_flow"]


def test_a_format_a_frame_opens_with_its_key() -> None:
    telegram = wmbus.decode(OMS_FRAME, OMS_KEY)
    assert telegram.ok
    assert (telegram.link.format, telegram.link.crc) == ("A", "ok")
    assert (telegram.security.state, telegram.security.proof) == ("decrypted", "2f2f")
    assert telegram.total_litres == 28504270
    assert telegram.meter_time == datetime.datetime(2008, 5, 31, 23, 50)  # noqa: DTZ001


@pytest.mark.parametrize(("keys", "state"), [(None, "key_missing"), (bytes(16), "key_wrong"), ({}, "key_missing")])
def test_without_the_right_key_there_is_no_value(keys: object, state: str) -> None:
    telegram = wmbus.decode(OMS_FRAME, keys)  # type: ignore[arg-type]
    assert not telegram.ok
    assert telegram.security.state == state
    assert telegram.error
    assert telegram.records == ()
    assert telegram.total_litres is None


def test_a_key_may_be_given_by_its_digits() -> None:
    assert wmbus.decode(OMS_FRAME, OMS_KEY.hex()).ok
    assert wmbus.decode(OMS_FRAME, {"ELS-12345678-33-03": OMS_KEY.hex()}).ok
    assert wmbus.explain(OMS_FRAME, OMS_KEY.hex()) == wmbus.explain(OMS_FRAME, OMS_KEY)
    assert list(wmbus.decode_batch([OMS_FRAME], OMS_KEY.hex()).litres) == [28504270]
    with pytest.raises(ValueError, match=r"^key: not hexadecimal digits"):
        wmbus.decode(OMS_FRAME, "no digits")
    with pytest.raises(ValueError, match=r"^key: 2 bytes, must be 16"):
        wmbus.decode(OMS_FRAME, "ABCD")


@pytest.mark.parametrize("name", [str, lambda address: address])
def test_keys_are_found_by_address_or_its_text(name: type) -> None:
    address = wmbus.Address("ELS", "12345678", 0x33, 3)
    assert wmbus.decode(OMS_FRAME, {name(address): OMS_KEY}).ok
    assert wmbus.decode(OMS_FRAME, wmbus.Keyring({name(address): OMS_KEY})).ok


def test_every_byte_is_explained() -> None:
    spans = wmbus.explain(OMS_FRAME, OMS_KEY)
    assert sum(span.length for span in spans) == len(OMS_FRAME)
    assert {span.layer for span in spans} == {"link", "tpl", "app"}


def test_the_manual_says_what_happens() -> None:
    outcome = doctest.testmod(wmbus)
    assert outcome.attempted > 8
    assert outcome.failed == 0
