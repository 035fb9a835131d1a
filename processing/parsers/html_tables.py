"""Cells of HTML tables, with spans filled in."""

from collections.abc import Iterator
from typing import Final

from lxml import etree

from processing.parsers.patterns import one_line

_MAX_SPAN: Final = 100
_MAX_CELL: Final = 400
_BLOCK_NAMES: Final = (
    "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset"
    " figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav"
    " ol optgroup option p pre search section summary table tbody td tfoot th thead tr ul"
)
BLOCKS: Final = frozenset(_BLOCK_NAMES.split())
"""Elements that stand on lines of their own; browsers take all others, known or not, as inline."""


def is_data_table(table: etree._Element) -> bool:
    """Tell a table of data from one that arranges a page: rows of short cells, none nested."""
    if next(table.iterdescendants("table"), None) is not None:
        return False
    rows = [[text_of(cell) for cell in _cells(row)] for row in table.iter("tr")]
    texts = [text for row in rows for text in row if text]
    several = sum(1 for row in rows if sum(map(bool, row)) > 1)
    return several > 1 and sum(map(len, texts)) <= _MAX_CELL * len(texts)


def cells_of(table: etree._Element) -> tuple[list[list[str]], bool]:
    """Return the cells by row, and whether the first row is marked as a header.

    A cell over several rows stands in each of them, one over several columns in the first.
    """
    rows: list[list[str]] = []
    running: dict[int, tuple[int, str]] = {}
    header = False
    for number, row in enumerate(table.iter("tr")):
        cells = list(_cells(row))
        if number == 0:
            header = bool(cells) and all(cell.tag == "th" for cell in cells)
        rows.append(_row(cells, running))
    return rows, header


def _row(cells: list[etree._Element], running: dict[int, tuple[int, str]]) -> list[str]:
    """Lay out one row; `running` holds how many rows each cell above still covers."""
    texts: list[str] = []
    waiting = iter(cells)
    cell = next(waiting, None)
    while True:
        column = len(texts)
        if column in running:
            texts.append(_from_above(running, column))
        elif cell is not None:
            text = text_of(cell)
            if (rows := _span(cell, "rowspan")) > 1:
                running[column] = (rows - 1, text)
            texts.extend([text, *[""] * (_span(cell, "colspan") - 1)])
            cell = next(waiting, None)
        else:
            return texts


def _from_above(running: dict[int, tuple[int, str]], column: int) -> str:
    left, text = running.pop(column)
    if left > 1:
        running[column] = (left - 1, text)
    return text


def _cells(row: etree._Element) -> Iterator[etree._Element]:
    return row.iterchildren("td", "th")


def text_of(element: etree._Element) -> str:
    """Return the text inside an element on one line, with a space where a block begins or ends."""
    parts: list[str] = []
    for event, inner in etree.iterwalk(element, events=("start", "end", "comment", "pi")):
        if isinstance(inner.tag, str) and inner.tag in BLOCKS:
            parts.append(" ")
        if event == "start":
            parts.append(inner.text or "")
        elif inner is not element:
            parts.append(inner.tail or "")
    return one_line("".join(parts))


def _span(cell: etree._Element, name: str) -> int:
    value = cell.get(name, "1").strip()
    return min(max(int(value), 1), _MAX_SPAN) if value.isdecimal() else 1
