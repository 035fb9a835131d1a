"""Tables in PDF pages: rows whose gaps stand under each other.

A row is cut into cells where the white space between two runs of characters is wider than any
space between words. Neighbouring rows make a table when their cells fall into the same columns.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any, Final

from processing.canonical import ElementType
from processing.parsers.draft import Block, Span
from processing.parsers.patterns import LIST_MARK
from processing.parsers.pdf_layout import Row
from processing.parsers.pdfium import PageText, Ruler

_WORD: Final = re.compile(r"\S+")
_GAP: Final = 0.9
_WIDE_GAP: Final = 1.5
_MAX_PITCH: Final = 3.5
_MAX_CELL: Final = 60
_MIN_ROWS: Final = 2
_MIN_ROWS_CLOSE: Final = 3
_ALIGNED_WITHIN: Final = 2.0
_ALIGNED_SHARE: Final = 0.7
Interval = tuple[float, float]


@dataclass(slots=True)
class _Cell:
    x0: float
    x1: float
    span: Span


@dataclass(slots=True)
class _TableRow:
    row: Row
    cells: list[_Cell]


def tables_of(textpage: Any, page: PageText, rows: Sequence[Row]) -> dict[int, tuple[int, Block]]:
    """Return tables by the number of their first row, each with its count of rows."""
    ruler = Ruler(textpage, page.frame)
    cells = [_cells(ruler, page, row) for row in rows]
    found: dict[int, tuple[int, Block]] = {}
    for first, last in _runs(rows, cells):
        block = _block(page, list(map(_TableRow, rows[first:last], cells[first:last])))
        if block:
            found[first] = (last - first, block)
    return found


def _cells(ruler: Ruler, page: PageText, row: Row) -> list[_Cell]:
    """Cut a row where a gap is wider than a space between words; a list item is one cell."""
    gap = _GAP * row.size
    whole = _Cell(row.bbox.x0, row.bbox.x1, (row.start, row.end))
    if len(row.lines) == 1 and len(row.lines[0].segments) == 1:
        return [whole]
    segments = sorted(segment for line in row.lines for segment in line.segments)
    if all(after[0] - before[1] < gap for before, after in pairwise(segments)):
        return [whole]
    cells: list[_Cell] = []
    for word in _words(ruler, page, row):
        if cells and word.x0 - cells[-1].x1 < gap:
            cells[-1] = _Cell(cells[-1].x0, word.x1, (cells[-1].span[0], word.span[1]))
        else:
            cells.append(word)
    listed = len(cells) == 2 and LIST_MARK.match(page.text, row.start, row.end)
    return [whole] if listed else cells


def _words(ruler: Ruler, page: PageText, row: Row) -> Iterator[_Cell]:
    for line in row.lines:
        for match in _WORD.finditer(page.text, line.start, line.end):
            box = ruler.box(*page.native(line, *match.span()))
            if box is not None:
                yield _Cell(box.x0, box.x1, match.span())


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


def _block(page: PageText, table: Sequence[_TableRow]) -> Block | None:
    """Make the table, or None when its cells are as long as the lines of text columns."""
    columns = _merged([(cell.x0, cell.x1) for row in table for cell in row.cells])
    cells = [_texts(page, row, columns) for row in table]
    filled = [len(text) for row in cells for text in row if text]
    if not filled or sum(filled) / len(filled) > _MAX_CELL:
        return None
    if not _aligned(table, columns) or (len(table) < _MIN_ROWS_CLOSE and _is_close(table)):
        return None
    return Block(
        ElementType.TABLE,
        table[0].row.start,
        table[-1].row.end,
        rows=tuple((row.row.start, row.row.end) for row in table),
        cells=tuple(cells),
    )


def _is_close(table: Sequence[_TableRow]) -> bool:
    """Tell whether some gap is little wider than a space: two rows of that prove nothing."""
    return any(
        after.x0 - before.x1 < _WIDE_GAP * row.row.size
        for row in table
        for before, after in pairwise(row.cells)
    )


def _aligned(table: Sequence[_TableRow], columns: Sequence[Interval]) -> bool:
    """Tell whether the cells of each column share an edge or their middle, as those of text do not.

    White space between words may stand under white space by chance, edges hardly ever.
    """
    return all(
        any(
            _agreeing([edge(cell) for cell in cells]) >= _ALIGNED_SHARE * len(cells)
            for edge in (_left_edge, _right_edge, _middle)
        )
        for x0, x1 in columns
        if (cells := [cell for row in table for cell in row.cells if x0 <= cell.x0 <= x1])
    )


def _agreeing(values: Sequence[float]) -> int:
    usual = median(values)
    return sum(abs(value - usual) <= _ALIGNED_WITHIN for value in values)


def _left_edge(cell: _Cell) -> float:
    return cell.x0


def _right_edge(cell: _Cell) -> float:
    return cell.x1


def _middle(cell: _Cell) -> float:
    return (cell.x0 + cell.x1) / 2


def _texts(page: PageText, row: _TableRow, columns: Sequence[Interval]) -> tuple[str, ...]:
    texts = [""] * len(columns)
    for cell in row.cells:
        under = _columns_under(cell, columns) or [0]
        start, end = cell.span
        texts[under[0]] = f"{texts[under[0]]} {page.text[start:end]}".strip()
    return tuple(texts)
