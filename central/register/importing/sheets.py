"""Sheets of cells out of the files utilities send: CSV, a zip of them, XLSX. Every cell comes as text.

What a hostile or damaged file could do is refused before it is read: a zip that grows beyond measure, macros, links to
other files, document type declarations, a million columns.
"""

import codecs
import csv
import io
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from central.register.errors import RegisterError
from central.register.importing.sheet import Bad, Sheet, checked_heads, refuse_many

MOST_BYTES = 2**30  # of everything in a zip, once it is unpacked
MOST_PARTS = 2_000
# Tables shrink to a tenth, repetitive ones to a fiftieth; what shrinks more is made to burst.
MOST_GROWTH, LOOKED_AT = 250, 2**22
DELIMITERS = ";,\t|"
# What zipfile raises for what is not quite a zip, a RuntimeError among it for a part that has a password.
DAMAGE = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, ValueError, RuntimeError)
_HEAD = 64 * 1024


@dataclass(frozen=True)
class Dialect:
    """How a CSV is written, where that is known; empty is found out."""

    encoding: str = ""
    delimiter: str = ""
    decimal: str = ""


@contextmanager
def open_sheets(data: IO[bytes], name: str, dialect: Dialect = Dialect()) -> Iterator[Iterator[Sheet]]:
    """The sheets of one file, in order; each is to be read before the next. Raises :class:`RegisterError`."""
    data.seek(0)
    start = data.read(4)
    data.seek(0)
    if start[:2] == b"PK":
        yield _of_zip(data, name, dialect)
    elif start == b"\xd0\xcf\x11\xe0":
        raise RegisterError("file", name, "is an old or protected workbook; save it as .xlsx without a password")
    else:
        with csv_sheet(data, _stem(name), dialect) as sheet:
            yield iter([sheet])


@contextmanager
def csv_sheet(data: IO[bytes], name: str, dialect: Dialect) -> Iterator[Sheet]:
    """A CSV file: encoding (UTF-8, UTF-16 with its mark, Windows-1252), delimiter and decimal mark found out."""
    encoding = dialect.encoding or _encoding(data, name)
    text = io.TextIOWrapper(data, encoding, newline="")
    try:
        head = _head(text, name, encoding)
        delimiter = dialect.delimiter or _delimiter(head)
        text.seek(0)
        reader = csv.reader(text, delimiter=delimiter, strict=True)
        lines = _csv_lines(reader, name, encoding)
        _, heads = next(lines, (0, []))
        decimal = dialect.decimal or {";": ",", ",": "."}.get(delimiter, "")
        yield Sheet(name, checked_heads([str(head) for head in heads], name), lines, decimal)
    finally:
        text.detach()  # the file is the caller's


def _head(text: io.TextIOWrapper, name: str, encoding: str) -> str:
    try:
        return text.read(_HEAD)
    except UnicodeError as error:
        raise RegisterError("file", name, f"is not text in {encoding} ({error})") from error


def _csv_lines(reader: Any, name: str, encoding: str) -> Iterator[tuple[int, list[str | Bad]]]:
    try:
        for count, row in enumerate(reader):
            refuse_many(name, count, len(row))
            if any(cell.strip() for cell in row):
                yield reader.line_num, [cell.strip() for cell in row]
    except csv.Error as error:
        raise RegisterError("file", name, f"line {reader.line_num}: is not CSV ({error})") from error
    except UnicodeError as error:
        raise RegisterError("file", name, f"line {reader.line_num}: is not text in {encoding} ({error})") from error


def _encoding(data: IO[bytes], name: str) -> str:
    start = data.read(4)
    data.seek(0)
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    decoder, clean = codecs.getincrementaldecoder("utf-8")(), True
    while clean and (part := data.read(2**20)):
        if b"\x00" in part:
            raise RegisterError("file", name, "is neither text nor a workbook: it has zero bytes")
        try:
            decoder.decode(part)
        except UnicodeDecodeError:
            clean = False
    data.seek(0)
    return "utf-8" if clean else "cp1252"


def _delimiter(head: str) -> str:
    """The delimiter that stands most often in the first line, outside quotes."""
    first = re.sub(r'"[^"]*"', "", head.splitlines()[0] if head.strip() else "")
    counted = Counter(character for character in first if character in DELIMITERS)
    return max(DELIMITERS, key=lambda character: counted[character])


def _of_zip(data: IO[bytes], name: str, dialect: Dialect) -> Iterator[Sheet]:
    try:
        with zipfile.ZipFile(data) as packed:
            refuse_bomb(packed, name)
            names = packed.namelist()
            if "xl/workbook.xml" in names:
                from central.register.importing.workbook import read_workbook  # brings openpyxl, which is slow to load

                yield from read_workbook(data, packed, name)
                return
            tables = [one for one in names if one.casefold().endswith((".csv", ".txt"))]
            if not tables:
                raise RegisterError("file", name, "is a zip without a workbook and without .csv files")
            for one in tables:
                with packed.open(one) as member, csv_sheet(io.BytesIO(member.read()), _stem(one), dialect) as sheet:
                    yield sheet
    except RegisterError:
        raise
    except DAMAGE as error:
        raise RegisterError("file", name, f"is a damaged zip, or one with a password ({error})") from error


def refuse_bomb(packed: zipfile.ZipFile, name: str) -> None:
    """Raise :class:`RegisterError` for a zip that would grow beyond measure; no part can exceed what it declares."""
    parts = packed.infolist()
    if len(parts) > MOST_PARTS:
        raise RegisterError("file", name, f"has {len(parts)} parts, at most {MOST_PARTS} are taken")
    size = sum(part.file_size for part in parts)
    if size > MOST_BYTES:
        raise RegisterError("file", name, f"unpacks to {size} bytes, at most {MOST_BYTES} are taken")
    for part in parts:
        if part.file_size > LOOKED_AT and part.file_size > MOST_GROWTH * part.compress_size:
            rule = f"its part {part.filename} grows {part.file_size // max(1, part.compress_size)} times when unpacked"
            raise RegisterError("file", name, rule)


def _stem(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2].rpartition(".")[0] or name
