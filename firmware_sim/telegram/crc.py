"""The two cyclic redundancy checks: EN 13757's on the link, X-25's between a module and its host."""

WMBUS_POLYNOMIAL = 0x3D65
X25_POLYNOMIAL = 0x8408


def _forward_table(polynomial: int) -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte << 8
        for _ in range(8):
            value = (value << 1) ^ (polynomial if value & 0x8000 else 0)
        table.append(value & 0xFFFF)
    return tuple(table)


def _reflected_table(polynomial: int) -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (polynomial if value & 1 else 0)
        table.append(value)
    return tuple(table)


WMBUS_TABLE = _forward_table(WMBUS_POLYNOMIAL)
X25_TABLE = _reflected_table(X25_POLYNOMIAL)


def wmbus(data: bytes) -> int:
    """CRC of EN 13757-4 clause 12: start 0, not reflected, complemented ("123456789" gives C2B7)."""
    value = 0
    for byte in data:
        value = (value << 8 & 0xFFFF) ^ WMBUS_TABLE[value >> 8 ^ byte]
    return value ^ 0xFFFF


def x25(data: bytes) -> int:
    """CRC-16/X-25: start FFFF, reflected, complemented ("123456789" gives 906E)."""
    value = 0xFFFF
    for byte in data:
        value = value >> 8 ^ X25_TABLE[(value ^ byte) & 0xFF]
    return value ^ 0xFFFF
