"""Pages as grey pictures of 60 dots an inch: poppler draws them, numpy compares them, PNG keeps them for the eye."""

import struct
import subprocess
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
GOLDEN = Path(__file__).parent / "golden"
DOTS = 60
# Shares of a page, in parts per million of its dots: smoothing differs a little between releases of poppler.
ALLOWED = 1_500
CLEARLY = 64


def taken(pdf: bytes, folder: Path) -> Grey:
    """The first page of a PDF as rows of grey dots."""
    file = folder / "page.pdf"
    file.write_bytes(pdf)
    command = ["pdftoppm", "-gray", "-r", str(DOTS), "-f", "1", "-l", "1", "-singlefile", str(file)]
    data = subprocess.run(command, capture_output=True, check=True).stdout
    _, size, _, dots = data.split(b"\n", 3)
    width, height = (int(part) for part in size.split())
    return np.frombuffer(dots, np.uint8).reshape(height, width)


def unlike(one: Grey, other: Grey) -> int:
    """Dots per million that differ clearly, each judged by the mean of its neighbourhood."""
    apart = np.abs(_smooth(one) - _smooth(other)) > CLEARLY
    return int(apart.sum()) * 1_000_000 // int(apart.size)


def _smooth(dots: Grey) -> NDArray[np.int64]:
    wide = dots.astype(np.int64)
    return (wide[:-1, :-1] + wide[1:, :-1] + wide[:-1, 1:] + wide[1:, 1:]) // 4


def golden(lang: str) -> Grey:
    """The picture that was approved for a language."""
    return _read_png((GOLDEN / f"b02.{lang}.png").read_bytes())


def png(dots: Grey) -> bytes:
    """Rows of grey dots as a PNG."""
    height, width = dots.shape
    lines = b"".join(b"\0" + row.tobytes() for row in dots)
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(lines, 9)),
        (b"IEND", b""),
    )
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + body


def _read_png(data: bytes) -> Grey:
    """A picture that ``png`` made."""
    at, body, width = 8, b"", 0
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            (width,) = struct.unpack_from(">I", content)
        elif kind == b"IDAT":
            body += content
        at += 12 + length
    return np.frombuffer(zlib.decompress(body), np.uint8).reshape(-1, width + 1)[:, 1:]
