"""HTML: what a reader of the page sees, without scripts, styles and hidden elements."""

import re
from collections import Counter
from typing import BinaryIO, Final

from lxml import etree
from lxml.html import HtmlElement, HTMLParser

from intake.formats import HTML
from processing.canonical import ElementType, Figure, ParsedDocument
from processing.parsers.assembly import CHUNKED, finish
from processing.parsers.draft import Draft
from processing.parsers.encodings import decode
from processing.parsers.errors import CorruptFileError
from processing.parsers.flow import Flow, has_header
from processing.parsers.html_tables import BLOCKS, cells_of, is_data_table, text_of
from processing.parsers.patterns import one_line
from processing.ports import ParseContext

_DECLARED: Final = re.compile(
    rb"<meta[^>]+charset\s*=\s*[\"']?\s*([\w-]+)|<\?xml[^>]+encoding\s*=\s*[\"']([\w-]+)",
    re.IGNORECASE,
)
_INVISIBLE: Final = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_SKIPPED: Final = {
    "script": "script", "style": "style", "template": "template", "noscript": "noscript",
    "svg": "drawing", "math": "formula", "object": "embedded object", "iframe": "embedded page",
    "ix:header": "hidden element", "ix:hidden": "hidden element",
}  # fmt: skip
_SPACE: Final = re.compile(r"\s+")
_AROUND_BREAK: Final = re.compile(r"[^\S\n]*\n[^\S\n]*")
_HEADINGS: Final = {f"h{level}": level for level in range(1, 7)}
_KINDS: Final = {
    "li": ElementType.LIST_ITEM,
    "caption": ElementType.CAPTION,
    "figcaption": ElementType.CAPTION,
}
_UNREAD: Final = "Nothing to do, unless text of the document is in it."


class HtmlParser:
    """Reads HTML with lxml, in the encoding that it declares or seems to have."""

    name = "html"
    version = f"1+{CHUNKED}"
    media_types = frozenset({HTML})

    def parse(self, source: BinaryIO, *, context: ParseContext) -> ParsedDocument:
        """Parse an HTML file; raises `CorruptFileError`."""
        data = source.read()
        reader = HtmlReader(Flow(), Draft([]))
        reader.read(decode(data, declared=_declared(data)))
        reader.draft.pages.append(reader.flow.page())
        return finish(reader.draft, parser=self.name, version=self.version, context=context)


def _declared(data: bytes) -> str | None:
    match = _DECLARED.search(data[:4096])
    return (match.group(1) or match.group(2)).decode("ascii") if match else None


class HtmlReader:
    """Walks the elements and adds what is visible to a flow, the rest to the dropped items."""

    def __init__(self, flow: Flow, draft: Draft) -> None:
        self.flow = flow
        self.draft = draft
        self._text: list[str] = []
        self._mark = ""
        self._kind = ElementType.PARAGRAPH
        self._level = 0
        self._numbers: list[int | None] = []
        self._preformatted = 0

    def read(self, html: str, *, title: bool = True) -> None:
        """Read a document or a piece of one; `title` puts its title before its text."""
        root = _tree(html)
        if root is None:
            return
        self._remove_unseen(root)
        if title:
            self._title(root)
        self._walk(root)

    def _title(self, root: HtmlElement) -> None:
        title, first = (
            "" if (element := root.find(path)) is None else text_of(element)
            for path in (".//title", ".//h1")
        )
        if title != first:
            self.flow.heading(title, 1)

    def _remove_unseen(self, root: HtmlElement) -> None:
        """Take out what a reader of the page would not see, and note how much of it there was."""
        unseen = [(element, name) for element in root.iter() if (name := _unseen(element))]
        for element, _ in unseen:
            if element.getparent() is not None:
                element.drop_tree()
        for name, count in sorted(Counter(name for _, name in unseen).items()):
            self.draft.drop(None, name, f"Not shown as text; {count} in the file.", _UNREAD)

    def _walk(self, root: HtmlElement) -> None:
        walk = etree.iterwalk(root, events=("start", "end"))
        taken: etree._Element | None = None
        for event, element in walk:
            tag = str(element.tag)
            if event == "end":
                if element is not taken:
                    self._close(tag)
                self._add(element.tail)
            elif tag == "head" or self._takes_table(element):
                taken = element
                walk.skip_subtree()
            else:
                self._open(element, tag)
        self._flush()

    def _open(self, element: etree._Element, tag: str) -> None:
        if tag == "br":
            self._text.append("\n")
        elif tag == "img":
            self.draft.figures.append(Figure(page=None, caption=one_line(element.get("alt", ""))))
        elif tag in BLOCKS:
            self._flush()
        self._preformatted += tag == "pre"
        self._level = _HEADINGS.get(tag, self._level)
        self._kind = _KINDS.get(tag, self._kind)
        if tag in ("ol", "ul"):
            self._numbers.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._mark = self._next_mark()
        self._add(element.text)

    def _close(self, tag: str) -> None:
        if tag in BLOCKS:
            self._flush()
        self._preformatted -= tag == "pre"
        if tag in _HEADINGS:
            self._level = 0
        elif tag in _KINDS:
            self._kind, self._mark = ElementType.PARAGRAPH, ""
        elif tag in ("ol", "ul") and self._numbers:
            self._numbers.pop()

    def _next_mark(self) -> str:
        number = self._numbers[-1] if self._numbers else None
        if number is None:
            return "• "
        self._numbers[-1] = number + 1
        return f"{number + 1}. "

    def _add(self, text: str | None) -> None:
        if text:
            self._text.append(text if self._preformatted else _SPACE.sub(" ", text))

    def _flush(self) -> None:
        """Add the text since the last block border as one block."""
        text = "".join(self._text)
        self._text.clear()
        text = (text if self._preformatted else _AROUND_BREAK.sub("\n", text)).strip()
        if not text:
            return
        if self._level:
            self.flow.heading(text, self._level)
        else:
            self.flow.block(self._kind, self._mark + text)
            self._kind, self._mark = ElementType.PARAGRAPH, ""

    def _takes_table(self, element: etree._Element) -> bool:
        """Add a table of data; a table that only arranges the page is read as blocks."""
        if element.tag != "table" or not is_data_table(element):
            return False
        self._flush()
        for caption in element.iterchildren("caption"):
            self.flow.block(ElementType.CAPTION, text_of(caption))
        cells, header = cells_of(element)
        self.flow.table(cells, header=header or has_header(cells))
        return True


def _unseen(element: etree._Element) -> str | None:
    """Return what kind of unseen thing an element is, None for one that is seen."""
    if element.tag in (etree.Comment, etree.ProcessingInstruction, etree.Entity):
        return "comment"
    name = _SKIPPED.get(element.tag)
    if name is None and ("hidden" in element.attrib or _INVISIBLE.search(element.get("style", ""))):
        return "hidden element"
    return name


def _tree(html: str) -> HtmlElement | None:
    """Parse HTML without network or giant trees; None when there is nothing in it."""
    parser = HTMLParser(encoding="utf-8", no_network=True, huge_tree=False)
    try:
        return etree.fromstring(html.encode("utf-8", "replace"), parser)
    except (etree.LxmlError, ValueError) as error:
        raise CorruptFileError("The HTML cannot be read.") from error
