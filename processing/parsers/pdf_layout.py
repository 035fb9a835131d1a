"""From printed lines to paragraphs, headings, list items and captions.

PDF says where characters stand, not what they are. Lines make a paragraph when they share size,
weight and left edge and follow each other at the document's usual distance; a paragraph is a
heading when it is short and larger than the body text, or bold where the body is not.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Final

from processing.canonical import ElementType
from processing.parsers.draft import Block, Box, union
from processing.parsers.patterns import CAPTION, LIST_MARK, reads_as_heading
from processing.parsers.pdfium import Line, PageText

_LARGER: Final = 1.12
_USUAL_PITCH: Final = 1.2
_MARGIN: Final = 0.09
_REPEATED_SHARE: Final = 0.5
_REPEATED_ENOUGH: Final = 8
_PAGE_NUMBER: Final = re.compile(r"\W*#(?:\W+#)?\W*")
_UPRIGHT: Final = 2.5
_MAX_LEVEL: Final = 6
_HEADING_ROWS: Final = 3
_DIGITS: Final = re.compile(r"\d+")


@dataclass(slots=True)
class Row:
    """All that is printed on one row: one line, or several that PDFium cut at a raised digit."""

    start: int
    end: int
    bbox: Box
    size: float
    baseline: float
    bold: bool
    lines: list[Line]


@dataclass(slots=True)
class Paragraph:
    """Rows that belong together; `table` when they were found to be aligned columns."""

    rows: list[Row]
    table: Block | None = None

    @property
    def start(self) -> int:
        return self.rows[0].start

    @property
    def end(self) -> int:
        return self.rows[-1].end

    @property
    def size(self) -> float:
        return self.rows[0].size

    @property
    def bold(self) -> bool:
        return all(row.bold for row in self.rows)


@dataclass(frozen=True, slots=True)
class Style:
    """What is usual in this document: size and weight of its body text, its heading sizes."""

    body_size: float
    body_bold: bool
    heading_sizes: tuple[float, ...] = ()

    def level(self, size: float) -> int:
        """Return the heading level of a size: 1 for the largest, bold body text comes last."""
        larger = sum(1 for known in self.heading_sizes if known > _rounded(size))
        return min(larger + 1, _MAX_LEVEL)


@dataclass(slots=True)
class PageLayout:
    """A page on its way to blocks. `tables` has a count of rows and a block for a row's number."""

    page: PageText
    rows: list[Row]
    tables: dict[int, tuple[int, Block]] = field(default_factory=dict)
    running: set[int] = field(default_factory=set)
    """Starts of the rows that repeat at the edge of many pages: running heads, page numbers."""
    paragraphs: list[Paragraph] = field(default_factory=list)


def blocks_of_pages(layouts: Sequence[PageLayout]) -> list[list[Block]]:
    """Find the paragraphs of every page and say what each is, in the document's own style."""
    _mark_running(layouts)
    pitch = _usual_pitch(layouts)
    for layout in layouts:
        layout.paragraphs = list(_paragraphs(layout, pitch))
    style = _style_of(layouts)
    return [
        [
            paragraph.table or _block(layout.page, paragraph, style)
            for paragraph in layout.paragraphs
        ]
        for layout in layouts
    ]


def rows_of(page: PageText) -> list[Row]:
    """Group a page's lines into rows; lines without ink or outside the page are left out."""
    rows: list[Row] = []
    for line in page.lines:
        if line.bbox is None or not page.frame.shows(line.bbox):
            continue
        if rows and page.text[rows[-1].end : line.start] in ("", " "):
            _widen(rows[-1], line, line.bbox)
        else:
            rows.append(
                Row(line.start, line.end, line.bbox, line.size, line.baseline, line.bold, [line])
            )
    return rows


def _widen(row: Row, line: Line, bbox: Box) -> None:
    if line.size > row.size:
        row.size, row.baseline = line.size, line.baseline
    row.bbox = union([row.bbox, bbox]) or bbox
    row.bold = row.bold and line.bold
    row.end = line.end
    row.lines.append(line)


def _mark_running(layouts: Sequence[PageLayout]) -> None:
    """Mark the rows that stand at the same edge of many pages, whatever numbers they carry."""
    keys = [_edge_keys(layout) for layout in layouts]
    counts = Counter(key for of_page in keys for key in of_page.values())
    often = min(max(2, _REPEATED_SHARE * len(layouts)), _REPEATED_ENOUGH)
    for layout, of_page in zip(layouts, keys, strict=True):
        layout.running = {start for start, key in of_page.items() if counts[key] >= often}


def _edge_keys(layout: PageLayout) -> dict[int, tuple[int, str]]:
    text, height = layout.page.text, layout.page.frame.size[1]
    upper, lower = _MARGIN * height, (1 - _MARGIN) * height
    masked = {
        row.start: (round(row.baseline / 4), _DIGITS.sub("#", text[row.start : row.end]))
        for row in layout.rows
        if row.baseline < upper or row.baseline > lower
    }
    # Rows of nothing but numbers are alike on every page of a long table.
    return {
        start: (place, shape)
        for start, (place, shape) in masked.items()
        if any(map(str.isalpha, shape)) or _PAGE_NUMBER.fullmatch(shape)
    }


def _usual_pitch(layouts: Iterable[PageLayout]) -> float:
    """Return the usual distance of baselines, as a multiple of the font size."""
    distances = (
        (after.baseline - before.baseline) / before.size
        for layout in layouts
        for before, after in pairwise(layout.rows)
        if before.size and before.size == after.size
    )
    close = [distance for distance in distances if 0.8 < distance < 3]
    return median(close) if close else _USUAL_PITCH


def _paragraphs(layout: PageLayout, pitch: float) -> Iterator[Paragraph]:
    """Join rows to paragraphs; running rows are left out."""
    current: Paragraph | None = None
    number = 0
    while number < len(layout.rows):
        row = layout.rows[number]
        count, table = layout.tables.get(number, (1, None))
        number += count
        if row.start in layout.running:
            continue
        if table is None and current and _continues(layout.page, current, row, pitch):
            current.rows.append(row)
            continue
        if current:
            yield current
        current = Paragraph(layout.rows[number - count : number], table)
    if current:
        yield current


def _continues(page: PageText, paragraph: Paragraph, row: Row, pitch: float) -> bool:
    before = paragraph.rows[-1]
    if paragraph.table:
        return False
    if not (before.bold == row.bold and abs(before.size - row.size) <= 0.12 * before.size):
        return False
    if not 0 < row.baseline - before.baseline <= 1.22 * pitch * max(before.size, row.size):
        return False
    if row.bbox.x0 > before.bbox.x1 or row.bbox.x1 < before.bbox.x0:
        return False
    if LIST_MARK.match(page.text, row.start, row.end):
        return False
    return _same_edge(page, paragraph, row)


def _same_edge(page: PageText, paragraph: Paragraph, row: Row) -> bool:
    """Tell a paragraph's further row from the first, indented row of the next paragraph."""
    step = 0.8 * row.size
    shift = row.bbox.x0 - paragraph.rows[-1].bbox.x0
    if shift > step:
        first = paragraph.rows[0]
        hanging = len(paragraph.rows) == 1 and LIST_MARK.match(page.text, first.start, first.end)
        return bool(hanging)
    return shift > -step or len(paragraph.rows) == 1


def _style_of(layouts: Sequence[PageLayout]) -> Style:
    """Return the document's usual style, by characters, and the sizes of its headings."""
    weights: Counter[tuple[float, bool]] = Counter()
    for layout in layouts:
        for paragraph in layout.paragraphs:
            weights[_rounded(paragraph.size), paragraph.bold] += paragraph.end - paragraph.start
    if not weights:
        return Style(0.0, body_bold=False)
    (size, bold), _ = max(weights.items(), key=lambda item: (item[1], item[0]))
    body = Style(size, bold)
    sizes = {
        _rounded(paragraph.size)
        for layout in layouts
        for paragraph in layout.paragraphs
        if paragraph.size >= _LARGER * size and _is_heading(layout.page, paragraph, body)
    }
    return Style(size, bold, tuple(sorted(sizes, reverse=True)))


def _block(page: PageText, paragraph: Paragraph, style: Style) -> Block:
    start, end = paragraph.start, paragraph.end
    if CAPTION.match(page.text, start, end):
        return Block(ElementType.CAPTION, start, end)
    if _is_heading(page, paragraph, style):
        return Block(ElementType.HEADING, start, end, level=style.level(paragraph.size))
    if LIST_MARK.match(page.text, start, end):
        return Block(ElementType.LIST_ITEM, start, end)
    return Block(ElementType.PARAGRAPH, start, end)


def _is_heading(page: PageText, paragraph: Paragraph, style: Style) -> bool:
    box = paragraph.rows[0].bbox
    if paragraph.table or len(paragraph.rows) > _HEADING_ROWS or _stands_upright(box):
        return False
    larger = paragraph.size >= _LARGER * style.body_size
    bolder = paragraph.bold and not style.body_bold and paragraph.size >= 0.95 * style.body_size
    return (larger or bolder) and reads_as_heading(page.text[paragraph.start : paragraph.end])


def _stands_upright(box: Box) -> bool:
    """Tell a line that runs up or down the page, such as a stamp on its margin."""
    return box.y1 - box.y0 > _UPRIGHT * (box.x1 - box.x0)


def _rounded(size: float) -> float:
    return round(size * 2) / 2
