"""Packing units into passages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from processing.canonical import ElementType
from processing.chunking.tokens import TEXT_TOKENS
from processing.chunking.units import Path, Unit, units_of
from processing.parsers.draft import PageDraft
from processing.parsers.patterns import one_line

CHUNKING_VERSION: Final = "1"

TARGET: Final = 200
"""Tokens that a passage is filled to."""

TABLE_TARGET: Final = 110
"""Tokens of table rows in one passage: rows are alike, and many of them blur the one asked for."""

SMALL: Final = 40
"""Tokens under which a passage is joined with its neighbour rather than left alone."""

_MAX_TITLE: Final = 120


@dataclass(frozen=True, slots=True)
class Passage:
    """A span of one page that becomes one chunk."""

    kind: ElementType
    start: int
    end: int
    tokens: int
    path: Path


def passages_of(pages: Sequence[PageDraft]) -> list[list[Passage]]:
    """Cut every page into passages, in reading order; sections run on from page to page."""
    return [
        [_passage(group) for group in _merged(_packed(units))]
        for units in units_of(pages, _section_paths(pages))
    ]


def _section_paths(pages: Sequence[PageDraft]) -> list[list[Path]]:
    """Return the titles above each block, outermost first; a heading stands under itself."""
    above: list[tuple[int, str]] = []
    paths: list[list[Path]] = []
    for page in pages:
        of_page = []
        for block in page.blocks:
            if block.level is not None:
                above = [heading for heading in above if heading[0] < block.level]
                title = one_line(page.text[block.start : block.end])[:_MAX_TITLE]
                above.append((block.level, title))
            of_page.append(tuple(title for _, title in above))
        paths.append(of_page)
    return paths


def _packed(units: Sequence[Unit]) -> Iterator[list[Unit]]:
    """Fill one passage after the other."""
    current: list[Unit] = []
    for number, unit in enumerate(units):
        if current and _starts_anew(current, units, number):
            kept, current = _without_last_headings(current)
            yield kept
        current.append(unit)
    if current:
        yield current


def _starts_anew(current: Sequence[Unit], units: Sequence[Unit], number: int) -> bool:
    """Tell whether a unit opens the next passage rather than joining the current one."""
    unit, size = units[number], _size(current)
    if not unit.follows:
        return True
    if all(before.kind is ElementType.HEADING for before in current):
        return size + unit.tokens > TEXT_TOKENS
    if unit.kind is ElementType.HEADING and current[-1].kind is not ElementType.HEADING:
        return size >= SMALL
    if unit.table >= 0:
        if current[-1].table == unit.table:
            rows = _size([before for before in current if before.table == unit.table])
            return rows + unit.tokens > TABLE_TARGET or size + unit.tokens > TARGET
        whole = _size([row for row in units[number:] if row.table == unit.table])
        return size + min(whole, TABLE_TARGET) > TARGET and size >= SMALL
    return size + unit.tokens > TARGET


def _without_last_headings(units: list[Unit]) -> tuple[list[Unit], list[Unit]]:
    """Split off the headings at the end, which belong to what follows; not if there is no more."""
    last = len(units)
    while last and units[last - 1].kind is ElementType.HEADING:
        last -= 1
    return (units[:last], units[last:]) if last else (units, [])


def _merged(groups: Iterator[list[Unit]]) -> list[list[Unit]]:
    """Join a small passage to the one before when they are of one section and fit together."""
    merged: list[list[Unit]] = []
    for group in groups:
        if merged and _belongs(merged[-1], group):
            merged[-1].extend(group)
        else:
            merged.append(group)
    return merged


def _belongs(before: Sequence[Unit], group: Sequence[Unit]) -> bool:
    size, more = _size(before), _size(group)
    opens = group[0].kind is ElementType.HEADING
    small = more < SMALL or (size < SMALL and not opens)
    one_section = group[0].path[: len(before[-1].path)] == before[-1].path
    return small and one_section and group[0].follows and size + more <= TEXT_TOKENS


def _size(units: Sequence[Unit]) -> int:
    return sum(unit.tokens for unit in units)


def _passage(units: Sequence[Unit]) -> Passage:
    body = [unit for unit in units if unit.kind is not ElementType.HEADING] or units
    kinds = {unit.kind for unit in body}
    return Passage(
        kinds.pop() if len(kinds) == 1 else ElementType.PARAGRAPH,
        units[0].start,
        units[-1].end,
        _size(units),
        _common([unit.path for unit in body]),
    )


def _common(paths: Sequence[Path]) -> Path:
    """Return the titles that stand above all of the units."""
    shortest = min(paths, key=len)
    for depth, title in enumerate(shortest):
        if any(path[depth] != title for path in paths):
            return shortest[:depth]
    return shortest
