"""PDF pages through PDFium: their text, line by line, and where each line stands.

PDFium keeps a list of characters for each page. `PageText` maps a span of canonical text back to
a span of that list, exactly, so that boxes can be asked for. A page's canonical text depends on
that page alone: reading it again gives the same offsets.

PDFium is not thread-safe: whoever uses it holds `PDFIUM`.
"""

import ctypes
import math
import re
import threading
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pypdfium2
import pypdfium2.raw as pdfium_c

from processing.parsers.draft import Box, union
from processing.parsers.errors import CorruptFileError, EncryptedFileError

PDFIUM: Final = threading.RLock()

UNKNOWN: Final = "\ufffd"
_HYPHEN: Final = "\ufffe"
_LINE: Final = re.compile(f"[^\r\n{_HYPHEN}]+{_HYPHEN}?|{_HYPHEN}")
_SURROGATES: Final = range(0xD800, 0xE000)
_LOW_SURROGATES: Final = range(0xDC00, 0xE000)
_MAX_CHARACTERS: Final = 2_000_000
_MAX_OBJECTS: Final = 2_000
_PICTURE_SHARE: Final = 0.01
# One character for one, so that offsets stay: odd spaces, control characters, PDFium's hyphen.
_PLAIN: Final = str.maketrans(
    dict.fromkeys((*range(0x20), 0x7F), UNKNOWN)
    | dict.fromkeys((0x09, 0x0B, 0x0C, 0x85, 0xA0, 0x2028, 0x2029), " ")
    | {_HYPHEN: "-"}
)
_BOLD_NAME: Final = re.compile(rb"bold|black|heavy|demi|CMBX", re.IGNORECASE)
_BOLD_WEIGHT: Final = 600


@dataclass(frozen=True, slots=True)
class Frame:
    """How PDF coordinates map to the page as displayed: its crop box and rotation."""

    left: float
    bottom: float
    right: float
    top: float
    rotation: int

    @property
    def size(self) -> tuple[float, float]:
        """Width and height as displayed, in points."""
        across, along = self.right - self.left, self.top - self.bottom
        return (across, along) if self.rotation % 180 == 0 else (along, across)

    def shows(self, box: Box) -> bool:
        """Tell whether any of a displayed rectangle is on the page."""
        width, height = self.size
        return box.x0 < width and box.x1 > 0 and box.y0 < height and box.y1 > 0

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Return a PDF point as displayed, from the top left corner."""
        if self.rotation == 90:
            return y - self.bottom, x - self.left
        if self.rotation == 180:
            return self.right - x, y - self.bottom
        if self.rotation == 270:
            return self.top - y, self.right - x
        return x - self.left, self.top - y

    def box(self, left: float, bottom: float, right: float, top: float) -> Box:
        """Return a PDF rectangle as displayed."""
        # The corners that the rotation brings to the top left and to the bottom right.
        if self.rotation == 0:
            x0, y0, x1, y1 = left - self.left, self.top - top, right - self.left, self.top - bottom
        else:
            turned = self.rotation
            x0, y0 = self.point(right if turned > 90 else left, top if turned == 270 else bottom)
            x1, y1 = self.point(left if turned > 90 else right, bottom if turned == 270 else top)
        return Box(x0, y0, x1, y1)


NOWHERE: Final = Frame(0.0, 0.0, 0.0, 0.0, 0)
"""The frame of a page that cannot be loaded."""


@dataclass(slots=True)
class Line:
    """One printed line. `raw` is where it starts in PDFium's text; from there it is one to one.

    `size` is the font size in points, `baseline` its distance from the page's top, and
    `segments` the left and right edge of each run of characters, in display order.
    """

    start: int
    end: int
    raw: int
    bbox: Box | None = None
    size: float = 0.0
    baseline: float = 0.0
    bold: bool = False
    segments: tuple[tuple[float, float], ...] = ()


@dataclass(slots=True)
class PageText:
    """A page's canonical text, its lines in reading order, and the way back to PDFium."""

    text: str
    lines: list[Line]
    frame: Frame
    index: Sequence[int] | None = None
    """Place in PDFium's list of each character of its text; None where the two agree."""
    starts: list[int] = field(default_factory=list)

    def line_at(self, position: int) -> int:
        """Return the number of the line that holds this offset, or of the last one before."""
        if not self.starts:
            self.starts = [line.start for line in self.lines]
        return max(bisect_right(self.starts, position) - 1, 0)

    def native(self, line: Line, start: int, end: int) -> tuple[int, int]:
        """Return first character and count, in PDFium's list, of a span within `line`."""
        first, last = line.raw + start - line.start, line.raw + end - line.start
        if self.index is not None:
            first, last = self.index[first], self.index[last]
        return first, last - first


def open_pdf(raw: bytes) -> pypdfium2.PdfDocument:
    """Open a PDF; raises `EncryptedFileError` or `CorruptFileError`. The caller closes it."""
    try:
        return pypdfium2.PdfDocument(raw)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == pdfium_c.FPDF_ERR_PASSWORD:
            raise EncryptedFileError("The PDF opens only with a password.") from error
        raise CorruptFileError("The PDF is damaged: its structure cannot be read.") from error


def frame_of(page: pypdfium2.PdfPage) -> Frame:
    """Return the page's visible rectangle and rotation."""
    left, bottom, right, top = page.get_bbox()
    return Frame(left, bottom, right, top, page.get_rotation())


def read_page(page: pypdfium2.PdfPage, textpage: pypdfium2.PdfTextPage) -> PageText:
    """Read a page's canonical text with the geometry of each line."""
    frame = frame_of(page)
    text, index = _raw_text(textpage.raw)
    result = PageText("", [], frame, index)
    ruler = Ruler(textpage.raw, frame)
    parts: list[str] = []
    length = 0
    for raw, value in _pieces(text):
        line = Line(0, len(value), raw)
        ruler.fill(line, *result.native(line, 0, len(value)))
        if parts:
            parts.append(_gap(result.lines[-1], line, parts[-1], value))
            length += len(parts[-1])
        parts.append(value)
        line.start, line.end = length, length + len(value)
        length = line.end
        result.lines.append(line)
    result.text = "".join(parts)
    return result


def boxes_of(
    textpage: pypdfium2.PdfTextPage, page: PageText, start: int, end: int
) -> Iterator[Box]:
    """Yield a box for each line that a span of canonical text touches, of just those characters."""
    measure = Ruler(textpage.raw, page.frame)
    for line in page.lines[page.line_at(start) :]:
        if line.start >= end:
            return
        first, last = max(start, line.start), min(end, line.end)
        if first < last:
            box = measure.box(*page.native(line, first, last)) or line.bbox
            if box is not None:
                yield box


def pictures(page: pypdfium2.PdfPage, frame: Frame) -> list[Box]:
    """Return the boxes of the page's pictures, leaving out rules, dots and ornaments."""
    width, height = frame.size
    edges = tuple(ctypes.c_float() for _ in range(4))
    boxes = []
    for number in range(min(pdfium_c.FPDFPage_CountObjects(page.raw), _MAX_OBJECTS)):
        thing = pdfium_c.FPDFPage_GetObject(page.raw, number)
        if pdfium_c.FPDFPageObj_GetType(thing) != pdfium_c.FPDF_PAGEOBJ_IMAGE:
            continue
        if pdfium_c.FPDFPageObj_GetBounds(thing, *edges):
            box = frame.box(*(edge.value for edge in edges))
            if (box.x1 - box.x0) * (box.y1 - box.y0) >= _PICTURE_SHARE * width * height:
                boxes.append(box)
    return boxes


def form_fields(page: pypdfium2.PdfPage) -> int:
    """Return how many form fields the page has."""
    count = 0
    for number in range(min(pdfium_c.FPDFPage_GetAnnotCount(page.raw), _MAX_OBJECTS)):
        annotation = pdfium_c.FPDFPage_GetAnnot(page.raw, number)
        count += pdfium_c.FPDFAnnot_GetSubtype(annotation) == pdfium_c.FPDF_ANNOT_WIDGET
        pdfium_c.FPDFPage_CloseAnnot(annotation)
    return count


def _raw_text(textpage: Any) -> tuple[str, Sequence[int] | None]:
    """Return PDFium's text and, where its two counts disagree, each character's place in its list.

    PDFium leaves characters that it cannot map to Unicode out of its text but not out of its list.
    """
    count = pdfium_c.FPDFText_CountChars(textpage)
    if count <= 0:
        return "", None
    if count > _MAX_CHARACTERS:
        raise CorruptFileError("A page of the PDF claims more text than a page can hold.")
    buffer = (ctypes.c_ushort * (2 * count + 1))()
    written = pdfium_c.FPDFText_GetText(textpage, 0, count, buffer)
    text = bytes(memoryview(buffer)[: max(written - 1, 0)]).decode("utf-16-le", errors="replace")
    if len(text) == count == pdfium_c.FPDFText_GetTextIndexFromCharIndex(textpage, count - 1) + 1:
        return text, None
    return _text_by_character(textpage, count)


def _text_by_character(textpage: Any, count: int) -> tuple[str, list[int]]:
    """Build the text from the list itself; unmapped characters become U+FFFD."""
    text: list[str] = []
    index: list[int] = []
    codes = [pdfium_c.FPDFText_GetUnicode(textpage, place) for place in range(count)]
    place = 0
    while place < count:
        index.append(place)
        character, used = _character(codes, place)
        text.append(character)
        place += used
    return "".join(text), [*index, count]


def _character(codes: list[int], place: int) -> tuple[str, int]:
    code = codes[place]
    if code == 2:
        return _HYPHEN, 1
    if code not in _SURROGATES:
        return (chr(code) if code else UNKNOWN), 1
    following = codes[place + 1] if place + 1 < len(codes) else 0
    if code not in _LOW_SURROGATES and following in _LOW_SURROGATES:
        return chr(0x10000 + ((code - 0xD800) << 10) + (following - 0xDC00)), 2
    return UNKNOWN, 1


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Yield the printed lines of PDFium's text with their offset in it, trimmed at both ends."""
    for match in _LINE.finditer(text):
        value = match.group()
        if not value.isprintable():
            value = value.translate(_PLAIN)
        trimmed = value.lstrip()
        if trimmed:
            yield match.start() + len(value) - len(trimmed), trimmed.rstrip()


def _gap(before: Line, line: Line, last: str, value: str) -> str:
    """Return what stands between two lines: nothing or a space on one row, else a line break."""
    first, second = before.bbox, line.bbox
    if first is None or second is None:
        return "\n"
    overlap = min(first.y1, second.y1) - max(first.y0, second.y0)
    if overlap < 0.5 * min(first.y1 - first.y0, second.y1 - second.y0):
        return "\n"
    gap = second.x0 - first.x1
    if gap < -0.3 * before.size:
        return "\n"
    # A raised number is no part of the word before it.
    raised = last[-1].isalpha() and value[0].isdigit()
    return " " if raised or gap > 0.15 * before.size else ""


class Ruler:
    """Asks PDFium for geometry through buffers that are made once a page."""

    def __init__(self, textpage: Any, frame: Frame) -> None:
        self._textpage = textpage
        self._frame = frame
        self._edges = tuple(ctypes.c_double() for _ in range(4))
        self._matrix = pdfium_c.FS_MATRIX()
        self._name = ctypes.create_string_buffer(256)
        self._flags = ctypes.c_int()
        self._known_fonts: dict[bytes, bool] = {}

    def box(self, first: int, count: int) -> Box | None:
        """Return the box around characters of PDFium's list, as displayed."""
        return union(self._boxes(first, count))

    def fill(self, line: Line, first: int, count: int) -> None:
        """Measure a line: box, segments, and its first character's size, baseline and weight."""
        boxes = self._boxes(first, count)
        line.bbox = union(boxes)
        if line.bbox is not None:
            line.segments = tuple((box.x0, box.x1) for box in sorted(boxes))
            self._fill_font(line, first, line.bbox.y1)

    def _boxes(self, first: int, count: int) -> list[Box]:
        """Return a box for each run of characters that the PDF draws at once."""
        textpage, get, frame = self._textpage, pdfium_c.FPDFText_GetRect, self._frame
        left, top, right, bottom = self._edges
        found = []
        for number in range(pdfium_c.FPDFText_CountRects(textpage, first, count)):
            get(textpage, number, left, top, right, bottom)
            x0, y0, x1, y1 = left.value, bottom.value, right.value, top.value
            # PDFium reports characters without ink as points at the origin.
            if x0 < x1 or y0 < y1:
                found.append(frame.box(x0, y0, x1, y1))
        return found

    def _fill_font(self, line: Line, first: int, lower_edge: float) -> None:
        size, matrix = pdfium_c.FPDFText_GetFontSize(self._textpage, first), self._matrix
        line.baseline = lower_edge
        if pdfium_c.FPDFText_GetMatrix(self._textpage, first, matrix):
            size *= math.hypot(matrix.c, matrix.d)
            line.baseline = self._frame.point(matrix.e, matrix.f)[1]
        line.size = round(size, 1)
        line.bold = self._bold(first)

    def _bold(self, first: int) -> bool:
        name, flags = self._name, self._flags
        pdfium_c.FPDFText_GetFontInfo(self._textpage, first, name, 256, flags)
        key = name.value
        if key not in self._known_fonts:
            weight = pdfium_c.FPDFText_GetFontWeight(self._textpage, first)
            self._known_fonts[key] = weight >= _BOLD_WEIGHT or bool(_BOLD_NAME.search(key))
        return self._known_fonts[key]
