"""Making files of each format from the same pieces; the same pieces give the same bytes."""

import csv
import html
import io
import zipfile
from collections.abc import Callable, Iterable
from typing import Any, Final

from docx import Document
from docx.shared import Pt
from reportlab.lib import colors
from reportlab.lib.pagesizes import LETTER
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    Flowable,
    ListFlowable,
    PageBreak,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
)

from tests.samples.blocks import Grid, Heading, Items, NewPage, Piece, Sample, Text

_MARGIN: Final = 72
_TEXT_WIDTH: Final = 78
_STYLES: Final = frozenset(
    {"Normal", "Heading 1", "Heading 2", "Header", "List Bullet", "List Number", "Caption"}
    | {"Default Paragraph Font", "Normal Table", "Table Grid", "No List"}
)
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def build(sample: Sample) -> bytes:
    """Return the bytes of a sample, by the suffix of its path."""
    return _BUILDERS[sample.path.rpartition(".")[2]](sample)


def _pdf(sample: Sample) -> bytes:
    target = io.BytesIO()
    # Left uncompressed: what a compressor writes differs from one version to the next.
    template = SimpleDocTemplate(
        target, pagesize=LETTER, leftMargin=_MARGIN, rightMargin=_MARGIN, invariant=1,
        pageCompression=0, title=sample.running_head, author="", creator="",
    )  # fmt: skip

    def decorate(canvas: Canvas, _template: object) -> None:
        canvas.setFont("Helvetica", 8)
        canvas.drawString(_MARGIN, LETTER[1] - 40, sample.running_head)
        canvas.drawCentredString(LETTER[0] / 2, 36, f"Page {canvas.getPageNumber()}")

    story = [flowable for piece in sample.pieces for flowable in _flowables(piece)]
    template.build(story, onFirstPage=decorate, onLaterPages=decorate)
    return target.getvalue()


def _flowables(piece: Piece) -> Iterable[Flowable]:
    styles = getSampleStyleSheet()
    body = ParagraphStyle("body", parent=styles["BodyText"], fontSize=11, leading=15, spaceAfter=8)
    match piece:
        case Heading(level, text):
            yield Paragraph(html.escape(text), styles[f"Heading{level}"])
        case Text(text):
            yield Paragraph(html.escape(text), body)
        case Items(items, numbered):
            entries = [Paragraph(html.escape(item), body) for item in items]
            yield ListFlowable(entries, bulletType="1" if numbered else "bullet", leftIndent=24)
        case Grid(rows):
            style = [
                ("GRID", (0, 0), (-1, -1), 0.5, colors.black),
                ("FONT", (0, 0), (-1, 0), "Helvetica-Bold", 10),
            ]
            yield Table([list(row) for row in rows], style=style, hAlign="LEFT")
            yield Spacer(1, 12)
        case NewPage():
            yield PageBreak()


def _docx(sample: Sample) -> bytes:
    document = Document()
    document.sections[0].header.paragraphs[0].text = sample.running_head
    document.styles["Normal"].font.size = Pt(11)
    for piece in sample.pieces:
        _add_to_docx(document, piece)
    _slim(document)
    target = io.BytesIO()
    document.save(target)
    return _stored(target.getvalue())


def _slim(document: Any) -> None:
    """Take out what the library's template brings and no sample uses."""
    for style in list(document.styles):
        if style.name not in _STYLES:
            style.delete()
    for owner in (document.part.package, document.part):
        for key, relation in list(owner.rels.items()):
            if relation.reltype.endswith(("/thumbnail", "/stylesWithEffects", "/customXml")):
                del owner.rels[key]


def _add_to_docx(document: Any, piece: Piece) -> None:
    match piece:
        case Heading(level, text):
            document.add_heading(text, level=level)
        case Text(text):
            document.add_paragraph(text)
        case Items(items, numbered):
            for item in items:
                document.add_paragraph(item, style="List Number" if numbered else "List Bullet")
        case Grid(rows, caption):
            table = document.add_table(len(rows), len(rows[0]), style="Table Grid")
            for cells, row in zip(table.rows, rows, strict=True):
                for cell, text in zip(cells.cells, row, strict=True):
                    cell.text = text
            if caption:
                document.add_paragraph(caption, style="Caption")
        case NewPage():
            document.add_page_break()


def _stored(data: bytes) -> bytes:
    """Return a zip's members stored, without times and the template's preview picture."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(target, "w") as stored:
        for member in source.infolist():
            stored.writestr(zipfile.ZipInfo(member.filename, _EPOCH), source.read(member))
    return target.getvalue()


def _csv(sample: Sample) -> bytes:
    target = io.StringIO()
    for piece in sample.pieces:
        if isinstance(piece, Grid):
            csv.writer(target, lineterminator="\r\n").writerows(piece.rows)
    return target.getvalue().encode(sample.encoding)


def _html(sample: Sample) -> bytes:
    title = next(piece.text for piece in sample.pieces if isinstance(piece, Heading))
    body = "\n".join(_tags(piece) for piece in sample.pieces)
    page = (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="{sample.encoding}">\n'
        f"<title>{html.escape(title)}</title>\n<style>h1 {{ color: navy }}</style>\n"
        f"<script>{sample.unseen}</script>\n</head>\n<body>\n{body}\n"
        '<p style="display:none">Draft, not for readers.</p>\n</body>\n</html>\n'
    )
    return page.encode(sample.encoding)


def _tags(piece: Piece) -> str:
    match piece:
        case Heading(level, text):
            return f"<h{level}>{html.escape(text)}</h{level}>"
        case Text(text):
            return f"<p>{html.escape(text)}</p>"
        case Items(items, numbered):
            tag = "ol" if numbered else "ul"
            inside = "".join(f"<li>{html.escape(item)}</li>" for item in items)
            return f"<{tag}>{inside}</{tag}>"
        case Grid(rows):
            cells = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows)
            return "<table>" + "".join(f"<tr>{row}</tr>" for row in cells) + "</table>"
        case NewPage():
            return ""


def _markdown(sample: Sample) -> bytes:
    return "\n\n".join(_marked(piece) for piece in sample.pieces).encode() + b"\n"


def _marked(piece: Piece) -> str:
    match piece:
        case Heading(level, text):
            return f"{'#' * level} {text}"
        case Text(text):
            return text
        case Items(items, numbered):
            return "\n".join(
                f"{f'{number}.' if numbered else '-'} {item}"
                for number, item in enumerate(items, 1)
            )
        case Grid(rows):
            head, *body = (f"| {' | '.join(row)} |" for row in rows)
            return "\n".join([head, "|" + " --- |" * len(rows[0]), *body])
        case NewPage():
            return ""


def _text(sample: Sample) -> bytes:
    return "\n\n".join(_plain(piece) for piece in sample.pieces).encode(sample.encoding) + b"\n"


def _plain(piece: Piece) -> str:
    match piece:
        case Heading(_, text) | Text(text):
            return "\n".join(_wrapped(text))
        case Items(items):
            return "\n".join(f"- {item}" for item in items)
        case Grid(rows):
            return "\n".join("\t".join(row) for row in rows)
        case NewPage():
            return ""


def _wrapped(text: str) -> Iterable[str]:
    line = ""
    for word in text.split():
        if line and len(line) + len(word) >= _TEXT_WIDTH:
            yield line
            line = ""
        line = f"{line} {word}".strip()
    yield line


_BUILDERS: Final[dict[str, Callable[[Sample], bytes]]] = {
    "pdf": _pdf,
    "docx": _docx,
    "csv": _csv,
    "html": _html,
    "md": _markdown,
    "txt": _text,
}
