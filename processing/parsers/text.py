"""Plain text: paragraphs between empty lines, list items, and headings as people type them."""

import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from intake.formats import TEXT
from processing.canonical import ElementType, ParsedDocument
from processing.parsers.assembly import CHUNKED, finish
from processing.parsers.draft import Block, Draft, PageDraft, Span
from processing.parsers.encodings import decode
from processing.parsers.patterns import LIST_MARK, NUMBERED, in_capitals, reads_as_heading
from processing.ports import ParseContext

_PARAGRAPH: Final = re.compile(r"\S.*(?:\n[^\S\n]*\S.*)*")
_OUTER: Final = re.compile(r"(?:book|part)\b", re.IGNORECASE)
_WORD_LEVEL: Final = 2
_CAPITALS_LEVEL: Final = 3


class TextParser:
    """Reads plain text in any encoding. The canonical text is the file's own."""

    name = "text"
    version = f"1+{CHUNKED}"
    media_types = frozenset({TEXT})

    def parse(self, source: BinaryIO, *, context: ParseContext) -> ParsedDocument:
        """Parse a text file; raises `CorruptFileError` when it is text in no encoding."""
        text = decode(source.read())
        draft = Draft([PageDraft(None, text, list(_blocks(text)))])
        return finish(draft, parser=self.name, version=self.version, context=context)


def _blocks(text: str) -> Iterator[Block]:
    for match in _PARAGRAPH.finditer(text):
        start, end = match.start(), match.start() + len(match.group().rstrip())
        level = _heading_level(text[start:end])
        if level:
            yield Block(ElementType.HEADING, start, end, level=level)
            continue
        for kind, first, last in _items(text, (start, end)):
            yield Block(kind, first, last)


def _heading_level(text: str) -> int | None:
    """Return the level of a paragraph that is a heading: one numbered or capital line."""
    if "\n" in text or not reads_as_heading(text):
        return None
    if NUMBERED.match(text):
        return _numbered_level(text)
    return _CAPITALS_LEVEL if in_capitals(text) else None


def _numbered_level(text: str) -> int:
    if not text[0].isdigit():
        return 1 if _OUTER.match(text) else _WORD_LEVEL
    return text.split(maxsplit=1)[0].rstrip(".").count(".") + 1


def _items(text: str, span: Span) -> Iterator[tuple[ElementType, int, int]]:
    """Cut a paragraph where lines start with a bullet or number; most have none."""
    start, end = span
    marks = [start + offset for offset in _line_starts(text[start:end])]
    marked = [mark for mark in marks if LIST_MARK.match(text, mark, end)]
    if not marked or (len(marked) == 1 and marked[0] != start):
        yield ElementType.PARAGRAPH, start, end
        return
    if marked[0] != start:
        yield ElementType.PARAGRAPH, start, _trimmed(text, start, marked[0])
    for first, last in zip(marked, [*marked[1:], end], strict=True):
        yield ElementType.LIST_ITEM, first, _trimmed(text, first, last)


def _line_starts(text: str) -> Iterator[int]:
    """Yield where the first word of each line starts."""
    return (match.start(1) for match in re.finditer(r"(?:^|\n)[^\S\n]*(\S)", text))


def _trimmed(text: str, start: int, end: int) -> int:
    return start + len(text[start:end].rstrip())
