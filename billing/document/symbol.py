"""QR codes of level M in byte mode, as arrays: the eight masked symbols of a text (ISO/IEC 18004:2015, 7.4 to 7.8).

segno draws each size of symbol once, with all its function patterns; a text then only changes the data
modules. That is an order of magnitude faster than drawing every symbol from nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import product, zip_longest

import numpy as np
import segno
from numpy.typing import NDArray
from segno import consts

Bytes = NDArray[np.uint8]
MASKS = 8
LEVEL = "m"
BYTE_MODE = 4
LARGEST = 40
PADDING = (0xEC, 0x11)
LONG_COUNT = 10  # from this version on the length takes two bytes
VERSION_SHOWN = 7  # from this version on the symbol states it


def masked_symbols(text: str) -> Bytes:
    """The symbols of ``text`` under masks 0 to 7: (8, size, size) of 0 (light) and 1 (dark)."""
    content = text.encode()
    frame = _frame(_version(len(content)))
    symbols = frame.symbols.copy()
    symbols[:, frame.places] ^= _codewords(content, frame.version)
    size = frame.size
    return symbols.reshape(MASKS, size, size)


@dataclass(frozen=True, slots=True)
class _Frame:
    """A size of symbol: all eight masks of a message of zeros, and where its bits go, in order."""

    version: int
    size: int
    symbols: Bytes
    places: NDArray[np.int64]


@cache
def _frame(version: int) -> _Frame:
    # A message that fills the symbol, so that nothing hangs on how the rest would be padded.
    sample = b"a" * (_words(version) - _overhead(version))
    drawn = [
        segno.make(sample, version=version, error=LEVEL, mode="byte", boost_error=False, mask=mask).matrix
        for mask in range(MASKS)
    ]
    symbols = np.array([[list(row) for row in matrix] for matrix in drawn], dtype=np.uint8)
    size = symbols.shape[1]
    places = _places(version, size)
    flat = symbols.reshape(MASKS, size * size)
    bits = _codewords(sample, version)
    flat[:, places[: len(bits)]] ^= bits
    return _Frame(version, size, flat, places[: len(bits)])


def _places(version: int, size: int) -> NDArray[np.int64]:
    """Flat positions of the data modules as they are filled: pairs of columns, from the right, up and down."""
    data = ~_fixed(version, size)
    order = []
    upward = True
    for right in (*range(size - 1, 6, -2), 5, 3, 1):
        rows = range(size - 1, -1, -1) if upward else range(size)
        order += [row * size + column for row in rows for column in (right, right - 1) if data[row, column]]
        upward = not upward
    return np.array(order)


def _fixed(version: int, size: int) -> NDArray[np.bool_]:
    """Modules that no message changes: finders with their format areas, timing, alignment and version patterns."""
    fixed = np.zeros((size, size), dtype=bool)
    fixed[:9, :9] = fixed[:9, size - 8 :] = fixed[size - 8 :, :9] = True
    fixed[6, :] = fixed[:, 6] = True
    centres = consts.ALIGNMENT_POS[version - 2] if version > 1 else ()
    corners = {(6, 6), (6, size - 7), (size - 7, 6)}
    for row, column in product(centres, centres):
        if (row, column) not in corners:
            fixed[row - 2 : row + 3, column - 2 : column + 3] = True
    if version >= VERSION_SHOWN:
        fixed[:6, size - 11 : size - 8] = fixed[size - 11 : size - 8, :6] = True
    return fixed


# ---- message ---------------------------------------------------------------------------------


def _version(length: int) -> int:
    """The smallest symbol that holds so many bytes."""
    for version in range(1, LARGEST + 1):
        if length + _overhead(version) <= _words(version):
            return version
    raise ValueError(f"text of {length} bytes: more than a QR code of level M holds")


def _overhead(version: int) -> int:
    """Bytes of mode, length and terminator together."""
    return 3 if version >= LONG_COUNT else 2


def _words(version: int) -> int:
    """Data codewords of a symbol."""
    return sum(blocks * words for blocks, _, words in _blocks(version))


def _blocks(version: int) -> list[tuple[int, int, int]]:
    """(number of blocks, codewords of each, data codewords of each) in order."""
    groups: Iterable[tuple[int, int, int]] = consts.ECC[version][consts.ERROR_LEVEL_M]  # type: ignore[index]
    return list(groups)


def _codewords(content: bytes, version: int) -> Bytes:
    """All bits of the message: data and error correction of every block, interleaved."""
    data = _data(content, version)
    parts = []
    corrections = []
    for blocks, total, words in _blocks(version):
        group, data = data[: blocks * words].reshape(blocks, words), data[blocks * words :]
        parts.append(group)
        corrections.append(_corrections(group, total - words))
    message = np.concatenate([part.ravel() for part in parts] + [part.ravel() for part in corrections])
    return np.unpackbits(message[_interleaved(version)])


def _data(content: bytes, version: int) -> Bytes:
    """Mode, length, bytes and terminator, which together are whole bytes, then padding."""
    length_bits = 8 * (_overhead(version) - 1)
    number = (BYTE_MODE << length_bits | len(content)) << 8 * len(content) | int.from_bytes(content)
    head = (number << 4).to_bytes(len(content) + _overhead(version))
    words = _words(version)
    return np.frombuffer((head + bytes(PADDING) * words)[:words], dtype=np.uint8)


@cache
def _interleaved(version: int) -> NDArray[np.int64]:
    """For each codeword of the final message, where it stands in the blocks laid one after the other."""
    first = 0
    order: list[int] = []
    for correction in (False, True):
        rows = []
        for blocks, total, words in _blocks(version):
            length = total - words if correction else words
            rows += [range(first + block * length, first + (block + 1) * length) for block in range(blocks)]
            first += blocks * length
        order += [place for column in zip_longest(*rows) for place in column if place is not None]
    return np.array(order)


# ---- error correction over GF(256) -----------------------------------------------------------

_POWERS = [1]
while len(_POWERS) < 255:
    _POWERS.append((_POWERS[-1] << 1) ^ (0x11D if _POWERS[-1] & 0x80 else 0))
_EXP: Bytes = np.array(_POWERS * 2, dtype=np.uint8)
_LOG: NDArray[np.int64] = np.zeros(256, dtype=np.int64)
_LOG[_POWERS] = np.arange(255)


def _corrections(data: Bytes, count: int) -> Bytes:
    """The ``count`` correction codewords of each row of data codewords."""
    table = _remainders(data.shape[1], count)
    products = _EXP[_LOG[data][:, :, None] + _LOG[table]]
    products[(data == 0)[:, :, None] | (table == 0)] = 0
    result: Bytes = np.bitwise_xor.reduce(products, axis=1)
    return result


@cache
def _remainders(words: int, count: int) -> Bytes:
    """Correction codewords of a 1 at each position: the message's are their sum."""
    generator = [1]
    for power in range(count):
        shifted = [_times(value, _POWERS[power]) for value in generator]
        generator = [a ^ b for a, b in zip([*generator, 0], [0, *shifted], strict=True)]
    rows = [generator[1:]]
    for _ in range(words - 1):
        lead, *rest = rows[0]
        row = [a ^ _times(lead, b) for a, b in zip([*rest, 0], generator[1:], strict=True)]
        rows.insert(0, row)
    return np.array(rows, dtype=np.uint8)


def _times(one: int, other: int) -> int:
    return int(_EXP[_LOG[one] + _LOG[other]]) if one and other else 0
