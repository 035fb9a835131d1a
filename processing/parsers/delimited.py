"""CSV: one table, each row written out with the names of its columns."""

import csv
import io
from collections.abc import Iterable
from typing import BinaryIO, Final

from intake.formats import CSV
from processing.canonical import ParsedDocument
from processing.parsers.assembly import CHUNKED, finish
from processing.parsers.draft import Draft
from processing.parsers.encodings import decode
from processing.parsers.errors import CorruptFileError
from processing.parsers.flow import Flow, has_header
from processing.ports import ParseContext

_DELIMITERS: Final = ",;\t|"
_SAMPLE_ROWS: Final = 50
_SAMPLE_CHARACTERS: Final = 100_000
_TITLE_LEVEL: Final = 1
Rows = list[list[str]]


class CsvParser:
    """Reads delimited text, whatever its delimiter and encoding."""

    name = "csv"
    version = f"1+{CHUNKED}"
    media_types = frozenset({CSV})

    def parse(self, source: BinaryIO, *, context: ParseContext) -> ParsedDocument:
        """Parse a CSV file; raises `CorruptFileError`."""
        rows = _rows(decode(source.read()))
        flow = Flow()
        title = _title(rows)
        if title:
            flow.heading(title, _TITLE_LEVEL)
            rows = rows[1:]
        flow.table(rows, header=has_header(_named(rows)))
        draft = Draft([flow.page()])
        return finish(draft, parser=self.name, version=self.version, context=context)


def _rows(text: str) -> Rows:
    """Return the rows that hold anything, read with the delimiter that fits best."""
    delimiter = max(_DELIMITERS, key=lambda candidate: _fit(text, candidate))
    try:
        rows = list(_reader(text, delimiter))
    except csv.Error as error:
        raise CorruptFileError("The CSV cannot be read: a field has no end.") from error
    return [row for row in rows if any(cell.strip() for cell in row)]


def _reader(text: str, delimiter: str) -> Iterable[list[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)


def _fit(text: str, delimiter: str) -> tuple[float, int]:
    """Return how well a delimiter fits: the share of rows of the commonest width, and that width.

    A delimiter that leaves most rows with one column fits worst.
    """
    lines = text[:_SAMPLE_CHARACTERS].split("\n", _SAMPLE_ROWS)[:_SAMPLE_ROWS]
    try:
        widths = [len(row) for row in _reader("\n".join(lines), delimiter) if row]
    except csv.Error:
        return 0.0, 0
    if not widths:
        return 0.0, 0
    width = max(sorted(set(widths)), key=widths.count)
    return (widths.count(width) / len(widths), width) if width > 1 else (0.0, 0)


def _title(rows: Rows) -> str:
    """Return the text of a first row that fills one cell only, where the rows below fill more."""
    if len(rows) < 2:
        return ""
    filled = [cell for cell in rows[0] if cell.strip()]
    wider = sum(1 for cell in rows[1] if cell.strip()) > 1
    return filled[0] if len(filled) == 1 and wider else ""


def _named(rows: Rows) -> Rows:
    """Return the rows without the empty cells that a trailing delimiter makes."""
    width = max((len(row) for row in rows), default=0)
    used = [
        column for column in range(width)
        if any(len(row) > column and row[column].strip() for row in rows)
    ]  # fmt: skip
    return [[row[column] for column in used if column < len(row)] for row in rows[:2]]
