"""The formats that are accepted, and how a file's content is told."""

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePath
from typing import TYPE_CHECKING, BinaryIO, Final

from tenants.configuration import MediaType

if TYPE_CHECKING:
    from magika import Magika

PDF: Final = MediaType.PDF.value
DOCX: Final = MediaType.DOCX.value
TEXT: Final = MediaType.TEXT.value
MARKDOWN: Final = MediaType.MARKDOWN.value
CSV: Final = MediaType.CSV.value
HTML: Final = MediaType.HTML.value

TEXT_FORMATS: Final = frozenset({TEXT, MARKDOWN, CSV, HTML})
EXTENSIONS: Final[dict[str, str]] = {
    ".pdf": PDF, ".docx": DOCX, ".txt": TEXT, ".text": TEXT, ".log": TEXT,
    ".md": MARKDOWN, ".markdown": MARKDOWN, ".csv": CSV, ".html": HTML, ".htm": HTML,
}  # fmt: skip
NAMES: Final[dict[str, str]] = {
    PDF: "PDF", DOCX: "DOCX", TEXT: "TXT", MARKDOWN: "Markdown", CSV: "CSV", HTML: "HTML",
}  # fmt: skip

_BY_LABEL: Final = {"pdf": PDF, "docx": DOCX, "txt": TEXT, "markdown": MARKDOWN, "csv": CSV,
                    "html": HTML}  # fmt: skip
_PDF_HEADER_WITHIN: Final = 1024
_OLE_MAGIC: Final = bytes.fromhex("d0cf11e0a1b11ae1")
_ZIP_MAGIC: Final = b"PK\x03\x04"
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Content:
    """What a file's bytes say it is. `label` and `group` are Magika's words for it."""

    media_type: str
    label: str
    group: str
    is_text: bool

    @property
    def is_damaged(self) -> bool:
        """Whether it begins as a container and does not open as one."""
        return self.label == "damaged container"

    @property
    def is_ole(self) -> bool:
        """Whether it is a compound file: binary Office, Outlook, or encrypted Office."""
        return self.label == "ole"


def in_words(media_types: Iterable[str]) -> str:
    """Return formats as people name them: "PDF, DOCX and CSV"."""
    *others, last = [NAMES[media_type] for media_type in media_types]
    return f"{', '.join(others)} and {last}" if others else last


ACCEPTED: Final = in_words(NAMES)


def by_name(filename: str) -> str | None:
    """Return the accepted media type that the file name claims, or None."""
    return EXTENSIONS.get(PurePath(filename).suffix.lower())


def identify(stream: BinaryIO) -> Content:
    """Tell the content of a seekable file from its bytes alone."""
    stream.seek(0)
    head = stream.read(_PDF_HEADER_WITHIN)
    stream.seek(0)
    if b"%PDF-" in head:
        return Content(PDF, "pdf", "document", is_text=False)
    if head.startswith(_OLE_MAGIC):
        return Content("application/x-ole-storage", "ole", "document", is_text=False)
    if head.startswith(_ZIP_MAGIC) and (container := _zip_content(stream)):
        return container
    output = _magika().identify_stream(stream).output
    stream.seek(0)
    # A UTF-16 text is half zeros, which a model of bytes may take for anything.
    is_text = bool(output.is_text) or head.startswith(_UTF16_MARKS)
    media_type = _BY_LABEL.get(str(output.label), str(output.mime_type))
    return Content(media_type, str(output.label), str(output.group), is_text=is_text)


def members_of(stream: BinaryIO) -> list[zipfile.ZipInfo] | None:
    """Return what a zip container says it holds, or None where it is damaged or of no known kind.

    `zipfile` raises NotImplementedError for compressions and versions that it does not know.
    """
    stream.seek(0)
    try:
        with zipfile.ZipFile(stream) as container:
            return container.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return None
    finally:
        stream.seek(0)


def _zip_content(stream: BinaryIO) -> Content | None:
    """Tell a Word document by its parts, and a container that does not open; None: look closer."""
    members = members_of(stream)
    if members is None:
        return Content("application/zip", "damaged container", "archive", is_text=False)
    if any(member.filename == "word/document.xml" for member in members):
        return Content(DOCX, "docx", "document", is_text=False)
    return None


@lru_cache(maxsize=1)
def _magika() -> "Magika":
    from magika import Magika

    return Magika()
