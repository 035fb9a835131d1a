"""The text of one Word paragraph, and what hangs on it: notes, text boxes, pictures."""

from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from processing.parsers.docx_styles import W, is_on
from processing.parsers.patterns import one_line

_RUN: Final = f"{W}r"
_TEXT: Final = frozenset({f"{W}t", "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"})
_SIGNS: Final = {f"{W}tab": " ", f"{W}br": "\n", f"{W}cr": "\n", f"{W}noBreakHyphen": "-"}
_NOTES: Final = {f"{W}footnoteReference": "footnotes", f"{W}endnoteReference": "endnotes"}
_FALLBACK: Final = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_SKIPPED: Final = frozenset(
    {f"{W}pPr", f"{W}rPr", f"{W}del", f"{W}moveFrom", f"{W}instrText", _FALLBACK}
)
_DRAWN: Final = frozenset({f"{W}drawing", f"{W}pict", f"{W}object"})
_BOX: Final = f"{W}txbxContent"
_PROPERTIES: Final = "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}docPr"
_PICTURE: Final = frozenset(
    {
        "{http://schemas.openxmlformats.org/drawingml/2006/main}blip",
        "{urn:schemas-microsoft-com:vml}imagedata",
    }
)


@dataclass(slots=True)
class ParagraphText:
    """A paragraph's text; `notes` are pairs of kind and id, `boxes` text boxes anchored in it."""

    parts: list[str] = field(default_factory=list)
    bold: bool = True
    notes: list[tuple[str, str]] = field(default_factory=list)
    boxes: list[etree._Element] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    hidden: int = 0

    @property
    def text(self) -> str:
        return "".join(self.parts).strip()


def read_paragraph(paragraph: etree._Element) -> ParagraphText:
    """Read a `w:p` as it stands after all tracked changes are accepted."""
    result = ParagraphText()
    _walk(paragraph, result)
    return result


def _walk(element: etree._Element, result: ParagraphText) -> None:
    for child in element:
        tag = child.tag
        if tag == _RUN:
            _run(child, result)
        elif tag in _TEXT:
            result.parts.append(child.text or "")
        elif tag in _DRAWN:
            _drawn(child, result)
        elif tag in _SIGNS:
            result.parts.append(_SIGNS[tag])
        elif tag in _NOTES:
            result.notes.append((_NOTES[tag], child.get(f"{W}id", "")))
        elif isinstance(tag, str) and tag not in _SKIPPED:
            _walk(child, result)


def _run(run: etree._Element, result: ParagraphText) -> None:
    properties = run.find(f"{W}rPr")
    if properties is not None and is_on(properties.find(f"{W}vanish")):
        result.hidden += 1
        return
    before = len(result.parts)
    _walk(run, result)
    if any(part.strip() for part in result.parts[before:]):
        bold = properties is not None and is_on(properties.find(f"{W}b"))
        result.bold = result.bold and bold


def _drawn(drawing: etree._Element, result: ParagraphText) -> None:
    """Note a picture by its description, or the text boxes in a drawing."""
    boxes = [box for box in drawing.iter(_BOX) if next(box.iterancestors(_FALLBACK), None) is None]
    result.boxes.extend(boxes)
    if any(element.tag in _PICTURE for element in drawing.iter()):
        described = next(drawing.iter(_PROPERTIES), None)
        caption = "" if described is None else described.get("descr", "")
        result.pictures.append(one_line(caption))
