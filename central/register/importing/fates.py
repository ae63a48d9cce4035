"""The fates of an import's rows as they are kept and handed back."""

import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from typing import IO

import msgspec
import zstandard

from central.register.importing.cells import guarded
from central.register.importing.plan import RowFate
from central.register.importing.writing import write_table

HEADS = ["hoja", "fila", "clave", "destino", "cambios", "campo", "valor", "regla", "aviso"]
WORDS = {"added": "nueva", "changed": "cambia", "unchanged": "igual", "refused": "rechazada"}
AT_ONCE = 2_000


def packed(fates: Sequence[RowFate]) -> bytes:
    """Fates as they are kept: JSON, compressed with zstd."""
    return zstandard.compress(msgspec.json.encode(fates))


def unpacked(kept: bytes) -> list[RowFate]:
    """The fates again."""
    return msgspec.json.decode(zstandard.decompress(kept), type=list[RowFate])


def digest_of(fates: Sequence[RowFate]) -> str:
    """SHA-256 of the fates."""
    return hashlib.sha256(msgspec.json.encode(fates)).hexdigest()


def told(fate: RowFate) -> list[str]:
    """A fate as a line of a table."""
    changes = ", ".join(f"{name}: «{before}» → «{after}»" for name, (before, after) in fate.changes.items())
    where, number = fate.sheet or fate.section, str(fate.line or fate.row)
    return [where, number, fate.key, WORDS[fate.fate], changes, fate.field, fate.value, fate.rule, fate.warning]


def fates_csv(fates: Sequence[RowFate]) -> Iterator[bytes]:
    """The fates as CSV, in pieces; no cell begins a formula."""
    mark = "\N{BYTE ORDER MARK}"
    rows = [HEADS, *map(told, fates)]
    for start in range(0, len(rows), AT_ONCE):
        text = io.StringIO()
        writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
        writer.writerows([guarded(cell) for cell in row] for row in rows[start : start + AT_ONCE])
        yield (mark + text.getvalue()).encode()
        mark = ""


def fates_workbook(out: IO[bytes], fates: Sequence[RowFate]) -> None:
    """The fates as a workbook."""
    write_table(out, "destinos", HEADS, map(told, fates))
