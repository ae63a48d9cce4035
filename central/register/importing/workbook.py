"""Sheets of a workbook (.xlsx), row by row; cells as the text that a person would read in them."""

import warnings
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any, TypeVar

from openpyxl import load_workbook
from openpyxl.cell.read_only import EmptyCell, ReadOnlyCell

from central.register.errors import RegisterError
from central.register.importing.sheet import MOST_COLUMNS, Bad, Sheet, checked_heads, refuse_many

# A workbook keeps numbers in binary: of more digits than these it has lost some.
KEPT_DIGITS = 15
_STRINGS = 2**28
_HEAD = 4096
_Value = TypeVar("_Value")


def read_workbook(data: IO[bytes], packed: zipfile.ZipFile, name: str) -> Iterator[Sheet]:
    """Every visible sheet that has a line of heads. Raises :class:`RegisterError`."""
    _refuse_active(packed, name)
    data.seek(0)
    book = _sound(name, lambda: load_workbook(data, read_only=True, keep_links=False))
    try:
        for title in book.sheetnames:
            page = book[title]
            if getattr(page, "sheet_state", "visible") != "visible" or not hasattr(page, "reset_dimensions"):
                continue
            page.reset_dimensions()
            lines = _lines(page, f"{name}: {title}", name)
            _, heads = next(lines, (0, []))
            if heads:
                texts = [head if isinstance(head, str) else head.text for head in heads]
                yield Sheet(title, checked_heads(texts, f"{name}: {title}"), lines)
    finally:
        book.close()


def _refuse_active(packed: zipfile.ZipFile, name: str) -> None:
    """Macros, links to other files and document type declarations have no place in a register."""
    for part in packed.infolist():
        path = part.filename.casefold()
        if path.endswith("vbaproject.bin") or "/macrosheets/" in path:
            raise RegisterError("file", name, "has macros; save it as .xlsx")
        if "/externallinks/" in path:
            raise RegisterError("file", name, "has links to other files; save its values alone")
        if path.endswith("sharedstrings.xml") and part.file_size > _STRINGS:
            raise RegisterError("file", name, f"has {part.file_size} bytes of text, at most {_STRINGS} are taken")
        if path.endswith((".xml", ".rels")):
            with packed.open(part) as content:
                if b"<!DOCTYPE" in content.read(_HEAD).replace(b"\x00", b""):
                    raise RegisterError("file", name, f"its part {part.filename} declares a document type")


def _lines(page: Any, where: str, name: str) -> Iterator[tuple[int, list[str | Bad]]]:
    rows = iter(page.rows)
    number = count = 0
    while (row := _sound(name, lambda: next(rows, None))) is not None:
        number += 1
        cells = [_text(cell) for cell in _without_tail(row)]
        if any(cells):
            count += 1
            refuse_many(where, count, len(cells))
            yield number, cells


def _without_tail(row: tuple[ReadOnlyCell | EmptyCell, ...]) -> tuple[ReadOnlyCell | EmptyCell, ...]:
    """The cells up to the last that says something: a sheet may have a million empty ones."""
    if len(row) <= MOST_COLUMNS:
        return row
    end = len(row)
    while end and row[end - 1].value is None:
        end -= 1
    return row[:end]


def _text(cell: ReadOnlyCell | EmptyCell) -> str | Bad:
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == "f":
        return Bad(str(value), "is a formula; write the value itself")
    if cell.data_type == "e":
        return Bad(str(value), "is an error of the spreadsheet")
    if isinstance(value, bool):
        return "sí" if value else "no"
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, (int, float)):  # float: what a workbook holds
        return _number(value)
    return Bad(str(value), "must be text, a number or a date")


def _number(value: int | float) -> str | Bad:  # float: what a workbook holds
    exact = Decimal(repr(value))
    if not exact.is_finite() or abs(exact) >= 10**KEPT_DIGITS:
        rule = f"is a number of more than {KEPT_DIGITS} digits, and a workbook loses the rest; give it the format text"
        return Bad(str(value), rule)
    return format(exact.quantize(Decimal(1)) if exact == exact.to_integral_value() else exact, "f")


def _sound(name: str, read: Callable[[], _Value]) -> _Value:
    """What ``read`` gives; whatever a damaged workbook makes the library raise is the file's fault."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return read()
    except RegisterError:
        raise
    except MemoryError:
        raise
    except Exception as error:
        said = " ".join(str(error).split())[:200]
        raise RegisterError("file", name, f"is a damaged workbook ({type(error).__name__}: {said})") from error
