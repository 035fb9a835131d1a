"""Building the canonical text of formats that are a flow of blocks, without pages or geometry."""

import re
from collections.abc import Sequence
from typing import Final

from processing.canonical import ElementType
from processing.parsers.draft import Block, PageDraft, Span
from processing.parsers.encodings import clean
from processing.parsers.patterns import one_line

Cells = Sequence[Sequence[str]]

_NUMBER: Final = re.compile(r"[\s\d.,:/%+()€$£-]*\d[\s\d.,:/%+()€$£-]*")
_MAX_NAME: Final = 60
_MAX_LEVEL: Final = 9


class Flow:
    """Collects blocks and joins their texts, with an empty line between them."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self.blocks: list[Block] = []

    def heading(self, text: str, level: int) -> None:
        """Add a heading; its text becomes one line."""
        span = self._add(one_line(clean(text)))
        if span:
            level = min(max(level, 1), _MAX_LEVEL)
            self.blocks.append(Block(ElementType.HEADING, *span, level=level))

    def block(self, kind: ElementType, text: str) -> None:
        """Add a paragraph, list item or caption; line breaks within it are kept."""
        close = kind is ElementType.LIST_ITEM and self.blocks and self.blocks[-1].kind is kind
        span = self._add(clean(text).strip(), "\n" if close else "\n\n")
        if span:
            self.blocks.append(Block(kind, *span))

    def table(self, cells: Cells, *, header: bool) -> None:
        """Add a table, one line a row; with a header row, each value stands behind its name."""
        rows = _rectangular([[one_line(clean(cell)) for cell in row] for row in cells])
        if not rows:
            return
        spans: list[Span] = []
        for line in _lines(rows, header=header):
            span = self._add(line, "\n" if spans else "\n\n")
            if span:
                spans.append(span)
        self.blocks.append(
            Block(
                ElementType.TABLE,
                spans[0][0],
                spans[-1][1],
                rows=tuple(spans),
                cells=tuple(tuple(row) for row in rows),
            )
        )

    def page(self) -> PageDraft:
        """Return everything as the one page of a format without pages."""
        return PageDraft(None, "".join(self._parts), self.blocks)

    def _add(self, text: str, gap: str = "\n\n") -> Span | None:
        if not text:
            return None
        if self._parts:
            self._parts.append(gap)
            self._length += len(gap)
        start = self._length
        self._parts.append(text)
        self._length += len(text)
        return start, self._length


def has_header(cells: Cells) -> bool:
    """Tell whether the first row names the columns: words, all different, over other rows."""
    if len(cells) < 2:
        return False
    names = [one_line(cell) for cell in cells[0]]
    return (
        len(names) > 1
        and all(name and len(name) <= _MAX_NAME and not _NUMBER.fullmatch(name) for name in names)
        and len(set(names)) == len(names)
    )


def _rectangular(rows: list[list[str]]) -> list[list[str]]:
    """Return the rows at equal width, without those rows and columns that are empty throughout."""
    rows = [row for row in rows if any(row)]
    width = max(map(len, rows), default=0)
    filled = [row + [""] * (width - len(row)) for row in rows]
    used = [column for column in range(width) if any(row[column] for row in filled)]
    return filled if len(used) == width else [[row[column] for column in used] for row in filled]


def _lines(rows: list[list[str]], *, header: bool) -> list[str]:
    if not header:
        return [" | ".join(cell for cell in row if cell) for row in rows]
    names, *body = rows
    return [
        " | ".join(name for name in names if name),
        *(
            "; ".join(
                f"{name}: {cell}" if name else cell
                for name, cell in zip(names, row, strict=True)
                if cell
            )
            for row in body
        ),
    ]
