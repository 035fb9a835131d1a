"""Page images: a page as its reader would see it, passages marked, redacted text painted over.

The image never shows what a gate took out: redacted spans become black boxes over the whole
height of their line, and form fields and annotations, whose text no gate has seen, are not drawn.
"""

import io
from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import BinaryIO, Final

import pypdfium2
from PIL import Image, ImageChops, ImageDraw

from frostbyte.kernel.errors import FrostbyteError, NotFoundError
from frostbyte.sandbox import Limits, SandboxError, sandboxed
from processing.parsers.draft import Box, Span
from processing.parsers.errors import CorruptFileError
from processing.parsers.pdfium import PDFIUM, PageText, boxes_of, open_pdf, read_page

_MARK: Final = (255, 236, 130)
_COVER: Final = (0, 0, 0)
_MARK_MARGIN: Final = 1.0
_COVER_MARGIN: Final = 1.5
_MAX_PIXELS: Final = 16_000_000
_FUNCTION: Final = "processing.rendering:render_file"
_LAST_PAGE: Final = 1_000_000
_SIGNATURE: Final = b"%PDF-"
_SIGNATURE_WITHIN: Final = 1024


class NoPageImageError(NotFoundError):
    """The document has no such page, or its format has no pages at all."""

    code = "NO_PAGE_IMAGE"


class PageNotDrawnError(FrostbyteError):
    """The page took more time or memory than a picture may, or broke what draws it."""

    code = "PAGE_NOT_DRAWN"
    http_status = 422


def render_confined(
    source: BinaryIO,
    *,
    page: int,
    highlight: Sequence[Span] = (),
    redact: Sequence[Span] = (),
    limits: Limits,
) -> bytes:
    """Do what `render_page` does in a process of its own, so that no file harms the web server.

    Raises what that raises, and `PageNotDrawnError`.
    """
    if not 1 <= page <= _LAST_PAGE:
        # The message to the process holds no number without end.
        raise NoPageImageError("The document has no such page.")
    try:
        png: bytes = sandboxed(
            _FUNCTION, page, list(highlight), list(redact), files=[source], limits=limits
        )
    except SandboxError as error:
        raise PageNotDrawnError(
            f"Page {page} cannot be drawn.",
            remediation="Read its text instead, or open the file itself.",
        ) from error
    return png


def render_file(
    source: BinaryIO, page: int, highlight: Sequence[Span], redact: Sequence[Span]
) -> bytes:
    """Call `render_page` in the sandbox."""
    return render_page(source.read(), page=page, highlight=highlight, redact=redact)


def render_page(
    raw: bytes,
    *,
    page: int,
    highlight: Sequence[Span] = (),
    redact: Sequence[Span] = (),
    scale: float = 1.5,
) -> bytes:
    """Return page number `page` (from 1) of a PDF as PNG, at `scale` pixels a point.

    `highlight` and `redact` are spans of the page's canonical text. Raises `NoPageImageError` for
    a page that is not there or a format without pages, `CorruptFileError` for a damaged file. A
    page that would be too large for memory is drawn at a smaller scale.
    """
    if _SIGNATURE not in raw[:_SIGNATURE_WITHIN]:
        raise NoPageImageError("Only PDF documents have page images; show the text instead.")
    with PDFIUM, closing(open_pdf(raw)) as pdf:
        if not 1 <= page <= len(pdf):
            raise NoPageImageError(f"The document has no page {page}.")
        try:
            return _render(pdf, page - 1, highlight, redact, scale)
        except pypdfium2.PdfiumError as error:
            raise CorruptFileError(f"Page {page} of the PDF is damaged.") from error


def _render(
    pdf: pypdfium2.PdfDocument,
    index: int,
    highlight: Sequence[Span],
    redact: Sequence[Span],
    scale: float,
) -> bytes:
    with closing(pdf[index]) as page, closing(page.get_textpage()) as textpage:
        text = read_page(page, textpage)
        marks = [box for span in highlight for box in boxes_of(textpage, text, *span)]
        covers = [box for span in redact for box in _covers(textpage, text, *span)]
        scale = _bounded(text, scale)
        bitmap = page.render(scale=scale, draw_annots=False, may_draw_forms=False)
        with closing(bitmap):
            image = bitmap.to_pil().convert("RGB")
    if marks:
        # Like a marker pen: paper takes the colour, ink stays as dark as it is.
        colours = Image.new("RGB", image.size, "white")
        _paint(colours, marks, _MARK, _MARK_MARGIN, scale)
        image = ImageChops.multiply(image, colours)
    _paint(image, covers, _COVER, _COVER_MARGIN, scale)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def _covers(textpage: pypdfium2.PdfTextPage, text: PageText, start: int, end: int) -> Iterable[Box]:
    """Yield boxes over a span that reach as high and low as the line they are on.

    Ink may stand above or below the boxes of some characters; of no other character on the line.
    """
    for line in text.lines[text.line_at(start) :]:
        if line.start >= end:
            return
        first, last = max(start, line.start), min(end, line.end)
        for box in boxes_of(textpage, text, first, last) if first < last else ():
            yield _across(box, line.bbox or box)


def _across(box: Box, line: Box) -> Box:
    """Stretch a box to the edges of its line, across the direction of reading."""
    if line.x1 - line.x0 >= line.y1 - line.y0:
        return Box(box.x0, min(box.y0, line.y0), box.x1, max(box.y1, line.y1))
    return Box(min(box.x0, line.x0), box.y0, max(box.x1, line.x1), box.y1)


def _bounded(text: PageText, scale: float) -> float:
    width, height = text.frame.size
    pixels = max(width * height, 1.0) * scale**2
    return scale if pixels <= _MAX_PIXELS else scale * (_MAX_PIXELS / pixels) ** 0.5


def _paint(
    image: Image.Image,
    boxes: Iterable[Box],
    colour: tuple[int, int, int],
    margin: float,
    scale: float,
) -> None:
    draw = ImageDraw.Draw(image)
    for box in boxes:
        draw.rectangle(
            (
                (box.x0 - margin) * scale,
                (box.y0 - margin) * scale,
                (box.x1 + margin) * scale,
                (box.y1 + margin) * scale,
            ),
            fill=colour,
        )
