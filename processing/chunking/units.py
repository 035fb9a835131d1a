"""The smallest pieces that a passage is packed from: blocks, table rows, parts of paragraphs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from processing.canonical import ElementType
from processing.chunking.cutting import parts_of
from processing.chunking.embedding import plain
from processing.chunking.tokens import count_tokens
from processing.parsers.draft import PageDraft

MAX_UNIT: Final = 210
"""Tokens of the longest piece; the rest of the model's window is for the headings above it."""

_MAX_CHARACTERS: Final = 4000
Path = tuple[str, ...]


@dataclass(slots=True)
class Unit:
    """A piece that no passage cuts. `table` tells tables of a page apart; -1 outside of one.

    `follows` tells that nothing but white space stands between the piece before and this one.
    """

    kind: ElementType
    start: int
    end: int
    path: Path
    table: int = -1
    tokens: int = 0
    follows: bool = True


def units_of(pages: Sequence[PageDraft], paths: Sequence[Sequence[Path]]) -> list[list[Unit]]:
    """Cut each page's blocks into units; every text is tokenised once, long ones twice."""
    units = [list(_pieces(page, of_page)) for page, of_page in zip(pages, paths, strict=True)]
    texts = [
        page.text[unit.start : unit.end]
        for page, of_page in zip(pages, units, strict=True)
        for unit in of_page
    ]
    counts = iter(count_tokens([plain(text) for text in texts]))
    for of_page in units:
        for unit in of_page:
            unit.tokens = next(counts)
    return [
        _linked(page, [part for unit in of_page for part in _parts(page, unit) if part.tokens])
        for page, of_page in zip(pages, units, strict=True)
    ]


def _linked(page: PageDraft, units: list[Unit]) -> list[Unit]:
    """Note where a page has text that is in no piece, such as a running head."""
    for before, unit in pairwise(units):
        unit.follows = not page.text[before.end : unit.start].strip()
    return units


def _pieces(page: PageDraft, paths: Sequence[Path]) -> Iterator[Unit]:
    for number, (block, path) in enumerate(zip(page.blocks, paths, strict=True)):
        if not block.rows:
            yield Unit(block.kind, block.start, block.end, path)
        for start, end in block.rows:
            yield Unit(block.kind, start, end, path, number)


def _parts(page: PageDraft, unit: Unit) -> Iterator[Unit]:
    """Yield the unit, or its parts where it is too long for one passage."""
    if unit.tokens <= MAX_UNIT and unit.end - unit.start <= _MAX_CHARACTERS:
        yield unit
        return
    for start, end, tokens in parts_of(page.text[unit.start : unit.end], MAX_UNIT):
        yield Unit(unit.kind, unit.start + start, unit.start + end, unit.path, unit.table, tokens)
