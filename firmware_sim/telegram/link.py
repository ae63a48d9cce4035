"""Link frames of EN 13757-4: formats A and B with their CRCs, and the symbols that go on the air."""

from firmware_sim.telegram import crc

FIRST_BLOCK = 10
BLOCK = 16
B_FIRST_PART = 126
MAX_L_FORMAT_A = 255

SYNC_T = bytes.fromhex("543D")
SYNC_C_FORMAT_A = bytes.fromhex("543D54CD")
SYNC_C_FORMAT_B = bytes.fromhex("543D543D")
SYNC_S = bytes.fromhex("547696")

POSTAMBLE = 0b0101

# EN 13757-4 table 10: six chips for each nibble, three of them ones.
THREE_OF_SIX = (
    0x16, 0x0D, 0x0E, 0x0B, 0x1C, 0x19, 0x1A, 0x13, 0x2C, 0x25, 0x26, 0x23, 0x34, 0x31, 0x32, 0x29,
)  # fmt: skip
_CHIPS_OF_BYTE = tuple(THREE_OF_SIX[byte >> 4] << 6 | THREE_OF_SIX[byte & 15] for byte in range(256))
_NIBBLE_OF_SYMBOL = {symbol: nibble for nibble, symbol in enumerate(THREE_OF_SIX)}
# A one is sent as the chips 01, a zero as 10.
_MANCHESTER_OF_BYTE = tuple(
    sum((1 if byte >> bit & 1 else 2) << (2 * bit) for bit in range(8)).to_bytes(2, "big") for byte in range(256)
)


def link_frame(c_field: int, address: bytes, body: bytes) -> bytes:
    """L, C, M, A and the body, without CRCs; L counts everything after itself."""
    length = 1 + len(address) + len(body)
    if length > MAX_L_FORMAT_A:
        raise ValueError(f"L field: {length} bytes do not fit in one frame (at most {MAX_L_FORMAT_A})")
    return bytes((length, c_field)) + address + body


def with_crc(block: bytes) -> bytes:
    """The block followed by its CRC, high byte first."""
    return block + crc.wmbus(block).to_bytes(2, "big")


def frame_format_a(frame: bytes) -> bytes:
    """A frame without CRCs as format A: ten bytes and a CRC, then blocks of sixteen with theirs."""
    parts = [with_crc(frame[:FIRST_BLOCK])]
    for start in range(FIRST_BLOCK, len(frame), BLOCK):
        parts.append(with_crc(frame[start : start + BLOCK]))
    return b"".join(parts)


def frame_format_b(frame: bytes) -> bytes:
    """A frame without CRCs as format B: L counts the CRCs too; the second CRC follows byte 126."""
    checks = 2 if len(frame) + 2 > B_FIRST_PART + 2 else 1
    length = frame[0] + 2 * checks
    if length > MAX_L_FORMAT_A:
        raise ValueError(f"L field: {length} does not fit in format B (at most {MAX_L_FORMAT_A})")
    frame = bytes((length,)) + frame[1:]
    if checks == 1:
        return with_crc(frame)
    return with_crc(frame[:B_FIRST_PART]) + with_crc(frame[B_FIRST_PART:])


def three_of_six(frame: bytes) -> bytes:
    """Each nibble as six chips, packed into bytes; the postamble's 0101 fills the last one."""
    chips = 0
    for byte in frame:
        chips = chips << 12 | _CHIPS_OF_BYTE[byte]
    count = 12 * len(frame)
    padding = -count % 8
    return (chips << padding | POSTAMBLE >> (4 - padding)).to_bytes((count + padding) // 8, "big")


def from_three_of_six(chips: bytes, size: int) -> bytes | None:
    """The ``size`` bytes that the chips stand for; None where a symbol is not one of the sixteen."""
    value = int.from_bytes(chips, "big") >> (8 * len(chips) - 12 * size)
    out = bytearray(size)
    for index in range(size - 1, -1, -1):
        high = _NIBBLE_OF_SYMBOL.get(value >> 6 & 63)
        low = _NIBBLE_OF_SYMBOL.get(value & 63)
        if high is None or low is None:
            return None
        out[index] = high << 4 | low
        value >>= 12
    return bytes(out)


def without_crcs(frame_a: bytes) -> bytes:
    """A format A frame without its CRCs, which are not looked at."""
    blocks = [frame_a[:FIRST_BLOCK]]
    for start in range(FIRST_BLOCK + 2, len(frame_a), BLOCK + 2):
        blocks.append(frame_a[start : start + BLOCK + 2][:-2])
    return b"".join(blocks)


def crcs_hold(frame_a: bytes) -> bool:
    """Whether every block of a format A frame carries its own CRC."""
    if crc.wmbus(frame_a[:FIRST_BLOCK]) != int.from_bytes(frame_a[FIRST_BLOCK : FIRST_BLOCK + 2], "big"):
        return False
    for start in range(FIRST_BLOCK + 2, len(frame_a), BLOCK + 2):
        block = frame_a[start : start + BLOCK + 2]
        if crc.wmbus(block[:-2]) != int.from_bytes(block[-2:], "big"):
            return False
    return True


def on_air_t1(frame: bytes) -> bytes:
    """Mode T from meter to other: sync word, then format A in three-of-six chips."""
    return SYNC_T + three_of_six(frame_format_a(frame))


def on_air_c1a(frame: bytes) -> bytes:
    """Mode C with format A: sync word, then bits without a line code."""
    return SYNC_C_FORMAT_A + frame_format_a(frame)


def on_air_c1b(frame: bytes) -> bytes:
    """Mode C with format B."""
    return SYNC_C_FORMAT_B + frame_format_b(frame)


def on_air_s1(frame: bytes) -> bytes:
    """Mode S: sync word, then format A in Manchester chips."""
    return SYNC_S + b"".join(_MANCHESTER_OF_BYTE[byte] for byte in frame_format_a(frame))
