"""The encoder against public telegrams: same address, plain text and key must give the same bytes."""

import datetime as dt
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from firmware_sim.telegram import address as addresses
from firmware_sim.telegram import afl, crc, link, prios, security

SHARED = Path(os.environ.get("SGC_SHARED", Path(__file__).parents[3] / "../shared"))
TELEGRAMS = SHARED / "data/telegrams"

pytestmark = pytest.mark.skipif(not TELEGRAMS.is_dir(), reason="the shared telegrams are not here (SGC_SHARED)")


def rows(name: str) -> list[dict[str, Any]]:
    path = TELEGRAMS / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


WIRELESS = rows("wireless.jsonl") if TELEGRAMS.is_dir() else []
ENCRYPTED = rows("encrypted.jsonl") if TELEGRAMS.is_dir() else []


def stripped(row: dict[str, Any]) -> bool:
    """Rows whose telegram came without CRCs, so that the forms on the air were made from it."""
    return row["frame_format"] == "stripped CRC" and "ota_frame_a_hex" in row


@dataclass
class Split:
    """A frame cut at the byte where its transport header starts."""

    frame: bytes
    transport: int

    @property
    def long(self) -> bool:
        return self.frame[self.transport] in (0x72, 0x73, 0x6B)

    @property
    def access(self) -> int:
        return self.transport + (9 if self.long else 1)

    @property
    def sender(self) -> bytes:
        """The eight address bytes in link order that keys are bound to."""
        if not self.long:
            return self.frame[2:10]
        at = self.transport + 1
        return self.frame[at + 4 : at + 6] + self.frame[at : at + 4] + self.frame[at + 6 : at + 8]


def split(frame: bytes) -> Split:
    at = 10
    if frame[at] == 0x8C:
        at += 3
    if frame[at] == 0x90:
        at += 2 + frame[at + 1]
    return Split(frame, at)


@pytest.mark.parametrize("row", [r for r in WIRELESS if stripped(r)], ids=lambda r: r["id"])
def test_on_air_forms_are_rebuilt(row: dict[str, Any]) -> None:
    frame = bytes.fromhex(row["telegram_hex"])

    assert link.frame_format_a(frame).hex().upper() == row["ota_frame_a_hex"]
    assert link.frame_format_b(frame).hex().upper() == row["ota_frame_b_hex"]
    if "ota_t1_3of6_hex" in row:
        assert link.on_air_t1(frame).hex().upper() == row["ota_t1_3of6_hex"]
        assert link.on_air_c1a(frame).hex().upper() == row["ota_c1a_hex"]
        assert link.on_air_c1b(frame).hex().upper() == row["ota_c1b_hex"]


@pytest.mark.parametrize("row", ENCRYPTED, ids=lambda r: r["id"])
def test_ciphertext_is_rebuilt_from_the_plain_telegram(row: dict[str, Any]) -> None:
    plain = {r["id"]: r for r in WIRELESS}[row["plain_id"]]
    original = bytes.fromhex(plain["telegram_hex"])
    key = bytes.fromhex(row["key"])
    expected = bytes.fromhex(row["telegram_hex"])

    match row["encryption_mode"]:
        case 5:
            built = rebuilt_mode5(original, expected, key)
        case 7:
            built = rebuilt_mode7(original, expected, key)
        case 10:
            built = rebuilt_mode10(plain, expected, key)
        case _:
            built = rebuilt_ctr(original, key)

    assert built.hex().upper() == row["telegram_hex"]


def rebuilt_mode5(original: bytes, expected: bytes, key: bytes) -> bytes:
    parts = split(expected)
    access = parts.access
    # Zero blocks in the header means that the sender did not say; these rows encrypt everything.
    blocks = expected[access + 2] >> 4 or len(original[access + 4 :]) // security.BLOCK
    hidden = security.mode5_encrypt(key, parts.sender, expected[access], original[access + 4 :], blocks)
    return original[: access + 4] + hidden


def rebuilt_mode7(original: bytes, expected: bytes, key: bytes) -> bytes:
    parts = split(expected)
    fragment = expected[10 + (3 if expected[10] == 0x8C else 0) : parts.transport]
    counter = int.from_bytes(fragment[5:9], "little")
    access = parts.access
    blocks = expected[access + 2] >> 4
    number = parts.sender[2:6]
    message = original[parts.transport : access + 5] + security.mode7_encrypt(
        key, counter, number, original[access + 5 :], blocks
    )
    fields = afl.Fields(counter=counter, mac_kind=fragment[4] & 15)
    mac = security.mode7_mac(key, counter, number, fields.authenticated() + message, fields.mac_kind)
    return expected[: parts.transport - len(fragment)] + fields.whole(mac) + message


def rebuilt_mode10(plain: dict[str, Any], expected: bytes, key: bytes) -> bytes:
    parts = split(expected)
    access = parts.access
    counter = int.from_bytes(expected[access + 6 : access + 10], "little")
    bound = expected[parts.transport : parts.transport + 1] + expected[access : access + 6]
    payload = bytes.fromhex(plain["payload_plain_hex"]).removeprefix(security.PROOF)
    return expected[: access + 10] + security.mode10_encrypt(key, counter, parts.sender, bound, payload, 8)


def rebuilt_ctr(original: bytes, key: bytes) -> bytes:
    message = original[19:]
    checked = crc.wmbus(message).to_bytes(2, "little") + message
    return original[:17] + security.ctr_crypt(key, original[2:10], original[11], original[13:17], checked)


@pytest.mark.parametrize("row", WIRELESS, ids=lambda r: r["id"])
def test_address_bytes_are_rebuilt(row: dict[str, Any]) -> None:
    frame = bytes.fromhex(row["telegram_hex"])
    if row["layers"][-1:] == ["72"] or not row["manufacturer"].isalpha():
        pytest.skip("the row does not name the link's address")
    swapped = row["manufacturer"] in {"DME", "HYD", "EWT", "SPL", "SAP"} and frame[10] >= 0xA0

    code = addresses.manufacturer_bytes(row["manufacturer"])

    assert code[0] == frame[2]
    assert code[1] == frame[3] & 0x7F
    if not swapped:
        assert addresses.identification_bytes(row["dll_id"]) == frame[4:8]


def test_prios_register_reveals_the_published_readings() -> None:
    makers = set()
    for row in WIRELESS:
        frame = bytes.fromhex(row["telegram_hex"])
        if row.get("driver") != "izarv2" or len(frame) != 26:
            continue
        key = next(key for key in prios.DEFAULT_KEYS if prios.hide(key, frame)[15] == prios.PROOF)
        plain = prios.hide(key, frame)[prios.HIDDEN_FROM :]
        reading = prios.PriosReading(
            litres=int.from_bytes(plain[1:5], "little"),
            due_litres=int.from_bytes(plain[5:9], "little"),
            due_date=dt.date.fromisoformat(row["expected"]["target_date"]),
            status=frame[11:15],
        )

        assert reading.litres == round(1000 * row["expected"]["total_m3"])
        assert reading.due_litres == round(1000 * row["expected"]["target_m3"])
        assert prios.build(frame[2:10], reading, key, c_field=frame[1], ci=frame[10]) == frame
        makers.add(row["manufacturer"])
    assert makers >= {"DME", "HYD"}
