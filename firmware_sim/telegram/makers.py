"""Seals of makers' own beside PRIOS: Diehl's "real data" records, Apator's NA-1."""

from firmware_sim.telegram import address as addresses
from firmware_sim.telegram import prios, security
from firmware_sim.telegram.address import MeterAddress

NA1_CI = 0xA1
SHORT_HEADER_CI = 0x7A
# The configuration's high byte: its fifth bit marks the mode, the others carry a sum over the plain records.
REAL_DATA_BIT, REAL_DATA_SUM = 0x10, 0xEF


def real_data(address: MeterAddress, payload: bytes, key: bytes, *, access_no: int = 0, c_field: int = 0x44) -> bytes:
    """Standard records hidden by PRIOS' register, L first without CRCs; ``key`` has eight bytes."""
    check = sum(payload) & REAL_DATA_SUM | REAL_DATA_BIT
    head = bytes((SHORT_HEADER_CI, access_no, 0, 0, check))
    body = bytes((c_field,)) + prios.address_bytes(address) + head + payload
    return prios.hide(key, bytes((len(body),)) + body)


def na1(address: MeterAddress, plain: bytes, key: bytes, *, access_no: int = 0, state: int = 0) -> bytes:
    """Everything from the CI field on: access number and state, then sixteen sealed bytes."""
    if len(plain) != security.BLOCK:
        raise ValueError(f"NA-1: {len(plain)} bytes, must be {security.BLOCK}")
    initial = security.mode5_initial(addresses.link_bytes(address), access_no)
    return bytes((NA1_CI, access_no, state)) + security.cbc_encrypt(key, initial, plain)
