"""PDF: text, geometry and structure of every page that has a text layer."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import BinaryIO, Final

import pypdfium2

from intake.formats import PDF
from processing.canonical import Dropped, Figure, ParsedDocument
from processing.parsers.assembly import CHUNKED, finish
from processing.parsers.draft import Block, Box, Draft, LineBox, PageDraft
from processing.parsers.errors import CorruptFileError, UnsafeFileError
from processing.parsers.pdf_layout import PageLayout, blocks_of_pages, rows_of
from processing.parsers.pdf_tables import tables_of
from processing.parsers.pdfium import (
    NOWHERE,
    PDFIUM,
    PageText,
    form_fields,
    open_pdf,
    pictures,
    read_page,
)
from processing.ports import ParseContext

_MAX_PAGES: Final = 20_000
_PRINT: Final = "Print the document to a new PDF and send that."
_OCR: Final = "Send a version with a text layer: text in pictures is not read yet."


class PdfParser:
    """Reads PDF with PDFium; pages without a text layer are dropped, and said to be."""

    name = "pdf"
    version = f"1+{CHUNKED}"
    media_types = frozenset({PDF})

    def parse(self, source: BinaryIO, *, context: ParseContext) -> ParsedDocument:
        """Parse a PDF; raises `CorruptFileError`, `EncryptedFileError` or `UnsafeFileError`."""
        draft = Draft([])
        with PDFIUM, closing(open_pdf(source.read())) as pdf:
            layouts = list(_layouts(pdf, draft))
        if all(layout.page.frame is NOWHERE for layout in layouts):
            raise CorruptFileError("The PDF is damaged: none of its pages can be read.")
        blocks = blocks_of_pages(layouts)
        draft.pages = [
            _page_draft(number, layout, of_page)
            for number, (layout, of_page) in enumerate(zip(layouts, blocks, strict=True), 1)
        ]
        draft.dropped.extend(_running_rows(layouts))
        return finish(draft, parser=self.name, version=self.version, context=context)


def _layouts(pdf: pypdfium2.PdfDocument, draft: Draft) -> Iterator[PageLayout]:
    """Read page after page; what is not text goes to the draft's figures and dropped items."""
    count = len(pdf)
    if count > _MAX_PAGES:
        raise UnsafeFileError(f"The PDF has {count} pages; the limit is {_MAX_PAGES}.")
    for number in range(1, count + 1):
        try:
            yield _layout(pdf, number, draft)
        except pypdfium2.PdfiumError:
            draft.drop(number, "page", "The page is damaged.", "Save the document again.")
            yield PageLayout(PageText("", [], NOWHERE), [])


def _layout(pdf: pypdfium2.PdfDocument, number: int, draft: Draft) -> PageLayout:
    with closing(pdf[number - 1]) as page, closing(page.get_textpage()) as textpage:
        text = read_page(page, textpage)
        rows = rows_of(text)
        tables = tables_of(textpage.raw, text, rows)
        boxes = pictures(page, text.frame)
        if form_fields(page):
            draft.drop(number, "form fields", "Values of form fields are not read yet.", _PRINT)
    _note_unread(number, text, boxes, draft)
    return PageLayout(text, rows, tables)


def _note_unread(number: int, text: PageText, boxes: Sequence[Box], draft: Draft) -> None:
    draft.figures.extend(Figure(page=number, bbox=box.rounded()) for box in boxes)
    outside = sum(1 for line in text.lines if line.bbox and not text.frame.shows(line.bbox))
    if outside:
        reason = f"Lines outside the visible page: {outside}. They are not indexed."
        draft.drop(number, "text outside the page", reason, _PRINT)
    if not text.text:
        draft.drop(number, "page", "The page has no text layer.", _OCR)
    elif boxes:
        draft.drop(number, "picture", f"Pictures on the page: {len(boxes)}.", _OCR)


def _page_draft(number: int, layout: PageLayout, blocks: list[Block]) -> PageDraft:
    width, height = layout.page.frame.size
    lines = [
        LineBox(line.start, line.end, line.bbox)
        for line in layout.page.lines
        if line.bbox is not None
    ]
    return PageDraft(number, layout.page.text, blocks, lines, round(width, 2), round(height, 2))


def _running_rows(layouts: Sequence[PageLayout]) -> Iterator[Dropped]:
    pages = sum(1 for layout in layouts if layout.running)
    if pages:
        yield Dropped(
            page=None,
            element="running heads and page numbers",
            reason=f"They repeat on {pages} pages; they stay in the text and are not indexed.",
            remediation="Nothing to do.",
        )
