"""Markdown, by CommonMark with tables: its text without its marks, its structure kept."""

import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from intake.formats import MARKDOWN
from processing.canonical import ElementType, Figure, ParsedDocument
from processing.parsers.assembly import CHUNKED, finish
from processing.parsers.draft import Draft
from processing.parsers.encodings import decode
from processing.parsers.flow import Flow
from processing.parsers.html import HtmlReader
from processing.ports import ParseContext

_FRONT_MATTER: Final = re.compile(r"\A---\n(.*?)\n(?:---|\.\.\.)\n", re.DOTALL)
_BREAKS: Final = frozenset({"softbreak", "hardbreak"})


class MarkdownParser:
    """Reads Markdown with markdown-it; HTML inside it is read as HTML."""

    name = "markdown"
    version = f"1+{CHUNKED}"
    media_types = frozenset({MARKDOWN})

    def parse(self, source: BinaryIO, *, context: ParseContext) -> ParsedDocument:
        """Parse a Markdown file; raises `CorruptFileError` when it is text in no encoding."""
        text = decode(source.read())
        reader = _Reader()
        front = _FRONT_MATTER.match(text)
        if front:
            reader.flow.block(ElementType.PARAGRAPH, front.group(1))
            text = text[front.end() :]
        reader.read(MarkdownIt("commonmark").enable("table").parse(text))
        reader.draft.pages.append(reader.flow.page())
        return finish(reader.draft, parser=self.name, version=self.version, context=context)


class _Reader:
    """Walks the tokens; `_mark` holds the bullet or number that the next paragraph takes."""

    def __init__(self) -> None:
        self.flow = Flow()
        self.draft = Draft([])
        self._mark = ""
        self._cells: list[list[str]] = []

    def read(self, tokens: Sequence[Token]) -> None:
        """Add every block of the document to the flow."""
        for number, token in enumerate(tokens):
            if token.type == "inline":
                self._inline(token, tokens[number - 1])
            elif token.type in ("fence", "code_block"):
                self._block(ElementType.PARAGRAPH, token.content)
            elif token.type == "html_block":
                HtmlReader(self.flow, self.draft).read(token.content, title=False)
            elif token.type == "list_item_open":
                self._mark = f"{token.info}{token.markup} " if token.info else "• "
            else:
                self._table_part(token)

    def _inline(self, token: Token, opened: Token) -> None:
        text = "".join(self._texts(token.children or []))
        if opened.type == "heading_open":
            self.flow.heading(text, int(opened.tag[1:]))
        elif opened.type in ("th_open", "td_open"):
            self._cells[-1].append(text)
        else:
            self._block(ElementType.PARAGRAPH, text)

    def _block(self, kind: ElementType, text: str) -> None:
        if self._mark:
            kind, text, self._mark = ElementType.LIST_ITEM, self._mark + text, ""
        self.flow.block(kind, text)

    def _table_part(self, token: Token) -> None:
        if token.type == "table_open":
            self._cells = []
        elif token.type == "tr_open":
            self._cells.append([])
        elif token.type == "table_close":
            self.flow.table(self._cells, header=True)

    def _texts(self, children: Sequence[Token]) -> Iterator[str]:
        for child in children:
            if child.type in _BREAKS:
                yield "\n"
            elif child.type == "image":
                self.draft.figures.append(Figure(page=None, caption=child.content))
                yield child.content
            elif child.type != "html_inline":
                yield child.content
