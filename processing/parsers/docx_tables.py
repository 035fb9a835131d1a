"""Cells of Word tables, with merged cells filled in."""

from collections.abc import Iterator
from typing import Final

from lxml import etree

from processing.parsers.docx_styles import W, integer, is_on, value
from processing.parsers.docx_text import read_paragraph
from processing.parsers.patterns import one_line

_MAX_SPAN: Final = 100
_THROUGH: Final = frozenset(f"{W}{name}" for name in ("sdt", "sdtContent", "ins", "customXml"))


def cells_of(table: etree._Element) -> list[list[str]]:
    """Return the texts of a table by row.

    A cell over several rows stands in each of them, one over several columns in the first.
    """
    rows: list[list[str]] = []
    for row in _children(table, f"{W}tr"):
        above = rows[-1] if rows else []
        texts: list[str] = []
        for cell in _children(row, f"{W}tc"):
            texts.extend(_cell(cell, above, len(texts)))
        rows.append(texts)
    return rows


def marked_header(table: etree._Element) -> bool:
    """Tell whether the first row is marked to repeat as a header on every page."""
    first = next(_children(table, f"{W}tr"), None)
    return first is not None and is_on(first.find(f"{W}trPr/{W}tblHeader"))


def _cell(cell: etree._Element, above: list[str], column: int) -> list[str]:
    properties = cell.find(f"{W}tcPr")
    text = one_line(" ".join(read_paragraph(inner).text for inner in cell.iter(f"{W}p")))
    if properties is None:
        return [text]
    merged = properties.find(f"{W}vMerge")
    if merged is not None and value(merged) != "restart" and column < len(above):
        text = text or above[column]
    span = integer(value(properties.find(f"{W}gridSpan")), 1)
    return [text, *[""] * (min(max(span, 1), _MAX_SPAN) - 1)]


def _children(element: etree._Element, tag: str) -> Iterator[etree._Element]:
    """Yield the children of a tag, through content controls and tracked insertions."""
    for child in element:
        if child.tag == tag:
            yield child
        elif child.tag in _THROUGH:
            yield from _children(child, tag)
