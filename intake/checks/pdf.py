"""PDF: that it opens, that its pages can be read, and that nothing in it is of a size to drown in.

PDFium decodes what it is shown: here in the sandbox, where streams that unpack without end meet
the limit of memory.
"""

import ctypes
import re
import zipfile
from collections.abc import Iterator
from contextlib import closing
from typing import Any, BinaryIO, Final

import pypdfium2
import pypdfium2.raw as pdfium_c

from intake.checks.images import check_pixels
from intake.checks.words import corrupt, encrypted, pixel_flood, polyglot
from intake.errors import UnpackedSizeError

PAGE_LIMIT: Final = 20_000
SIDE_LIMIT: Final = 14_400.0
"""Points, the largest that PDF's own implementation limits know: 200 inches."""
_PAGES_LOOKED_INTO: Final = 50
_OBJECTS_LOOKED_AT: Final = 2_000
_HEADER: Final = b"%PDF-"
_HEADER_WITHIN: Final = 1024
_BEFORE_HEADER: Final = b"\xef\xbb\xbf \t\r\n\x00"
_BLOCK: Final = 1024 * 1024
_PICTURE: Final = re.compile(rb"/(Width|Height)\s{0,8}(\d{1,12})\b")
_PICTURE_LENGTH: Final = 32
_SIDE_OF_A_FLOOD: Final = 65_500


def check_pdf(stream: BinaryIO) -> None:
    """Raise the reason against a PDF: polyglot, password, damage, too many or too large pages."""
    _check_kind(stream)
    _check_stated_pictures(stream)
    stream.seek(0)
    try:
        with closing(pypdfium2.PdfDocument(stream)) as document:
            _check_pages(document)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise encrypted("PDF") from error
        raise corrupt("PDF") from error


def _check_kind(stream: BinaryIO) -> None:
    """Refuse a PDF with something before it or an archive behind it."""
    head = stream.read(_HEADER_WITHIN)
    if head.partition(_HEADER)[0].strip(_BEFORE_HEADER):
        raise polyglot("PDF")
    if _ends_as_archive(stream):
        raise polyglot("PDF")


def _ends_as_archive(stream: BinaryIO) -> bool:
    """Tell whether programs that unpack archives would take the file for one of theirs."""
    stream.seek(0)
    try:
        with zipfile.ZipFile(stream) as archive:
            return bool(archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False


def _check_stated_pictures(stream: BinaryIO) -> None:
    """Refuse a picture whose dictionary, outside of object streams, states an absurd side."""
    stream.seek(0)
    kept = b""
    while block := stream.read(_BLOCK):
        for match in _PICTURE.finditer(kept + block):
            side = int(match.group(2))
            if side > _SIDE_OF_A_FLOOD:
                raise pixel_flood("A picture", side, side)
        kept = block[-_PICTURE_LENGTH:]


def _check_pages(document: pypdfium2.PdfDocument) -> None:
    count = len(document)
    if count == 0:
        raise corrupt("PDF")
    if count > PAGE_LIMIT:
        raise UnpackedSizeError(
            f"The PDF has {count} pages; the limit is {PAGE_LIMIT}.",
            remediation="Split it into several documents.",
            extra={"pages": count, "limit": PAGE_LIMIT},
        )
    for index in range(count):
        _check_page_size(document, index)
    for index in range(min(count, _PAGES_LOOKED_INTO)):
        _look_into(document, index)


def _check_page_size(document: pypdfium2.PdfDocument, index: int) -> None:
    size = pdfium_c.FS_SIZEF()
    if not pdfium_c.FPDF_GetPageSizeByIndexF(document.raw, index, ctypes.byref(size)):
        return
    if max(size.width, size.height) > SIDE_LIMIT:
        raise pixel_flood("A page", size.width, size.height)


def _look_into(document: pypdfium2.PdfDocument, index: int) -> None:
    """Have PDFium decode a page's content, and look at the sizes of its pictures."""
    page = pdfium_c.FPDF_LoadPage(document.raw, index)
    if not page:
        return
    try:
        for width, height in _picture_sizes(page):
            check_pixels(width, height)
    finally:
        pdfium_c.FPDF_ClosePage(page)


def _picture_sizes(page: Any) -> Iterator[tuple[int, int]]:
    width, height = ctypes.c_uint(), ctypes.c_uint()
    for number in range(min(pdfium_c.FPDFPage_CountObjects(page), _OBJECTS_LOOKED_AT)):
        thing = pdfium_c.FPDFPage_GetObject(page, number)
        if pdfium_c.FPDFPageObj_GetType(thing) != pdfium_c.FPDF_PAGEOBJ_IMAGE:
            continue
        if pdfium_c.FPDFImageObj_GetImagePixelSize(thing, width, height):
            yield width.value, height.value
