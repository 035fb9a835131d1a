"""Letters for PDF: which font draws which piece of a text, since no font has all letters.

Noto Sans draws Latin, Greek and Cyrillic, Noto Kufi Arabic draws Arabic; both are embedded, only
the letters in use. Chinese, Japanese and Korean use the fonts that PDF readers bring along (PDF
32000-1, 9.7.5.2), which keeps tens of megabytes out of the installation. A letter that none of
them has is drawn as a question mark.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import as_file, files
from itertools import groupby
from typing import Final

import arabic_reshaper
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont

TEXT: Final = "NotoSans"
ARABIC: Final = "NotoKufiArabic"
KOREAN: Final = "HYSMyeongJo-Medium"
JAPANESE: Final = "HeiseiKakuGo-W5"
CHINESE: Final = "STSong-Light"
_FILES: Final = {
    TEXT: ("fontpkg_noto_sans", "NotoSans[wdth,wght].ttf"),
    ARABIC: ("fontpkg_noto_kufi_arabic", "NotoKufiArabic[wght].ttf"),
}
_BLOCKS: Final = (
    (0x1100, 0x11FF, KOREAN), (0x3130, 0x318F, KOREAN), (0xAC00, 0xD7AF, KOREAN),
    (0x3040, 0x30FF, JAPANESE), (0x31F0, 0x31FF, JAPANESE),
    (0x3000, 0x303F, CHINESE), (0x3400, 0x9FFF, CHINESE), (0xF900, 0xFAFF, CHINESE),
    (0xFF00, 0xFFEF, CHINESE),
)  # fmt: skip
"""Unicode blocks and their fonts; others but Arabic are drawn by `TEXT`."""
_LETTER: Final = "[\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufefe]"
_ARABIC_RUN: Final = re.compile(rf"{_LETTER}(?:[\W_]*{_LETTER})*")
"""Arabic letters, with the spaces and signs between them, which turn with them."""
_NUMBER: Final = re.compile(r"\d+")
"""Numbers run from left to right in Arabic as well."""


@lru_cache(maxsize=1)
def register_fonts() -> None:
    """Make the fonts known to reportlab, once a process."""
    for name, (package, filename) in _FILES.items():
        with as_file(files(package) / "files" / filename) as path:
            pdfmetrics.registerFont(TTFont(name, str(path)))
    for name in (KOREAN, JAPANESE, CHINESE):
        pdfmetrics.registerFont(UnicodeCIDFont(name))


def runs_of(text: str) -> Iterator[tuple[str, str]]:
    """Yield (font, piece) from left to right: Arabic joined and turned into the order of the eye.

    The line as a whole runs from left to right, as a list of file names does.
    """
    shaped = _joined(text)
    at = 0
    for found in _ARABIC_RUN.finditer(shaped):
        yield from _plain_runs(shaped[at : found.start()])
        yield ARABIC, _drawable(ARABIC, _NUMBER.sub(_reversed, found[0][::-1]))
        at = found.end()
    yield from _plain_runs(shaped[at:])


def _plain_runs(text: str) -> Iterator[tuple[str, str]]:
    for font, letters in groupby(text, key=_font_of):
        yield font, _drawable(font, "".join(letters))


def _joined(text: str) -> str:
    """Return the text with Arabic letters in the forms that they have side by side."""
    printable = "".join(c if c.isprintable() else " " for c in text)
    shaped: str = arabic_reshaper.reshape(printable)
    return shaped


def _font_of(letter: str) -> str:
    code = ord(letter)
    return next((font for first, last, font in _BLOCKS if first <= code <= last), TEXT)


def _reversed(found: re.Match[str]) -> str:
    return found[0][::-1]


def _drawable(font: str, piece: str) -> str:
    if font not in _FILES:
        return piece
    register_fonts()
    known = pdfmetrics.getFont(font).face.charToGlyph
    return "".join(letter if ord(letter) in known else "?" for letter in piece)
