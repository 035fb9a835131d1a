"""Page images: what is marked, what is covered, and that nothing covered shines through."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from frostbyte.kernel.errors import NotFoundError
from processing.parsers.errors import CorruptFileError, EncryptedFileError
from processing.rendering import NoPageImageError, render_page
from tests.parsers.conftest import Parse
from tests.samples import hostile

WORDS = "Call Jane Jyg on 555-0142 today"
SECRET = "555-0142"
Pixels = NDArray[np.int16]


def make(prepare: Callable[[Canvas], None] = lambda _: None, text: str = WORDS) -> bytes:
    """Return a square page with one line of text."""
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=(400, 400), invariant=1)
    prepare(canvas)
    canvas.setFont("Helvetica", 14)
    canvas.drawString(100, 200, text)
    canvas.showPage()
    canvas.save()
    return target.getvalue()


def pixels(png: bytes) -> Pixels:
    """Return an image as an array of height, width and colour."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(np.int16)


def ink(image: Pixels) -> NDArray[np.bool_]:
    """Return which pixels are dark; the marker changes nothing in their red."""
    return np.less(image[:, :, 0], 30)


def black(image: Pixels) -> NDArray[np.bool_]:
    """Return which pixels have no light at all: the covers, and the inmost of letters."""
    return np.asarray(image.max(axis=2) == 0, dtype=np.bool_)


def yellow(image: Pixels) -> NDArray[np.bool_]:
    """Return which pixels carry the marker: red and green, little blue."""
    return (image[:, :, 0] > 200) & (image[:, :, 2] < 200)


def extent(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom of what is set."""
    rows, columns = np.where(mask)
    return columns.min(), rows.min(), columns.max(), rows.max()


def rotated(degrees: int) -> Callable[[Canvas], None]:
    return lambda canvas: canvas.setPageRotation(degrees)


def cropped(canvas: Canvas) -> None:
    canvas.setPageRotation(90)
    canvas.setCropBox((40, 120, 380, 330))


PAGES = [rotated(0), rotated(90), rotated(180), rotated(270), cropped]


@pytest.mark.parametrize("prepare", PAGES)
def test_the_marker_lies_on_the_words(prepare: Callable[[Canvas], None]) -> None:
    data = make(prepare)
    plain = pixels(render_page(data, page=1))
    marked = pixels(render_page(data, page=1, highlight=[(0, len(WORDS))]))
    text = extent(ink(plain))
    mark = extent(yellow(marked) | ink(marked))
    assert all(abs(a - b) <= 6 for a, b in zip(text, mark, strict=True))
    # The words stay as dark as they were.
    assert ink(marked).sum() == pytest.approx(ink(plain).sum(), rel=0.02)
    assert yellow(marked).sum() > 2 * ink(plain).sum()


@pytest.mark.parametrize("prepare", PAGES)
def test_what_is_redacted_leaves_no_trace(prepare: Callable[[Canvas], None]) -> None:
    start = WORDS.index(SECRET)
    span = (start, start + len(SECRET))
    covered = pixels(render_page(make(prepare), page=1, redact=[span]))
    # The same line with other digits: under the cover nothing of either may differ.
    other = pixels(render_page(make(prepare, WORDS.replace(SECRET, "777-7777")), page=1,
                               redact=[span]))  # fmt: skip
    box = extent(black(covered))
    inside = np.zeros(covered.shape[:2], dtype=bool)
    inside[box[1] : box[3] + 1, box[0] : box[2] + 1] = black(covered)[
        box[1] : box[3] + 1, box[0] : box[2] + 1
    ]
    assert inside.sum() > 500
    secret_ink = ink(pixels(render_page(make(prepare), page=1)))
    rest_of_line = ink(covered) & ~inside
    assert rest_of_line.sum() < secret_ink.sum()
    assert np.array_equal(black(covered), black(other))


def test_a_span_of_two_lines_is_covered_on_both() -> None:
    def prepare(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 14)
        canvas.drawString(100, 218, "The number ends here: 555-")

    data = make(prepare, "0142 is the rest of it.")
    text = "The number ends here: 555-\n0142 is the rest of it."
    start = text.index("555-")
    image = black(pixels(render_page(data, page=1, redact=[(start, text.index(" is the"))])))
    between = 281
    upper, lower = image[:between], image[between:]
    assert upper.sum() > 300
    assert lower.sum() > 300
    assert extent(lower)[0] < extent(upper)[0]


def test_only_the_words_of_the_span_are_covered() -> None:
    start = WORDS.index(SECRET)
    image = black(pixels(render_page(make(), page=1, redact=[(start, start + len(SECRET))])))
    solid = image & np.roll(image, 6, axis=0)
    left, _, right, _ = extent(solid)
    assert 200 * 1.5 < left < 215 * 1.5
    assert 260 * 1.5 < right < 275 * 1.5


def test_form_fields_are_not_drawn() -> None:
    def prepare(canvas: Canvas) -> None:
        canvas.acroForm.textfield(name="ssn", value="219-09-9999", x=100, y=300, width=120)

    without, with_form = (pixels(render_page(data, page=1)) for data in (make(), make(prepare)))
    assert np.array_equal(without, with_form)


def test_scale_sets_the_size_and_a_giant_page_is_drawn_smaller() -> None:
    assert pixels(render_page(make(), page=1, scale=2)).shape[:2] == (800, 800)
    giant = pixels(render_page(make(), page=1, scale=50))
    assert giant.shape[0] * giant.shape[1] <= 17_000_000


def test_the_same_request_gives_the_same_image(parse: Parse) -> None:
    chunk = parse("a.pdf", make()).chunks[0]
    span = [(chunk.start_char, chunk.end_char)]
    assert render_page(make(), page=1, highlight=span) == render_page(
        make(), page=1, highlight=span
    )


@pytest.mark.parametrize("page", [0, 2, -1])
def test_a_page_that_is_not_there_is_not_found(page: int) -> None:
    with pytest.raises(NotFoundError):
        render_page(make(), page=page)


@pytest.mark.parametrize("data", [b"plain text", hostile.zip_archive(), b""])
def test_a_format_without_pages_has_no_image(data: bytes) -> None:
    with pytest.raises(NoPageImageError) as caught:
        render_page(data, page=1)
    assert caught.value.code == "NO_PAGE_IMAGE"
    assert caught.value.http_status == 404


def test_what_does_not_open_is_refused() -> None:
    with pytest.raises(EncryptedFileError):
        render_page(hostile.password_pdf(), page=1)
    with pytest.raises(CorruptFileError):
        render_page(hostile.broken_pdf(), page=1)
