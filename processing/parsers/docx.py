"""DOCX: paragraphs, headings, lists and tables in order, straight from the document's XML."""

from collections import Counter
from dataclasses import replace
from typing import BinaryIO, Final

from lxml import etree

from intake.formats import DOCX
from processing.canonical import ElementType, Figure, ParsedDocument
from processing.parsers.assembly import CHUNKED, finish
from processing.parsers.docx_package import Package
from processing.parsers.docx_styles import (
    Numbering,
    ParagraphStyle,
    Styles,
    W,
    numbering_of,
    outline_level,
    value,
)
from processing.parsers.docx_tables import cells_of, marked_header
from processing.parsers.docx_text import ParagraphText, read_paragraph
from processing.parsers.draft import Draft
from processing.parsers.errors import CorruptFileError
from processing.parsers.flow import Flow, has_header
from processing.parsers.patterns import CAPTION, LIST_MARK, in_capitals, reads_as_heading
from processing.ports import ParseContext

_P: Final = f"{W}p"
_TABLE: Final = f"{W}tbl"
_CELL: Final = f"{W}tc"
_TRANSPARENT: Final = frozenset(
    f"{W}{name}" for name in ("sdt", "sdtContent", "ins", "moveTo", "customXml", "smartTag")
)
_FAKE_HEADING_LEVEL: Final = 7
_MAX_CELL: Final = 400
_LOST_HELP: Final = "Move it into the body of the document if it matters."
_PICTURE_HELP: Final = "Describe it in the text, or send it as a document of its own."


class DocxParser:
    """Reads Word documents; running headers and footers, comments and pictures are dropped."""

    name = "docx"
    version = f"1+{CHUNKED}"
    media_types = frozenset({DOCX})

    def parse(self, source: BinaryIO, *, context: ParseContext) -> ParsedDocument:
        """Parse a DOCX; raises `CorruptFileError`, `EncryptedFileError` or `UnsafeFileError`."""
        reader = _Reader(Package(source.read()))
        draft = reader.read()
        return finish(draft, parser=self.name, version=self.version, context=context)


class _Reader:
    """Walks the body once, in order; lists count on from paragraph to paragraph."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._styles = Styles(self._part("styles"))
        self._numbering = Numbering(self._part("numbering"))
        self._notes = {kind: self._notes_of(kind) for kind in ("footnotes", "endnotes")}
        self._flow = Flow()
        self._draft = Draft([])
        self._lost: Counter[str] = Counter()
        self._shift = 0

    def read(self) -> Draft:
        """Return the document as a draft of one page."""
        root = self._package.xml(self._package.main)
        body = None if root is None else root.find(f"{W}body")
        if body is None:
            raise CorruptFileError("The DOCX is damaged: it has no body.")
        self._blocks(body)
        self._note_lost()
        self._draft.pages.append(self._flow.page())
        return self._draft

    def _part(self, kind: str) -> etree._Element | None:
        names = self._package.related(self._package.main, kind)
        return self._package.xml(names[0]) if names else None

    def _notes_of(self, kind: str) -> dict[str, etree._Element]:
        root = self._part(kind)
        return {} if root is None else {note.get(f"{W}id", ""): note for note in root}

    def _blocks(self, parent: etree._Element) -> None:
        for element in parent:
            if element.tag == _P:
                self._paragraph(element)
            elif element.tag == _TABLE:
                self._table(element)
            elif element.tag in _TRANSPARENT:
                self._blocks(element)

    def _paragraph(self, element: etree._Element) -> None:
        found = read_paragraph(element)
        properties = element.find(f"{W}pPr")
        style = self._style(properties)
        if found.text:
            self._add(found.text, style, label=self._label(style), bold=found.bold or style.bold)
        self._hanging(found)

    def _style(self, properties: etree._Element | None) -> ParagraphStyle:
        """Return the named style with what the paragraph itself sets over it."""
        name = None if properties is None else value(properties.find(f"{W}pStyle"))
        style = self._styles.get(name) if name else ParagraphStyle()
        level, number = outline_level(properties), numbering_of(properties)
        if level is not None and style.level is None:
            style = replace(style, level=level)
        return replace(style, number=number[0], depth=number[1]) if number else style

    def _label(self, style: ParagraphStyle) -> str:
        return self._numbering.label(style.number, style.depth) if style.number else ""

    def _add(self, text: str, style: ParagraphStyle, *, label: str, bold: bool) -> None:
        labelled = f"{label} {text}" if label else text
        if style.level is not None:
            self._shift = max(self._shift, int(style.level == 0))
            self._flow.heading(labelled, style.level + self._shift)
        elif style.caption or CAPTION.match(text):
            self._flow.block(ElementType.CAPTION, labelled)
        elif (bold or in_capitals(text)) and not label and reads_as_heading(text):
            self._flow.heading(text, _FAKE_HEADING_LEVEL)
        elif label or LIST_MARK.match(text):
            self._flow.block(ElementType.LIST_ITEM, labelled)
        else:
            self._flow.block(ElementType.PARAGRAPH, text)

    def _hanging(self, found: ParagraphText) -> None:
        """Add what hangs on a paragraph after it: notes, text boxes, descriptions of pictures."""
        for kind, number in found.notes:
            note = self._notes[kind].get(number)
            if note is not None:
                self._blocks(note)
        for box in found.boxes:
            self._blocks(box)
        self._draft.figures.extend(Figure(page=None, caption=text) for text in found.pictures)
        self._lost.update({"picture": len(found.pictures), "hidden text": found.hidden})

    def _table(self, table: etree._Element) -> None:
        """Add a table of data; one that only arranges the page is read as blocks."""
        cells = cells_of(table)
        texts = [text for row in cells for text in row if text]
        if max(map(len, cells), default=0) < 2 or sum(map(len, texts)) > _MAX_CELL * len(texts):
            for cell in table.iter(_CELL):
                if next(cell.iterancestors(_TABLE)) is table:
                    self._blocks(cell)
            return
        self._flow.table(cells, header=marked_header(table) or has_header(cells))

    def _note_lost(self) -> None:
        related = self._package.related
        main = self._package.main
        for kind in ("header", "footer", "comments"):
            parts = (self._package.xml(name) for name in related(main, kind))
            self._lost[kind] = sum(1 for part in parts if part is not None and _has_text(part))
        for kind, count in sorted(self._lost.items()):
            if count:
                self._draft.drop(None, kind, f"Not part of the text; {count} in the file.",
                                 _PICTURE_HELP if kind == "picture" else _LOST_HELP)  # fmt: skip


def _has_text(part: etree._Element) -> bool:
    return any((text.text or "").strip() for text in part.iter(f"{W}t"))
