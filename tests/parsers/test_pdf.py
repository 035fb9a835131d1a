"""PDF: text, structure and above all places, checked against where the text was drawn."""

import io
from collections.abc import Callable

import pytest
from reportlab.lib.pagesizes import LETTER
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from processing.canonical import BoundingBox, ElementType
from processing.errors import ParseError
from processing.parsers.errors import CorruptFileError, EncryptedFileError
from tests.parsers.conftest import Parse
from tests.parsers.invariants import check, check_boxes, inside
from tests.samples import hostile

HEIGHT = LETTER[1]
SQUARE = (720.0, 720.0)
SENTENCE = "The pump stands in hall three"
CROP = (50.0, 100.0, 550.0, 700.0)


def pdf(*draw: Callable[[Canvas], None], pagesize: tuple[float, float] = LETTER) -> bytes:
    """Return a PDF with one page for each drawing function."""
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=pagesize, invariant=1)
    for page in draw:
        page(canvas)
        canvas.showPage()
    canvas.save()
    return target.getvalue()


def lines(*texts: str, x: float = 72, y: float = 700, size: float = 11, bold: bool = False,
          leading: float = 1.3) -> Callable[[Canvas], None]:  # fmt: skip
    """Return a function that draws lines under each other."""

    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica-Bold" if bold else "Helvetica", size)
        for number, text in enumerate(texts):
            canvas.drawString(x, y - number * size * leading, text)

    return draw


def together(*parts: Callable[[Canvas], None]) -> Callable[[Canvas], None]:
    """Return a function that draws everything on one page."""

    def draw(canvas: Canvas) -> None:
        for part in parts:
            part(canvas)

    return draw


def displayed(rotation: int, *, cropped: bool) -> BoundingBox:
    """Return by hand where SENTENCE at (100, 500), 12 points, is seen on a rotated page."""
    left, bottom, right, top = CROP if cropped else (0.0, 0.0, *SQUARE)
    x0, y0 = 100.0, 500.0
    x1, y1 = x0 + stringWidth(SENTENCE, "Helvetica", 12), y0 + 9
    return {
        0: BoundingBox(x0 - left, top - y1, x1 - left, top - y0),
        90: BoundingBox(y0 - bottom, x0 - left, y1 - bottom, x1 - left),
        180: BoundingBox(right - x1, y0 - bottom, right - x0, y1 - bottom),
        270: BoundingBox(top - y1, right - x1, top - y0, right - x0),
    }[rotation]


@pytest.mark.parametrize("cropped", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_box_is_where_the_text_is_seen(rotation: int, cropped: bool, parse: Parse) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setPageRotation(rotation)
        if cropped:
            canvas.setCropBox(CROP)
        lines(SENTENCE, x=100, y=500, size=12)(canvas)

    # A square page, since the library turns the sides of a rotated one.
    document = parse("page.pdf", pdf(draw, pagesize=SQUARE))
    box, expected = document.chunks[0].bbox, displayed(rotation, cropped=cropped)
    assert box is not None
    # The descender of "p" reaches under the baseline, the left edge of "T" stands off a little.
    assert inside(box, expected, 3)
    assert inside(expected, box, 3)
    across = rotation % 180 == 90
    size = (CROP[2] - CROP[0], CROP[3] - CROP[1]) if cropped else SQUARE
    page = document.pages[0]
    assert (page.width, page.height) == (size[::-1] if across else tuple(size))
    check_boxes(document)


def test_lines_of_a_paragraph_stay_together_and_headings_are_found(parse: Parse) -> None:
    body = ("Deliveries come on Tuesday before", "ten in the morning at the dock.",
            "The dock is behind the main hall.")  # fmt: skip
    draw = together(
        lines("Delivery of castings", y=720, size=18, bold=True),
        lines(*body, y=690),
        lines("Exceptions", y=630, bold=True),
        lines("None are known at present.", y=610),
    )
    document = parse("page.pdf", pdf(draw))
    kinds = [(element.element_type, element.level) for element in document.reading_order]
    assert kinds == [
        (ElementType.HEADING, 1),
        (ElementType.PARAGRAPH, None),
        (ElementType.HEADING, 2),
        (ElementType.PARAGRAPH, None),
    ]
    assert [section.title for section in document.sections] == [
        "Delivery of castings",
        "Exceptions",
    ]
    assert document.pages[0].text.startswith("Delivery of castings\nDeliveries come on Tuesday")
    assert document.chunks[-1].section_path[0] == "Delivery of castings"


def test_list_items_stand_alone(parse: Parse) -> None:
    draw = together(
        lines("The following is checked at each visit of the technician in the hall.", y=720),
        lines("• the oil level", "• the coupling", "3. the noise of the bearings", y=690),
    )
    kinds = [element.element_type for element in parse("a.pdf", pdf(draw)).reading_order]
    assert kinds == [ElementType.PARAGRAPH, *[ElementType.LIST_ITEM] * 3]


def test_a_table_is_found_by_its_columns(parse: Parse) -> None:
    rows = (("Part", "Price", "Stock"), ("Casing", "$184.00", "40"), ("Wear ring", "$9.50", "612"))

    def draw(canvas: Canvas) -> None:
        lines("Prices are fixed until the end of the year and follow this table.", y=720)(canvas)
        for number, row in enumerate(rows):
            for column, text in enumerate(row):
                canvas.drawString(72 + 120 * column, 690 - 18 * number, text)

    (table,) = parse("a.pdf", pdf(draw)).tables
    assert table.cells == rows
    assert table.bbox is not None
    assert table.bbox.y0 == pytest.approx(HEIGHT - 690 - 9, abs=4)


def test_words_of_justified_text_are_no_table(parse: Parse) -> None:
    def draw(canvas: Canvas) -> None:
        for row, words in enumerate(("one two three four", "fives six sevens eight",
                                     "nine ten eleven twelve", "more and more words")):  # fmt: skip
            x = 72.0 + row * 3
            for word in words.split():
                canvas.drawString(x, 700 - 14 * row, word)
                x += stringWidth(word, "Helvetica", 12) + 11.5

    assert parse("a.pdf", pdf(draw)).tables == ()


def test_running_heads_and_page_numbers_are_left_out_and_said_to_be(parse: Parse) -> None:
    def page(number: int) -> Callable[[Canvas], None]:
        return together(
            lines("Handbook of Pumps", y=760, size=8),
            lines(f"This is what page {number} has to tell its patient reader today.", y=600),
            lines(f"Page {number} of 4", y=30, size=8),
        )

    document = parse("a.pdf", pdf(*map(page, range(1, 5))))
    assert [chunk.page for chunk in document.chunks] == [1, 2, 3, 4]
    assert not any("Handbook" in chunk.text or "of 4" in chunk.text for chunk in document.chunks)
    assert all("Handbook of Pumps" in page.text for page in document.pages)
    assert [item.element for item in document.dropped] == ["running heads and page numbers"]


def test_a_word_broken_at_a_line_end_is_whole_for_the_model(parse: Parse) -> None:
    draw = lines(
        "Every casting is tested for its tensile stre-", "ngth before it leaves the foundry."
    )
    document = parse("a.pdf", pdf(draw))
    assert "stre-\nngth" in document.pages[0].text
    check(document)
    check_boxes(document)


def test_a_page_without_text_is_dropped_with_the_way_out(parse: Parse) -> None:
    def empty(canvas: Canvas) -> None:
        canvas.rect(100, 100, 200, 200, fill=1)

    document = parse("scan.pdf", pdf(lines(SENTENCE), empty))
    (dropped,) = document.dropped
    assert (dropped.page, dropped.element) == (2, "page")
    assert "text layer" in dropped.reason
    assert dropped.remediation
    assert document.quality == 0.5


def test_form_fields_are_said_to_be_unread(parse: Parse) -> None:
    def form(canvas: Canvas) -> None:
        lines(SENTENCE)(canvas)
        canvas.acroForm.textfield(name="name", value="Jane", x=100, y=300)

    document = parse("form.pdf", pdf(form))
    assert "form fields" in [item.element for item in document.dropped]
    assert "Jane" not in document.pages[0].text


@pytest.mark.parametrize(
    ("data", "error", "code"),
    [
        (hostile.password_pdf(), EncryptedFileError, "ENCRYPTED_FILE"),
        (hostile.broken_pdf(), CorruptFileError, "CORRUPT_FILE"),
        (hostile.zip_archive(), CorruptFileError, "CORRUPT_FILE"),
    ],
)
def test_what_cannot_be_read_is_refused_with_help(
    data: bytes, error: type[ParseError], code: str, parse: Parse
) -> None:
    with pytest.raises(error) as caught:
        parse("a.pdf", data)
    assert caught.value.code == code
    assert caught.value.remediation
    assert not caught.value.retryable
