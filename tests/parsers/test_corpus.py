"""Real files that nobody on this project wrote: promises kept, places right, all text there."""

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pypdfium2
import pytest

from processing.canonical import BoundingBox, ParsedDocument
from processing.errors import ParseError
from processing.parsers.pdfium import frame_of
from tests.parsers.conftest import Parse, parse_bytes
from tests.parsers.invariants import check, check_boxes, real_tokens
from tests.samples.make import MEDIA_TYPES

REFUSED = {
    "empty.txt": "EMPTY_FILE",
    "libreoffice-writer-password.pdf": "ENCRYPTED_FILE",
    "password.pdf": "ENCRYPTED_FILE",
}
SCANNED = {"loremipsum-flat.pdf", "ocr_test.pdf", "ocr_test_rotated_90.pdf", "single_table.pdf"}
CHECKED_CHUNKS = 20
CHECKED_PAGES = 10


@pytest.fixture(scope="module")
def files(corpus: Path) -> list[Path]:
    """All files of formats that are read, the largest too."""
    return sorted(path for path in (corpus / "documents").iterdir() if path.suffix in MEDIA_TYPES)


@pytest.fixture(scope="module")
def documents(files: list[Path]) -> dict[Path, ParsedDocument]:
    """Every file that can be read, parsed once."""
    return {
        path: parse_bytes(path.name, path.read_bytes())
        for path in files
        if path.name not in REFUSED
    }


def digital(documents: dict[Path, ParsedDocument]) -> Iterator[tuple[Path, ParsedDocument]]:
    return ((path, found) for path, found in documents.items() if path.suffix == ".pdf")


def test_every_file_keeps_the_promises_of_the_canonical_document(
    documents: dict[Path, ParsedDocument],
) -> None:
    assert len(documents) > 30
    for path, document in documents.items():
        check(document)
        assert bool(document.chunks) != (path.name in SCANNED), path.name
        if path.suffix == ".pdf":
            check_boxes(document)


def test_refusals_have_their_own_codes(files: list[Path], parse: Parse) -> None:
    for path in files:
        if path.name in REFUSED:
            with pytest.raises(ParseError) as caught:
                parse(path.name, path.read_bytes())
            assert caught.value.code == REFUSED[path.name]


def test_parsing_again_gives_the_same_document(
    documents: dict[Path, ParsedDocument], parse: Parse
) -> None:
    for path, document in documents.items():
        assert parse(path.name, path.read_bytes()) == document


def test_passages_hold_every_word_of_the_text(documents: dict[Path, ParsedDocument]) -> None:
    for path, document in documents.items():
        if path.suffix == ".pdf":
            continue
        (page,) = document.pages
        inside = bytearray(len(page.text))
        for chunk in document.chunks:
            inside[chunk.start_char : chunk.end_char] = b"\1" * len(chunk.text)
        left_out = "".join(c for c, held in zip(page.text, inside, strict=True) if not held)
        assert not re.search(r"\w", left_out), path.name


def test_tokens_are_counted_as_the_model_counts(documents: dict[Path, ParsedDocument]) -> None:
    for path, document in documents.items():
        for chunk in islice(document.chunks, CHECKED_CHUNKS):
            # Leaders and broken words count as they are embedded, overlaps count twice.
            assert chunk.tokens <= real_tokens(chunk.text) + 45, path.name


def words(text: str) -> set[str]:
    return set(re.findall(r"\w{4,}", text))


def letters(text: str) -> str:
    """Return text without spaces, marks and line ends."""
    return "".join(re.findall(r"\w", text))


def seen_in(page: pypdfium2.PdfPage, box: BoundingBox) -> str:
    """Return the text that PDFium finds inside a box, asked by place and not by offset."""
    frame = frame_of(page)
    corners = [unrotated(frame.rotation, page.get_size(), x, y)
               for x, y in ((box.x0 - 1, box.y0 - 1), (box.x1 + 1, box.y1 + 1))]  # fmt: skip
    (xa, ya), (xb, yb) = corners
    return str(
        page.get_textpage().get_text_bounded(
            frame.left + min(xa, xb), frame.bottom + min(ya, yb),
            frame.left + max(xa, xb), frame.bottom + max(ya, yb),
        )
    )  # fmt: skip


def unrotated(rotation: int, size: tuple[float, float], x: float, y: float) -> tuple[float, float]:
    """Turn a point of the displayed page, from its top left, back to the page before rotation."""
    width, height = size
    return {
        0: (x, height - y),
        90: (y, x),
        180: (width - x, y),
        270: (height - y, width - x),
    }[rotation]


def test_the_box_of_a_passage_holds_its_words(documents: dict[Path, ParsedDocument]) -> None:
    for path, document in digital(documents):
        pdf = pypdfium2.PdfDocument(path.read_bytes())
        for chunk in islice(document.chunks, CHECKED_CHUNKS):
            assert chunk.bbox is not None
            found = seen_in(pdf[(chunk.page or 1) - 1], chunk.bbox)
            missing = words(chunk.text) - words(found.replace("\ufffe", "-\n"))
            assert len(missing) <= 0.05 * len(words(chunk.text)) + 1, (path.name, missing)


def test_every_page_of_a_digital_pdf_is_read_whole(documents: dict[Path, ParsedDocument]) -> None:
    for path, document in digital(documents):
        pdf = pypdfium2.PdfDocument(path.read_bytes())
        for number, page in enumerate(islice(document.pages, CHECKED_PAGES)):
            expected = pdf[number].get_textpage().get_text_range()
            assert letters(expected) == letters(page.text), path.name


def test_turned_pages_read_alike(corpus: Path, parse: Parse) -> None:
    path = corpus / "documents" / "habibi-rotated.pdf"
    document = parse(path.name, path.read_bytes())
    assert len(document.pages) == 4
    assert len({"".join(sorted(letters(page.text))) for page in document.pages}) == 1
    sizes = [(page.width, page.height) for page in document.pages]
    assert sizes[0] == sizes[2] == sizes[1][::-1] == sizes[3][::-1]


def test_long_documents_have_their_structure(documents: dict[Path, ParsedDocument]) -> None:
    by_name = {path.name: document for path, document in documents.items()}
    legends = by_name["DA-619p.pdf"]
    assert legends.stats.pages == 619
    horror = next(chunk for chunk in legends.chunks if chunk.text.startswith("Arcane Horror"))
    assert (horror.page, horror.section_path) == (6, ("MAIN GAME", "CREATURES", "Arcane Horror"))
    assert by_name["handbook-872p.docx"].stats.sections > 300
    novel = by_name["book-war-and-peace-1225p.txt"]
    assert novel.stats.sections > 360
    assert novel.sections[0].title == "CHAPTER I"
