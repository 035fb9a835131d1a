"""The formats that are accepted, their names and extensions."""

from collections.abc import Iterable
from pathlib import PurePath
from typing import Final

from tenants.configuration import MediaType

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


def in_words(media_types: Iterable[str]) -> str:
    """Return formats as people name them: "PDF, DOCX and CSV"."""
    *others, last = [NAMES[media_type] for media_type in media_types]
    return f"{', '.join(others)} and {last}" if others else last


ACCEPTED: Final = in_words(NAMES)


def by_name(filename: str) -> str | None:
    """Return the accepted media type that the file name claims, or None."""
    return EXTENSIONS.get(PurePath(filename).suffix.lower())
