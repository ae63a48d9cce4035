"""Tables as workbooks, written row by row; every cell is text, and none begins a formula."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import IO, Any, TypeVar

from central.register.importing.cells import guarded

SHEET_ROWS = 1_000_000
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
Rows = Iterator[list[str]]
Item = TypeVar("Item")


def write_table(out: IO[bytes], title: str, heads: list[str], rows: Iterator[list[str]]) -> None:
    """Any table as a workbook of one sheet; cells as in an export."""
    from openpyxl import Workbook  # slow to load

    book = Workbook(write_only=True)
    write_sheet(book, title, _headed(heads, ([guarded(cell) for cell in row] for row in rows)))
    book.save(out)


def batched(items: Iterator[Item], size: int) -> Iterator[list[Item]]:
    """Stretches of at most ``size`` items."""
    while part := list(islice(items, size)):
        yield part


def _headed(heads: list[str], rows: Iterator[list[str]]) -> Rows:
    yield heads
    yield from rows


def write_sheet(book: Any, title: str, rows: Rows) -> None:
    """A sheet of a book that is being written (and its sequels, where it has more rows than one holds)."""
    from openpyxl.cell import WriteOnlyCell

    heads = next(rows)
    for number, part in enumerate(batched_lazily(rows, SHEET_ROWS), 1):
        page = book.create_sheet(title if number == 1 else f"{title}_{number}")
        page.append(heads)
        for row in part:
            cells = []
            for text in row:
                cell = WriteOnlyCell(page, _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text))
                cell.data_type = "s"  # text, also where it looks like something else
                cells.append(cell)
            page.append(cells)


def batched_lazily(rows: Rows, size: int) -> Iterator[Rows]:
    """Stretches of at most ``size`` rows, at least one, none of them held in memory."""
    ended = False

    def stretch() -> Rows:
        nonlocal ended
        for _ in range(size):
            row = next(rows, None)
            if row is None:
                ended = True
                return
            yield row

    while not ended:
        yield stretch()
