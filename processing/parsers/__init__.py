"""One table from media type to parser, and the one way in.

To add a format: write a module with a class that satisfies `processing.ports.Parser`, give it a
line in `PARSERS`, and let `manage.py check` say whether it fits.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, BinaryIO, Final

from django.core.checks import CheckMessage, Error

from intake.formats import CSV, DOCX, HTML, MARKDOWN, PDF, TEXT
from processing.canonical import ParsedDocument
from processing.parsers.errors import EmptyFileError, UnsupportedMediaTypeError
from processing.ports import ParseContext, Parser

PARSERS: Final = (
    (PDF, "processing.parsers.pdf.PdfParser"),
    (DOCX, "processing.parsers.docx.DocxParser"),
    (TEXT, "processing.parsers.text.TextParser"),
    (MARKDOWN, "processing.parsers.markdown.MarkdownParser"),
    (CSV, "processing.parsers.delimited.CsvParser"),
    (HTML, "processing.parsers.html.HtmlParser"),
)
"""Media type and dotted path of its parser, imported on first use."""


def parser_for(media_type: str) -> Parser:
    """Return the parser of a media type; raises `UnsupportedMediaTypeError`."""
    for known, path in PARSERS:
        if known == media_type:
            return _load(path)
    raise UnsupportedMediaTypeError(media_type)


def parse_document(source: BinaryIO, *, context: ParseContext) -> ParsedDocument:
    """Parse a file from its start into the canonical document; raises `ParseError`."""
    parser = parser_for(context.media_type)
    if not source.read(1):
        raise EmptyFileError
    source.seek(0)
    with _without_collection():
        return parser.parse(source, context=context)


@contextmanager
def _without_collection() -> Iterator[None]:
    """Pause the search for reference cycles.

    A document is some hundred thousand small objects and no cycles; looking through all of them
    again and again takes a fifth of the time.
    """
    paused = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if paused:
            gc.enable()


def check_parsers(**_options: Any) -> list[CheckMessage]:
    """Report parsers that do not import or do not fit, and media types claimed twice."""
    errors: list[CheckMessage] = []
    claimed = [media_type for media_type, _ in PARSERS]
    errors.extend(
        Error(f"Two parsers claim {media_type}.", id="processing.E010")
        for media_type in sorted({name for name in claimed if claimed.count(name) > 1})
    )
    for media_type, path in PARSERS:
        errors.extend(_check(media_type, path))
    return errors


def _check(media_type: str, path: str) -> list[CheckMessage]:
    try:
        parser = _load(path)
    except (ImportError, AttributeError) as error:
        return [Error(f"{path} does not import: {error}", id="processing.E011")]
    fits = (
        isinstance(getattr(parser, "name", None), str)
        and isinstance(getattr(parser, "version", None), str)
        and callable(getattr(parser, "parse", None))
    )
    if not fits or media_type not in getattr(parser, "media_types", ()):
        return [Error(f"{path} is no parser of {media_type}.", id="processing.E012")]
    return []


def _load(path: str) -> Parser:
    module, _, name = path.rpartition(".")
    parser: Parser = getattr(import_module(module), name)()
    return parser
