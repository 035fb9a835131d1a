"""Canonical documents for the tests, made from page texts."""

from collections.abc import Sequence
from itertools import pairwise
from uuid import UUID

from frostbyte.kernel.hashing import sha256_hex
from processing.canonical import (
    Chunk,
    Element,
    ElementType,
    Lineage,
    Page,
    ParsedDocument,
    Stats,
    chunk_id,
)
from processing.payloads import ClearedDocument
from processing.policy import clear_document
from tenants.configuration import PiiPolicy, PiiType, TenantConfiguration

DOCUMENT_ID = UUID(int=7)


def document_of(
    *texts: str, cuts: Sequence[int] = (), heading: tuple[int, int] | None = None
) -> ParsedDocument:
    """Return a document with a page for each text, each cut into chunks at the same places.

    `heading` is the span of a heading on the first page, under which all its chunks stand.
    """
    lineage = Lineage(
        raw_sha256=sha256_hex("".join(texts).encode()), parser="t", parser_version="1"
    )
    pages = tuple(Page(number=number, text=text) for number, text in enumerate(texts, 1))
    path = (" ".join(texts[0][slice(*heading)].split()),) if heading else ()
    chunks = tuple(
        _chunk(page, start, end, lineage, path if page.number == 1 else ())
        for page in pages
        for start, end in _spans(len(page.text), cuts)
    )
    element = Element(
        element_type=ElementType.HEADING,
        page=1,
        start_char=heading[0] if heading else 0,
        end_char=heading[1] if heading else 0,
        level=1,
    )
    return ParsedDocument(
        doc_id=DOCUMENT_ID,
        pages=pages,
        sections=(),
        tables=(),
        figures=(),
        reading_order=(element,) if heading else (),
        chunks=chunks,
        lineage=lineage,
        stats=Stats(pages=len(pages), sections=0, tables=0, chunks=len(chunks), characters=0),
        dropped=(),
        quality=1.0,
    )


def cleared(
    document: ParsedDocument,
    *,
    kinds: Sequence[PiiType] | None = None,
    policy: PiiPolicy = PiiPolicy.REDACT,
) -> ClearedDocument:
    """Run the gates over a document with these types, the default ones if not given."""
    configuration = TenantConfiguration(pii_policy=policy)
    if kinds is not None:
        configuration = TenantConfiguration(pii_policy=policy, pii_types=tuple(kinds))
    return clear_document(
        document,
        document_id=DOCUMENT_ID,
        canonical_sha256="0" * 64,
        configuration=configuration,
        configuration_version=3,
    )


def _spans(length: int, cuts: Sequence[int]) -> list[tuple[int, int]]:
    borders = [0, *sorted({cut for cut in cuts if 0 < cut < length}), length]
    return [(start, end) for start, end in pairwise(borders) if start < end]


def _chunk(page: Page, start: int, end: int, lineage: Lineage, path: tuple[str, ...]) -> Chunk:
    return Chunk(
        chunk_id=chunk_id(
            raw_sha256=lineage.raw_sha256,
            parser_version="1",
            page=page.number,
            start=start,
            end=end,
        ),
        text=page.text[start:end],
        element_type=ElementType.PARAGRAPH,
        page=page.number,
        start_char=start,
        end_char=end,
        section_path=path,
    )
