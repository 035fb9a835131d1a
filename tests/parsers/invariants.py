"""What holds of every canonical document, whatever it was made from."""

from processing.canonical import (
    BoundingBox,
    Chunk,
    Element,
    ElementType,
    ParsedDocument,
    Table,
    chunk_id,
)
from processing.chunking.tokens import TEXT_TOKENS, token_spans


def check(document: ParsedDocument) -> None:
    """Assert everything that a reader of the canonical document may rely on."""
    pages = {page.number: page for page in document.pages}
    assert len(pages) == len(document.pages) == document.stats.pages
    for chunk in document.chunks:
        assert pages[chunk.page].text[chunk.start_char : chunk.end_char] == chunk.text
        assert chunk.text.strip()
        assert chunk.chunk_id == chunk_id(
            raw_sha256=document.lineage.raw_sha256,
            parser_version=document.lineage.parser_version,
            page=chunk.page,
            start=chunk.start_char,
            end=chunk.end_char,
        )
        assert 0 < chunk.tokens <= TEXT_TOKENS
    assert len({chunk.chunk_id for chunk in document.chunks}) == document.stats.chunks
    for element in document.reading_order:
        assert pages[element.page].text[element.start_char : element.end_char].strip()
        assert (element.level is not None) == (element.element_type is ElementType.HEADING)
    assert sum(map(len, (page.text for page in document.pages))) == document.stats.characters
    assert 0 <= document.quality <= 1
    _check_storable(document)


def check_boxes(document: ParsedDocument) -> None:
    """Assert that every piece of a document with pages has a box on its page."""
    sizes = {page.number: (page.width, page.height) for page in document.pages}
    pieces: list[Chunk | Element | Table] = [
        *document.chunks,
        *document.reading_order,
        *document.tables,
    ]
    for piece in pieces:
        assert piece.bbox is not None
        width, height = sizes[piece.page]
        assert -1 <= piece.bbox.x0 < piece.bbox.x1 <= width + 1
        assert -1 <= piece.bbox.y0 < piece.bbox.y1 <= height + 1


def inside(inner: BoundingBox, outer: BoundingBox, tolerance: float) -> bool:
    """Tell whether a box lies in another one, give or take some points."""
    return (
        inner.x0 >= outer.x0 - tolerance
        and inner.y0 >= outer.y0 - tolerance
        and inner.x1 <= outer.x1 + tolerance
        and inner.y1 <= outer.y1 + tolerance
    )


def real_tokens(text: str) -> int:
    """Count tokens by the model's tokeniser itself, over the whole text."""
    return len(token_spans(text))


def _check_storable(document: ParsedDocument) -> None:
    """PostgreSQL stores no NUL, UTF-8 no half of a character."""
    for page in document.pages:
        page.text.encode("utf-8")
        assert "\0" not in page.text
        assert "\r" not in page.text
