"""Ciphertext that begins with 2F 2F by chance is not taken for something already opened: its key is tried first."""

from protocols import wmbus

# Mode 5; the first two encrypted bytes happen to be 2F 2F.
FRAME = bytes.fromhex(
    "3e4424342401002501077ae90030252f2f834476f18e883bfef41fa3ccaa1cb01e37ed494baeac051939b6ace715404127a2c5b25f579e0908a13"
    "cb1ee8afd"
)
KEY = bytes.fromhex("cb81cfb7e758f2197380538d9df189cd")
# As above, and what follows reads as records to the very end.
READS_AS_RECORDS = bytes.fromhex(
    "46449726390900263307723909002697263307990030252f2f2b0444f74965cc06c91714147a2b5d39fd50ad5ed7d9ed8bf9bba1775ab7226c03"
    "c3696449f228e98978feaa4a13"
)
ITS_KEY = b"[:3Cl\x06\x0e\xf9\xcc'\x14\x1fR2Mk"


def test_the_key_is_tried_first() -> None:
    telegram = wmbus.decode(FRAME, KEY)
    assert telegram.security.state == "decrypted"
    assert telegram.total_litres == 1_059_356


def test_the_same_telegram_opened_before_still_reads() -> None:
    opened = FRAME[:15] + bytes.fromhex("2f2f0413dc291000") + b"\x2f" * (len(FRAME) - 23)
    assert wmbus.decode(opened, KEY).total_litres == 1_059_292


def test_the_key_is_tried_first_even_where_the_ciphertext_reads_as_records() -> None:
    telegram = wmbus.decode(READS_AS_RECORDS, ITS_KEY)
    assert (telegram.security.state, telegram.total_litres) == ("decrypted", 626_549)
