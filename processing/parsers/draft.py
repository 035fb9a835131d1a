"""What a parser hands over before chunking: pages of text, and the pieces found on them."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

from processing.canonical import BoundingBox, Dropped, ElementType, Figure

Span = tuple[int, int]
"""Start and end in a page's canonical text, half open."""


class Box(NamedTuple):
    """A rectangle on its way to a `BoundingBox`: there are many, and most are only compared."""

    x0: float
    y0: float
    x1: float
    y1: float

    def rounded(self) -> BoundingBox:
        """Return the box to a hundredth of a point."""
        return BoundingBox(*(round(edge, 2) for edge in self))


@dataclass(slots=True)
class LineBox:
    """Where one printed line of a page's text stands."""

    start: int
    end: int
    bbox: Box


_line_start = attrgetter("start")
_line_end = attrgetter("end")


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of a page in reading order; `rows` and `cells` are a table's, row by row."""

    kind: ElementType
    start: int
    end: int
    level: int | None = None
    rows: tuple[Span, ...] = ()
    cells: tuple[tuple[str, ...], ...] = ()


@dataclass(slots=True)
class PageDraft:
    """A page's canonical text with its pieces; `lines` is empty where a format has no geometry."""

    number: int | None
    text: str
    blocks: list[Block] = field(default_factory=list)
    lines: list[LineBox] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0

    def bbox(self, start: int, end: int) -> BoundingBox | None:
        """Return the union of the boxes of all lines that the span touches."""
        first = bisect_right(self.lines, start, key=_line_end)
        last = bisect_left(self.lines, end, key=_line_start)
        box = union([line.bbox for line in self.lines[first:last]])
        return box and box.rounded()


@dataclass(slots=True)
class Draft:
    """A whole document as its parser read it."""

    pages: list[PageDraft]
    dropped: list[Dropped] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)

    def drop(self, page: int | None, element: str, reason: str, remediation: str) -> None:
        """Note something that was in the file and is not in the text. Never the thing itself."""
        self.dropped.append(
            Dropped(page=page, element=element, reason=reason, remediation=remediation)
        )


def union(boxes: Sequence[Box]) -> Box | None:
    """Return the smallest box around all of them, None for no boxes."""
    if len(boxes) < 2:
        return boxes[0] if boxes else None
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return Box(min(lefts), min(tops), max(rights), max(bottoms))
