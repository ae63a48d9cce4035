"""The encoder's hot path over arrays: many telegrams of one key and length at once.

Bit for bit what ``firmware_sim.telegram`` builds one by one; the tests hold the two together.
"""

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from firmware_sim.telegram import crc

Bytes = npt.NDArray[np.uint8]

_X25_TABLE = np.array(crc.X25_TABLE, np.uint16)


def cbc_encrypt(key: bytes, initial: Bytes, plain: Bytes) -> Bytes:
    """AES-128-CBC of (n, 16 k) bytes with one initial vector (n, 16) each, all under one key.

    Chaining runs over the n telegrams side by side: each step is one raw block operation on n blocks.
    """
    raw = Cipher(algorithms.AES128(key), modes.ECB()).encryptor()  # noqa: S305  (the chaining is done here)
    hidden = np.empty_like(plain)
    chain = initial
    for start in range(0, plain.shape[1], 16):
        block = np.bitwise_xor(plain[:, start : start + 16], chain)
        chain = np.frombuffer(raw.update(block.tobytes()), np.uint8).reshape(-1, 16)
        hidden[:, start : start + 16] = chain
    return hidden


def x25(data: Bytes) -> npt.NDArray[np.uint16]:
    """CRC-16/X-25 of each row."""
    value = np.full(len(data), 0xFFFF, np.uint16)
    for column in data.T:
        value = value >> np.uint16(8) ^ _X25_TABLE[(value ^ column) & np.uint16(0xFF)]
    return value ^ np.uint16(0xFFFF)


def a_blocks(length: int) -> list[tuple[int, int]]:
    """Where format A's blocks start and end in a frame without CRCs."""
    return [(0, 10), *((at, min(at + 16, length)) for at in range(10, length, 16))]
