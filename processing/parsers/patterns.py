"""What a line of text looks like: list item, caption, heading. Shared by all formats."""

import re
from typing import Final

LIST_MARK: Final = re.compile(
    r"(?:[•◦‣▪■●○∙·➢✓]\s*|[-–—*]\s+"  # noqa: RUF001
    r"|\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)]\s+)(?=\S)"
)
"""A bullet, or a number or letter with a full stop or bracket, before some text."""

CAPTION: Final = re.compile(
    r"(?:Fig(?:ure|\.)?|Table|Chart|Exhibit|Abb(?:ildung|\.)|Tab(?:elle|\.)|Tableau)\s+"
    r"[A-Z]?\d[\d.]*\b\s*[.:–—-]?\s"  # noqa: RUF001
)
"""The words that name a figure or a table."""

NUMBERED: Final = re.compile(
    r"(?:(?:chapter|part|book|section|article|appendix|annex|schedule)\s+[\dIVXLC]+\b"
    r"|\d{1,2}(?:\.\d{1,2})+\.?\s)",
    re.IGNORECASE,
)
"""A number as headings carry it: `Chapter IV`, `2.3.1 `."""

_MAX_HEADING: Final = 160
_MAX_BREAKS: Final = 2
_MIN_CAPITALS: Final = 4
_PAGE_REFERENCE: Final = re.compile(r"(?:[^\s\d]|\.\s|\s{3})\d[\d–-]*$")  # noqa: RUF001
_LETTER: Final = re.compile(r"[^\W\d_]")


def reads_as_heading(text: str) -> bool:
    """Tell whether text could be a heading: short, with a letter, not the end of a sentence."""
    text = text.strip()
    if not text or len(text) > _MAX_HEADING or text[-1] in ".;,":
        return False
    quoted = text[0] in "\"“'‘("  # noqa: RUF001
    return not quoted and text.count("\n") <= _MAX_BREAKS and bool(_LETTER.search(text))


def in_capitals(text: str) -> bool:
    """Tell whether text is written in capitals, and is no line of a table of contents."""
    letters = len(_LETTER.findall(text))
    return text.isupper() and letters >= _MIN_CAPITALS and not _PAGE_REFERENCE.search(text)


def one_line(text: str) -> str:
    """Return text with every run of white space as one space."""
    return " ".join(text.split())
