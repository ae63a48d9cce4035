"""What seals telegrams: proofs, wrong keys, replays, and the modes that are only named."""

from collections.abc import Iterable

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from firmware_sim.telegram import Mode5, Mode7, Transport, build, frame_format_a, prios
from firmware_sim.telegram import address as addresses
from protocols import wmbus
from tests.protocols.wmbus.samples import DUE, FRAMES, KEY, LAYOUTS, LITRES, METER, PAYLOAD, linked

WRONG = bytes(range(1, 17))
PROOFS = {"mode 5": "2f2f", "mode 7": "mac", "mode 10": "tag", "ell ctr": "crc"}


@pytest.mark.parametrize("name", PROOFS)
def test_the_proof_is_named(name: str) -> None:
    security = wmbus.decode(FRAMES[name], KEY).security
    assert (security.state, security.proof) == ("decrypted", PROOFS[name])
    # A CRC proves the key, not the content: whoever flips sealed bits can mend it blindly.
    assert security.authentic == (name in ("mode 7", "mode 10"))


@pytest.mark.parametrize("name", PROOFS)
@pytest.mark.parametrize(("key", "state"), [(WRONG, "key_wrong"), (None, "key_missing")])
def test_without_the_key_nothing_is_said_but_why(name: str, key: bytes | None, state: str) -> None:
    telegram = wmbus.decode(FRAMES[name], key)
    assert not telegram.ok
    assert telegram.security.state == state
    assert telegram.records == ()
    assert telegram.fields == {}


def test_a_wrong_key_is_told_from_bad_reception() -> None:
    checked = wmbus.decode(frame_format_a(FRAMES["mode 5"]), WRONG)
    unchecked = wmbus.decode(FRAMES["mode 5"], WRONG)
    assert "reception" not in [item.code for item in checked.diagnostics]
    assert "reception" in [item.code for item in unchecked.diagnostics]


def test_a_wrong_key_mutes_no_meter() -> None:
    ring = wmbus.Keyring({METER: WRONG})
    assert not wmbus.decode(FRAMES["mode 5"], ring).ok
    assert wmbus.decode(FRAMES["plain"], ring).total_litres == LITRES
    ring.add(METER, KEY)
    assert wmbus.decode(FRAMES["mode 5"], ring).total_litres == LITRES


def test_an_altered_mode_7_telegram_is_told_from_a_wrong_key() -> None:
    frame = bytearray(FRAMES["mode 7"])
    frame[-1] ^= 1
    telegram = wmbus.decode(bytes(frame), KEY)
    assert telegram.security.state == "key_wrong"
    assert "mac_wrong" in [item.code for item in telegram.diagnostics]
    assert telegram.records == ()


def test_no_byte_of_an_authenticated_telegram_can_be_altered() -> None:
    for name in ("mode 7", "mode 10"):
        for at in range(10, len(FRAMES[name])):
            frame = bytearray(FRAMES[name])
            frame[at] ^= 0x40
            telegram = wmbus.decode(bytes(frame), KEY)
            assert telegram.total_litres is None or not telegram.security.authentic, (name, at)


def test_a_replayed_counter_is_reported_and_an_older_one_too() -> None:
    counters = wmbus.CounterStore()

    def codes(counter: int, key: bytes = KEY) -> list[str]:
        frame = build(METER, PAYLOAD, Transport(), Mode7(KEY, counter))
        return [item.code for item in wmbus.decode(frame, key, counters=counters).diagnostics]

    assert "replay" not in codes(5)
    assert "replay" in codes(5)
    assert "replay" in codes(4)
    # What no key has proven says nothing about counters.
    assert "replay" not in codes(9, WRONG)
    assert "replay" not in codes(6)
    kept = wmbus.CounterStore()
    kept.load(counters.items())
    assert kept.last(METER) == 6


@pytest.mark.parametrize("mode", [1, 4, 6, 8, 9, 11, 12, 13, 14, 15])
def test_other_modes_are_named_and_refused(mode: int) -> None:
    telegram = wmbus.decode(linked(f"44E34C1032547601077A0C0010{mode:02X}" + "A7" * 24), KEY)
    assert telegram.security[:2] == (mode, "unsupported")
    assert f"mode {mode}" in str(telegram.error)
    assert telegram.records == ()


def des(mode: int) -> bytes:
    head = addresses.link_bytes(METER)
    vector = head[:6] + bytes(2) if mode == 3 else bytes(8)
    plain = b"\x2f\x2f\x04\x13\x39\x30\x00\x00".ljust(16, b"\x2f")
    encryptor = Cipher(TripleDES(KEY[:8] * 3), modes.CBC(vector)).encryptor()
    body = b"\x44" + head + bytes.fromhex("7A0C00") + bytes((0x10, mode))
    body += encryptor.update(plain) + encryptor.finalize()
    return bytes([len(body)]) + body


@pytest.mark.parametrize("mode", [2, 3])
def test_the_old_des_modes_open(mode: int) -> None:
    assert wmbus.decode(des(mode), KEY[:8]).total_litres == 12345
    assert wmbus.decode(des(mode), WRONG[:8]).security.state == "key_wrong"


def test_content_that_arrives_opened_is_read_and_said_to_prove_nothing() -> None:
    head = FRAMES["mode 5"][:15]
    plain = b"\x2f\x2f" + PAYLOAD
    plain += b"\x2f" * (len(FRAMES["mode 5"]) - 15 - len(plain))
    telegram = wmbus.decode(head + plain)
    assert telegram.total_litres == LITRES
    assert (telegram.security.state, telegram.security.proof) == ("none", None)
    assert "already_decrypted" in [item.code for item in telegram.diagnostics]


def test_prios_opens_with_published_keys_and_with_a_meters_own() -> None:
    assert wmbus.decode(LAYOUTS["prios"]).total_litres == 16760
    own = bytes.fromhex("1122334455667788")
    frame = prios.build(bytes.fromhex("A511780729662366"), prios.PriosReading(123, 100, DUE), own)
    assert wmbus.decode(frame, own).total_litres == 123
    assert not wmbus.decode(frame).ok


def test_diehls_default_key_opens_mode_5_and_is_named() -> None:
    meter = wmbus.Address("DME", "65656565", 0x70, 6)
    frame = build(meter, PAYLOAD, Transport(), Mode5(prios.DEFAULT_KEYS[1] * 2))
    telegram = wmbus.decode(frame)
    assert telegram.total_litres == LITRES
    assert "default_key" in [item.code for item in telegram.diagnostics]


class Provider:
    """Says what it was asked, and decodes a telegram itself meanwhile."""

    def __init__(self) -> None:
        self.asked: list[wmbus.Address] = []

    def keys_for(self, address: wmbus.Address) -> Iterable[bytes]:
        self.asked.append(address)
        assert wmbus.decode(FRAMES["plain"]).total_litres == LITRES
        return [WRONG, KEY]


def test_a_provider_may_decode_telegrams_itself() -> None:
    provider = Provider()
    assert wmbus.decode(FRAMES["mode 5"], provider).total_litres == LITRES
    assert provider.asked == [METER]


def test_two_meters_with_the_same_digits_are_two_meters() -> None:
    other = wmbus.Address("ABC", METER.id, METER.version, METER.type)
    ring = wmbus.Keyring({METER: KEY, other: WRONG})
    assert wmbus.decode(build(METER, PAYLOAD, Transport(), Mode5(KEY)), ring).meter == METER
    assert wmbus.decode(build(other, PAYLOAD, Transport(), Mode5(WRONG)), ring).meter == other
    assert not wmbus.decode(build(other, PAYLOAD, Transport(), Mode5(KEY)), ring).ok


@pytest.mark.parametrize(
    "rule",
    [
        {"manufacturer": "SGC"},
        {"manufacturer": "SGC", "version": 1, "type": 7},
        {"ids": ("76543000", "76543999")},
    ],
)
def test_a_fleet_rule_covers_its_meters_only(rule: dict[str, object]) -> None:
    ring = wmbus.Keyring()
    ring.add_rule(KEY, **rule)  # type: ignore[arg-type]
    assert wmbus.decode(FRAMES["mode 5"], ring).ok
    stranger = wmbus.Address("ABC", "11111111", 2, 6)
    assert wmbus.decode(build(stranger, PAYLOAD, Transport(), Mode5(KEY)), ring).security.state == "key_missing"


def test_a_ring_grows_to_many_meters() -> None:
    ring = wmbus.Keyring()
    for number in range(5000):
        ring.add(wmbus.Address("SGC", f"{number:08d}", 1, 7), number.to_bytes(16, "big"))
    assert len(ring) == 5000
    for number in (0, 1, 2500, 4999):
        assert ring.keys_for(wmbus.Address("SGC", f"{number:08d}", 1, 7)) == [number.to_bytes(16, "big")]
    assert ring.keys_for(wmbus.Address("SGC", "00005000", 1, 7)) == []


@pytest.mark.parametrize(("key", "rule"), [(b"short", "5 bytes"), ("xy", "hexadecimal"), (b"", "0 bytes")])
def test_a_key_that_is_none_is_refused_without_showing_it(key: object, rule: str) -> None:
    with pytest.raises(ValueError, match=f"^key: .*{rule}"):
        wmbus.Keyring({METER: key})  # type: ignore[dict-item]


def test_a_key_of_another_length_is_told_in_the_telegram() -> None:
    telegram = wmbus.decode(FRAMES["mode 5"], {METER: bytes(5)})
    assert telegram.security.state == "key_missing"
    assert "key_length" in [item.code for item in telegram.diagnostics]


def test_ciphertext_whose_blocks_nobody_counts_is_not_read_as_records() -> None:
    frame = bytearray(FRAMES["mode 5"])
    frame[13] &= 0x0F
    telegram = wmbus.decode(bytes(frame))
    assert (telegram.security.state, telegram.records) == ("key_missing", ())
    assert wmbus.decode(bytes(frame), WRONG).security.state == "key_wrong"
    assert wmbus.decode(bytes(frame), KEY).total_litres == LITRES


def test_records_under_a_mode_that_encrypts_none_of_them_are_read() -> None:
    frame = bytearray(FRAMES["plain"])
    frame[14] = 0x05
    telegram = wmbus.decode(bytes(frame), KEY)
    assert (telegram.security.state, telegram.total_litres) == ("none", LITRES)
