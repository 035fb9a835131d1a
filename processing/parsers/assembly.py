"""From a parser's draft to the canonical document: passages, ids, counts, quality."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from frostbyte.kernel.ids import derived_id
from processing.canonical import (
    Chunk,
    Element,
    ElementType,
    Lineage,
    Page,
    ParsedDocument,
    Section,
    Stats,
    Table,
    chunk_id,
)
from processing.chunking import CHUNKING_VERSION, Passage, passages_of
from processing.parsers.draft import Draft, PageDraft
from processing.parsers.patterns import one_line
from processing.ports import ParseContext

CHUNKED: Final = f"chunking.{CHUNKING_VERSION}"
"""Part of every parser's version: other passages need other ids."""

_UNREADABLE: Final = re.compile("[\ufffd\ue000-\uf8ff]")


def finish(draft: Draft, *, parser: str, version: str, context: ParseContext) -> ParsedDocument:
    """Chunk a draft and put everything that the canonical document holds around it."""
    lineage = Lineage(raw_sha256=context.raw_sha256, parser=parser, parser_version=version)
    chunks = tuple(_chunks(draft.pages, lineage))
    sections, tables = tuple(_sections(draft.pages)), tuple(_tables(draft.pages))
    return ParsedDocument(
        doc_id=derived_id("document", context.raw_sha256),
        pages=tuple(
            Page(number=page.number, text=page.text, width=page.width, height=page.height)
            for page in draft.pages
        ),
        sections=sections,
        tables=tables,
        figures=tuple(draft.figures),
        reading_order=tuple(_elements(draft.pages)),
        chunks=chunks,
        lineage=lineage,
        stats=Stats(
            pages=len(draft.pages),
            sections=len(sections),
            tables=len(tables),
            chunks=len(chunks),
            characters=sum(len(page.text) for page in draft.pages),
        ),
        dropped=tuple(draft.dropped),
        quality=quality_of(draft.pages),
    )


def quality_of(pages: Sequence[PageDraft]) -> float:
    """Return the share of pages with text times the share of characters that can be read.

    Characters that cannot be read are those without a known meaning: U+FFFD, private use.
    """
    texts = [page.text for page in pages if page.text.strip()]
    if not texts:
        return 0.0
    unreadable = sum(len(_UNREADABLE.findall(text)) for text in texts)
    characters = sum(map(len, texts))
    return round(len(texts) / len(pages) * (1 - unreadable / characters), 4)


def _chunks(pages: Sequence[PageDraft], lineage: Lineage) -> Iterator[Chunk]:
    for page, passages in zip(pages, passages_of(pages), strict=True):
        for passage in passages:
            yield _chunk(page, passage, lineage)


def _chunk(page: PageDraft, passage: Passage, lineage: Lineage) -> Chunk:
    return Chunk(
        chunk_id=chunk_id(
            raw_sha256=lineage.raw_sha256,
            parser_version=lineage.parser_version,
            page=page.number,
            start=passage.start,
            end=passage.end,
        ),
        text=page.text[passage.start : passage.end],
        element_type=passage.kind,
        page=page.number,
        start_char=passage.start,
        end_char=passage.end,
        section_path=passage.path,
        bbox=page.bbox(passage.start, passage.end),
        tokens=passage.tokens,
    )


def _sections(pages: Sequence[PageDraft]) -> Iterator[Section]:
    for page in pages:
        for block in page.blocks:
            if block.kind is ElementType.HEADING:
                yield Section(
                    title=one_line(page.text[block.start : block.end]),
                    level=block.level or 1,
                    page=page.number,
                    start_char=block.start,
                )


def _tables(pages: Sequence[PageDraft]) -> Iterator[Table]:
    for page in pages:
        for block in page.blocks:
            if block.kind is ElementType.TABLE:
                yield Table(
                    page=page.number,
                    start_char=block.start,
                    end_char=block.end,
                    cells=block.cells,
                    bbox=page.bbox(block.start, block.end),
                )


def _elements(pages: Sequence[PageDraft]) -> Iterator[Element]:
    for page in pages:
        for block in page.blocks:
            yield Element(
                element_type=block.kind,
                page=page.number,
                start_char=block.start,
                end_char=block.end,
                bbox=page.bbox(block.start, block.end),
                level=block.level,
            )
