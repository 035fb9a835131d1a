"""What is ingested: a real document where there is one, else one made here of the same size."""

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from frostbyte.settings.env import PROJECT_DIR

CORPUS_FILE: Final = Path("documents") / "DA-619p.pdf"
PAGES: Final = 619
LINES_A_PAGE: Final = 40
WORDS_A_LINE: Final = 12
_SEED: Final = 619
_SYLLABLES: Final = ("ba", "con", "der", "el", "fi", "gra", "hol", "in", "ka", "lo", "mer", "nu",
                     "o", "per", "qui", "ras", "sta", "ter", "u", "ver")  # fmt: skip
_PERSONAL: Final = (
    "Contact Mary Jones at mary.jones@example.com or (555) 010-{0:04d}.",
    "Patient ID {0:07d}, date of birth 05/06/19{1:02d}, seen by Robert Miller in Boston.",
    "SSN 219-09-{0:04d} was checked on arrival.",
)


def corpus_document() -> Path | None:
    """Return the long document of the corpus, or None where there is no corpus."""
    named = os.environ.get("FROSTBYTE_CORPUS")
    folder = Path(named) if named else PROJECT_DIR.parent / "shared" / "corpus"
    path = folder / CORPUS_FILE
    return path if path.is_file() else None


def made_document(path: Path, *, pages: int = PAGES) -> Path:
    """Write a PDF of as many pages and about as much text, the same bytes each time.

    Raises `ImportError` where reportlab (requirements/dev.txt) is missing.
    """
    from reportlab.pdfgen.canvas import Canvas

    chance = random.Random(_SEED)  # noqa: S311 - the same text each time, not a secret
    vocabulary = sorted({_word(chance) for _ in range(3000)})
    canvas: Any = Canvas(str(path), invariant=1, pageCompression=1)
    for number in range(1, pages + 1):
        text = canvas.beginText(56, 780)
        text.setFont("Helvetica-Bold", 14)
        text.textLine(f"Section {number}: {' '.join(chance.choices(vocabulary, k=4)).title()}")
        text.setFont("Helvetica", 10)
        for line in _lines(chance, vocabulary, number):
            text.textLine(line)
        canvas.drawText(text)
        canvas.showPage()
    canvas.save()
    return path


def _word(chance: random.Random) -> str:
    return "".join(chance.choices(_SYLLABLES, k=chance.randint(1, 3)))


def _lines(chance: random.Random, vocabulary: list[str], page: int) -> Iterator[str]:
    for number in range(LINES_A_PAGE):
        if number % 15 == 14:
            frame = chance.choice(_PERSONAL)
            yield frame.format(chance.randint(1, 9999), page % 80 + 10)
        words = chance.choices(vocabulary, k=WORDS_A_LINE)
        yield " ".join(words).capitalize() + ("." if number % 4 == 3 else "")
