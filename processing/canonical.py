"""The canonical document: what a file says, where it says it, and what of it was dropped.

Every parser returns it, every stage reads it. All of it is frozen, and the same bytes and parser
version give the same JSON, byte for byte.

Positions: `page` is 1-based, or None where a format has no pages (the whole text is then one
`Page` with number None). `start_char` and `end_char` count code points in that page's canonical
text, half open. For any chunk fresh from a parser, `page.text[start_char:end_char] == chunk.text`.
Boxes are in PDF points from the top left corner of the page as displayed.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

import msgspec

from frostbyte.kernel.ids import derived_id

T = TypeVar("T")


class ElementType(StrEnum):
    """What a piece of a document is."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST_ITEM = "list_item"
    TABLE = "table"
    CAPTION = "caption"
    TRANSCRIPT = "transcript"
    FRAME = "frame"


@dataclass(frozen=True, slots=True)
class BoundingBox:
    """A rectangle in points: left, top, right, bottom, from the page's top left corner."""

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page's canonical text and size in points (0 where the format has no pages)."""

    number: int | None
    text: str
    width: float = 0.0
    height: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One piece in reading order, as a span of its page's text."""

    element_type: ElementType
    page: int | None
    start_char: int
    end_char: int
    bbox: BoundingBox | None = None
    level: int | None = None
    """Depth of a heading, 1 is the highest; None for everything else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading and its place."""

    title: str
    level: int
    page: int | None
    start_char: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table by rows of cell texts."""

    page: int | None
    start_char: int
    end_char: int
    cells: tuple[tuple[str, ...], ...]
    bbox: BoundingBox | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A picture in the document, with the text that describes it."""

    page: int | None
    caption: str = ""
    bbox: BoundingBox | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """Something that was in the file and is not in the text, why, and what can be done."""

    page: int | None
    element: str
    reason: str
    remediation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A passage that is embedded, found and cited as one."""

    chunk_id: UUID
    text: str
    element_type: ElementType
    page: int | None
    start_char: int
    end_char: int
    section_path: tuple[str, ...] = ()
    bbox: BoundingBox | None = None
    start_s: float | None = None
    end_s: float | None = None
    tokens: int = 0
    """Length in tokens of the default embedding model, special tokens left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Where the document came from."""

    raw_sha256: str
    parser: str
    parser_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """Counts for people and reports."""

    pages: int
    sections: int
    tables: int
    chunks: int
    characters: int
    ocr_pages: int = 0
    ocr_confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedDocument:
    """The canonical document, output of the parse stage."""

    doc_id: UUID
    pages: tuple[Page, ...]
    sections: tuple[Section, ...]
    tables: tuple[Table, ...]
    figures: tuple[Figure, ...]
    reading_order: tuple[Element, ...]
    chunks: tuple[Chunk, ...]
    lineage: Lineage
    stats: Stats
    dropped: tuple[Dropped, ...]
    quality: float


def chunk_id(
    *, raw_sha256: str, parser_version: str, page: int | None, start: int, end: int
) -> UUID:
    """Return the id that this passage of these bytes has under this parser version, always."""
    return derived_id("chunk", raw_sha256, parser_version, page, start, end)


def encode(value: object) -> bytes:
    """Serialise any stage payload to JSON with a fixed order of members."""
    return msgspec.json.encode(value, order="deterministic")


def decode(data: bytes, payload_type: type[T]) -> T:
    """Read a stage payload back; raises `msgspec.ValidationError` when it does not fit."""
    return msgspec.json.decode(data, type=payload_type)
