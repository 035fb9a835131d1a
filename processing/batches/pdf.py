"""The acceptance report as PDF: the same report gives the same bytes, with no time of its own."""

from io import BytesIO
from typing import Any, Final
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, LongTable, Paragraph, SimpleDocTemplate, Spacer, Table

from processing.batches.figure import WIDTH, bar, tone_of
from processing.batches.fonts import TEXT, register_fonts, runs_of
from processing.batches.outcomes import TITLES, FileState
from processing.batches.report import BatchFacts, FileReport, Report, Totals, Trouble

COLOURS: Final = {
    "good": HexColor("#17694a"),
    "partial": HexColor("#6aa88b"),
    "wait": HexColor("#b97a10"),
    "bad": HexColor("#ab231b"),
    "refused": HexColor("#c9827d"),
    "plain": HexColor("#8496a5"),
}
_LINE: Final = HexColor("#d6dfe7")
_SUNKEN: Final = HexColor("#eef2f6")
_MUTED: Final = HexColor("#51636f")
_BODY: Final = ParagraphStyle("body", fontName=TEXT, fontSize=8.5, leading=11)
_SMALL: Final = ParagraphStyle("small", parent=_BODY, fontSize=7, leading=9, textColor=_MUTED)
_HASH: Final = ParagraphStyle(
    "hash", fontName="Courier", fontSize=5.6, leading=7, textColor=_MUTED, splitLongWords=True
)
_TITLE: Final = ParagraphStyle("title", fontName="Helvetica-Bold", fontSize=17, leading=22)
_HEAD: Final = ParagraphStyle(
    "head", fontName="Helvetica-Bold", fontSize=11, leading=15, spaceBefore=9, spaceAfter=4
)
_CELL_HEAD: Final = ParagraphStyle("th", fontName="Helvetica-Bold", fontSize=7.5, leading=10)
_MARGIN: Final = 15 * mm
_INSIDE: Final = A4[0] - 2 * _MARGIN
_TABLE: Final = [
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE),
    ("LEFTPADDING", (0, 0), (-1, -1), 3),
    ("RIGHTPADDING", (0, 0), (-1, -1), 3),
    ("TOPPADDING", (0, 0), (-1, -1), 2),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
]
_HEADED: Final = [*_TABLE, ("BACKGROUND", (0, 0), (-1, 0), _SUNKEN)]


class _Bar(Flowable):  # type: ignore[misc]
    """What became of the files, as one bar."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self._parts = bar(report.outcomes)
        self.width, self.height = _INSIDE, 7 * mm

    def draw(self) -> None:
        """Draw the parts side by side."""
        scale = self.width / WIDTH
        for part in self._parts:
            self.canv.setFillColor(COLOURS[_colour(part.tone)])
            self.canv.rect(part.x * scale, 0, part.width * scale, self.height, stroke=0, fill=1)


def report_pdf(report: Report, *, sha256: str, signing_key: str) -> bytes:
    """Return the report as PDF; `sha256` and `signing_key` are those of the stored report."""
    register_fonts()
    target = BytesIO()
    document = SimpleDocTemplate(
        target,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=18 * mm,
        title=f"Acceptance report {report.batch.id}",
        author=f"Frostbyte, {report.tenant}",
        invariant=1,
    )
    foot = _footer(f"report.json SHA-256 {sha256}, signed by key {signing_key}")
    document.build(_story(report), onFirstPage=foot, onLaterPages=foot)
    return target.getvalue()


def _story(report: Report) -> list[Any]:
    parts: list[Any] = [
        Paragraph("Acceptance report", _TITLE),
        Paragraph(_text(report.batch.reference), _BODY),
        Spacer(0, 3 * mm),
        _facts(_about(report.tenant, report.batch)),
        Paragraph("What became of the files", _HEAD),
        _Bar(report),
        Spacer(0, 2 * mm),
        _legend(report),
        Spacer(0, 2 * mm),
        _facts(_sums(report.totals)),
        Paragraph("What to do", _HEAD),
    ]
    if report.troubles:
        parts.append(_troubles(report.troubles))
    else:
        parts.append(Paragraph("Nothing: every file was read whole and can be searched.", _BODY))
    return [*parts, Paragraph("Files", _HEAD), _files(report.files)]


def _about(tenant: str, batch: BatchFacts) -> list[tuple[str, str]]:
    return [
        ("Tenant", tenant),
        ("Batch", batch.id),
        ("State", batch.state),
        ("Collection", batch.collection),
        ("Announced", f"{batch.created_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("Over", f"{batch.completed_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("Manifest SHA-256", batch.manifest_sha256),
    ]


def _sums(totals: Totals) -> list[tuple[str, str]]:
    return [
        ("Files", f"{totals.files}, {totals.size_bytes:,} bytes"),
        ("At intake", _intake(totals)),
        ("Read", f"{totals.pages} pages ({totals.ocr_pages} by OCR)"),
        ("Can be found", f"{totals.published} files, {totals.chunks} passages"),
        ("Left out", f"{totals.dropped} pieces of content"),
        ("Redacted", f"{totals.redactions} places"),
    ]


def _intake(totals: Totals) -> str:
    return (
        f"{totals.accepted} accepted ({totals.duplicates} there before), "
        f"{totals.rejected} rejected, {totals.quarantined} quarantined, "
        f"{totals.missing} never received"
    )


def _facts(rows: list[tuple[str, str]]) -> Table:
    cells = [
        [Paragraph(_text(name), _SMALL), Paragraph(_text(value), _BODY)] for name, value in rows
    ]
    return Table(cells, colWidths=[32 * mm, _INSIDE - 32 * mm], style=_TABLE[3:])


def _legend(report: Report) -> Table:
    cells = [
        ["", Paragraph(_text(each.title), _BODY), Paragraph(str(each.files), _BODY)]
        for each in report.outcomes
    ]
    fills = [
        ("BACKGROUND", (0, at), (0, at), COLOURS[_colour(tone_of(each.outcome))])
        for at, each in enumerate(report.outcomes)
    ]
    widths = [4 * mm, 70 * mm, 20 * mm]
    return Table(cells, colWidths=widths, style=[*_TABLE, *fills], hAlign="LEFT")


def _troubles(troubles: tuple[Trouble, ...]) -> LongTable:
    heads = [Paragraph(name, _CELL_HEAD) for name in ("Files", "Where", "Trouble", "What to do")]
    rows = [
        [
            Paragraph(str(each.files), _BODY),
            Paragraph(_text(each.where), _BODY),
            [
                Paragraph(_text(each.message), _BODY),
                Paragraph(_text(f"{each.code}, {each.occurrences} times: {_some(each)}"), _SMALL),
            ],
            Paragraph(_text(each.remediation), _BODY),
        ]
        for each in troubles
    ]
    widths = [14 * mm, 20 * mm, 76 * mm, _INSIDE - 110 * mm]
    return LongTable([heads, *rows], colWidths=widths, style=_HEADED, repeatRows=1)


def _some(trouble: Trouble) -> str:
    more = trouble.files - len(trouble.examples)
    return ", ".join(trouble.examples) + (f" and {more} more" if more > 0 else "")


def _files(files: tuple[FileReport, ...]) -> LongTable:
    heads = [Paragraph(name, _CELL_HEAD) for name in ("", "File", "Outcome", "Read and found")]
    widths = [10 * mm, 92 * mm, 46 * mm, _INSIDE - 148 * mm]
    rows = [_file(file) for file in files]
    return LongTable([heads, *rows], colWidths=widths, style=_HEADED, repeatRows=1)


def _file(file: FileReport) -> list[Any]:
    return [
        Paragraph(str(file.position), _SMALL),
        [
            Paragraph(_text(file.filename), _BODY),
            Paragraph(_text(file.file_id), _SMALL),
            *(Paragraph(escape(line), _HASH) for line in _evidence(file)),
        ],
        [
            Paragraph(_text(TITLES[FileState(file.outcome)]), _BODY),
            *(Paragraph(_text(line), _SMALL) for line in reasons_of(file)),
        ],
        [Paragraph(_text(line), _SMALL) for line in _found(file)],
    ]


def _evidence(file: FileReport) -> list[str]:
    lines = [f"raw {file.raw_sha256}"]
    if file.canonical_sha256:
        lines.append(f"canonical {file.canonical_sha256}")
    if file.receipt:
        lines.append(f"receipt {file.receipt.id}")
        lines.append(f"signature {file.receipt.signature}")
    return lines


def reasons_of(file: FileReport) -> list[str]:
    """Return why a file is not whole or not there, in sentences."""
    receipt, failure = file.receipt, file.failure
    refused = f"{receipt.message} ({receipt.code})" if receipt and receipt.code else ""
    failed = f"{failure.message} ({failure.code})" if failure else ""
    known = "The same bytes were there before." if receipt and receipt.duplicate else ""
    return [line for line in (refused, known, failed) if line]


def _found(file: FileReport) -> list[str]:
    lines = []
    if file.parsing and file.parsing.state == "done":
        ocr = f", {file.parsing.ocr_pages} by OCR" if file.parsing.ocr_pages else ""
        lines.append(f"{file.parsing.pages} pages{ocr}, {file.parsing.chunks} passages read")
    for gate in file.policy.gates if file.policy else ():
        counts = ", ".join(f"{n} {kind}" for kind, n in sorted(gate.counts.items()))
        lines.append(f"{gate.gate}: {gate.outcome}{f' ({counts})' if counts else ''}")
    if file.indexing and file.indexing.chunks:
        lines.append(f"{file.indexing.chunks} passages found by search")
    for kind in file.parsing.dropped if file.parsing else ():
        pages = f", pages {', '.join(map(str, kind.pages))}" if kind.pages else ""
        lines.append(f"left out: {kind.count} {kind.element}{pages}: {kind.reason}")
    return lines


def _text(text: str) -> str:
    """Return reportlab's markup of a text, each piece in the font that has its letters."""
    return "".join(f'<font name="{font}">{escape(piece)}</font>' for font, piece in runs_of(text))


def _colour(tone: str) -> str:
    return tone if tone in COLOURS else "plain"


def _footer(text: str) -> Any:
    def draw(canvas: Canvas, document: SimpleDocTemplate) -> None:
        canvas.setFont("Helvetica", 6)
        canvas.setFillColor(_MUTED)
        canvas.drawString(_MARGIN, 9 * mm, text)
        canvas.drawRightString(A4[0] - _MARGIN, 9 * mm, f"Page {document.page}")

    return draw
