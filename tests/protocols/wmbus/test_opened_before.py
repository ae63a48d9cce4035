"""Ciphertext that begins with 2F 2F by chance is not taken for something already opened: its key is tried first."""

from protocols import wmbus

# Mode 5; the first two encrypted bytes happen to be 2F 2F.
FRAME = bytes.fromhex(
    "3e4424342401002501077ae90030252f2f834476f18e883bfef41fa3ccaa1cb01e37ed494baeac051939b6ace715404127a2c5b25f579e0908a13"
    "cb1ee8afd"
)
KEY = bytes.fromhex("cb81cfb7e758f2197380538d9df189cd")


def test_the_key_is_tried_first() -> None:
    telegram = wmbus.decode(FRAME, KEY)
    assert telegram.security.state == "decrypted"
    assert telegram.total_litres == 1_059_356


def test_the_same_telegram_opened_before_still_reads() -> None:
    opened = FRAME[:15] + bytes.fromhex("2f2f0413dc291000") + b"\x2f" * (len(FRAME) - 23)
    assert wmbus.decode(opened, KEY).total_litres == 1_059_292
