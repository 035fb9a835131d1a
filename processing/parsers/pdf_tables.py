"""Tables in PDF pages: rows whose gaps stand under each other.

A row is cut into cells where the white space between two runs of characters is wider than any
space between words. Neighbouring rows make a table when their cells fall into the same columns.
"""

import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import pypdfium2.raw as pdfium_c

from processing.canonical import ElementType
from processing.parsers.draft import Block, Span
from processing.parsers.pdf_layout import Row
from processing.parsers.pdfium import Line, PageText

_GAP: Final = 1.4
_MAX_PITCH: Final = 3.5
_MAX_CELL: Final = 60
_MIN_ROWS: Final = 2
Interval = tuple[float, float]


@dataclass(slots=True)
class _Cell:
    x0: float
    x1: float
    span: Span = (0, 0)


@dataclass(slots=True)
class _TableRow:
    row: Row
    cells: list[_Cell]


def tables_of(textpage: Any, page: PageText, rows: Sequence[Row]) -> dict[int, tuple[int, Block]]:
    """Return tables by the number of their first row, each with its count of rows."""
    gaps = [_cells(row) for row in rows]
    found: dict[int, tuple[int, Block]] = {}
    for first, last in _runs(rows, gaps):
        table = [_TableRow(row, cells) for row, cells in zip(rows, gaps, strict=True)][first:last]
        for table_row in table:
            _place(textpage, page, table_row)
        block = _block(page, table)
        if block:
            found[first] = (last - first, block)
    return found


def _cells(row: Row) -> list[_Cell]:
    """Cut a row where a gap is wider than a space between words."""
    segments = sorted(segment for line in row.lines for segment in line.segments)
    cells: list[_Cell] = []
    for x0, x1 in segments:
        if cells and x0 - cells[-1].x1 < _GAP * row.size:
            cells[-1].x1 = max(cells[-1].x1, x1)
        else:
            cells.append(_Cell(x0, x1))
    return cells


def _runs(rows: Sequence[Row], cells: Sequence[list[_Cell]]) -> Iterator[Span]:
    """Yield first and one past last number of rows that share columns."""
    first = 0
    while first < len(rows):
        last = first
        columns: list[Interval] = []
        while last < len(rows) and _fits(rows, cells, first, last, columns):
            columns = _merged([*columns, *((cell.x0, cell.x1) for cell in cells[last])])
            last += 1
        while last > first and len(cells[last - 1]) < 2:
            last -= 1
        if last - first >= (_MIN_ROWS if len(columns) > 2 else _MIN_ROWS + 1):
            yield first, last
        first = max(last, first + 1)


def _fits(
    rows: Sequence[Row],
    cells: Sequence[list[_Cell]],
    first: int,
    last: int,
    columns: Sequence[Interval],
) -> bool:
    """Tell whether a row may continue the table that began at `first`."""
    row, own = rows[last], cells[last]
    if last == first:
        return len(own) >= 2
    distance = row.baseline - rows[last - 1].baseline
    if not 0 < distance <= _MAX_PITCH * row.size:
        return False
    taken = [_columns_under(cell, columns) for cell in own]
    if any(len(under) > 1 for under in taken):
        return False
    if len(own) == 1:
        # The further line of a wrapped cell: not in the first column, close to the row above.
        return taken[0] not in ([], [0]) and distance < 1.6 * row.size
    used = [under[0] for under in taken if under]
    return len(used) >= 2 and len(set(used)) == len(used)


def _columns_under(cell: _Cell, columns: Sequence[Interval]) -> list[int]:
    return [
        number for number, (x0, x1) in enumerate(columns) if cell.x0 < x1 - 1 and cell.x1 > x0 + 1
    ]


def _merged(intervals: Sequence[Interval]) -> list[Interval]:
    merged: list[Interval] = []
    for x0, x1 in sorted(intervals):
        if merged and x0 < merged[-1][1] - 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], x1))
        else:
            merged.append((x0, x1))
    return merged


def _place(textpage: Any, page: PageText, table_row: _TableRow) -> None:
    """Find the span of text of each cell of a row."""
    edges = [*_starts(textpage, page, table_row), table_row.row.end]
    for cell, (start, end) in zip(table_row.cells, pairwise(edges), strict=False):
        cell.span = (start, end)


def _starts(textpage: Any, page: PageText, table_row: _TableRow) -> list[int]:
    """Return where each cell's text starts: the first word at or right of the cell's left edge."""
    starts = [table_row.row.start]
    words = list(_words(page, table_row.row))
    for cell in table_row.cells[1:]:
        after = [
            start for line, start in words
            if start > starts[-1] and _left(textpage, page, line, start) >= cell.x0 - 1
        ]  # fmt: skip
        starts.append(after[0] if after else table_row.row.end)
    return starts


def _words(page: PageText, row: Row) -> Iterator[tuple[Line, int]]:
    for line in row.lines:
        yield line, line.start
        for place in range(line.start + 1, line.end):
            if page.text[place - 1] == " " and page.text[place] != " ":
                yield line, place


def _left(textpage: Any, page: PageText, line: Line, start: int) -> float:
    """Return the left edge of one character as displayed."""
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    place, _ = page.native(line, start, start + 1)
    pdfium_c.FPDFText_GetCharBox(textpage, place, left, right, bottom, top)
    return page.frame.box(left.value, bottom.value, right.value, top.value).x0


def _block(page: PageText, table: Sequence[_TableRow]) -> Block | None:
    """Make the table, or None when its cells are as long as the lines of text columns."""
    columns = _merged([(cell.x0, cell.x1) for row in table for cell in row.cells])
    cells = [_texts(page, row, columns) for row in table]
    filled = [len(text) for row in cells for text in row if text]
    if not filled or sum(filled) / len(filled) > _MAX_CELL:
        return None
    return Block(
        ElementType.TABLE,
        table[0].row.start,
        table[-1].row.end,
        rows=tuple((row.row.start, row.row.end) for row in table),
        cells=tuple(cells),
    )


def _texts(page: PageText, row: _TableRow, columns: Sequence[Interval]) -> tuple[str, ...]:
    texts = [""] * len(columns)
    for cell in row.cells:
        under = _columns_under(cell, columns) or [0]
        start, end = cell.span
        texts[under[0]] = f"{texts[under[0]]} {page.text[start:end]}".strip()
    return tuple(texts)
