"""Plain text, Markdown and CSV."""

import pytest

from processing.canonical import ElementType, ParsedDocument
from processing.parsers.errors import CorruptFileError
from tests.parsers.conftest import Parse
from tests.parsers.invariants import check

H, P, L, T = (
    ElementType.HEADING,
    ElementType.PARAGRAPH,
    ElementType.LIST_ITEM,
    ElementType.TABLE,
)


def pieces(document: ParsedDocument) -> list[tuple[ElementType, str]]:
    """Return kind and text of every element in reading order."""
    text = document.pages[0].text
    return [
        (element.element_type, text[element.start_char : element.end_char])
        for element in document.reading_order
    ]


def test_plain_text_keeps_every_character_and_finds_its_paragraphs(parse: Parse) -> None:
    text = "CHAPTER I\n\nFirst line\nsecond line.\n\n  - one\n  - two\n    more of two\n\nLast.\n"
    document = parse("a.txt", text.replace("\n", "\r\n").encode())
    assert document.pages[0].text == text
    assert pieces(document) == [
        (H, "CHAPTER I"),
        (P, "First line\nsecond line."),
        (L, "- one"),
        (L, "- two\n    more of two"),
        (P, "Last."),
    ]


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("BOOK ONE: 1805", 3),
        ("Part 2 The War", 1),
        ("Chapter IV", 2),
        ("2.3 Payment", 2),
        ("2.3.1 Late payment", 3),
        ("GENERAL TERMS", 3),
        ("SHIFT HANDOVER, LINE 2", 3),
        ("1. GENERAL4-1", None),
        ("Dear Sir or Madam", None),
        ("2.3 The sum is paid at once.", None),
    ],
)
def test_headings_of_plain_text_are_numbered_or_capital(
    line: str, level: int | None, parse: Parse
) -> None:
    document = parse("a.txt", f"{line}\n\nSome text under it.\n".encode())
    assert [section.level for section in document.sections] == ([] if level is None else [level])


def test_markdown_loses_its_marks_and_keeps_its_structure(parse: Parse) -> None:
    source = (
        "---\ntitle: Terms\n---\n# Net *30*\n\nPay **within** [30 days](http://x.example).\n\n"
        "1. first\n2. second\n   - inner\n\n| A | B |\n|---|---|\n| 1 | `2` |\n\n"
        "> quoted\n\n```python\nx = 1\n```\n\n![A pump](pump.png)\n"
    )
    document = parse("a.md", source.encode())
    assert pieces(document) == [
        (P, "title: Terms"),
        (H, "Net 30"),
        (P, "Pay within 30 days."),
        (L, "1. first"),
        (L, "2. second"),
        (L, "• inner"),
        (T, "A | B\nA: 1; B: 2"),
        (P, "quoted"),
        (P, "x = 1"),
        (P, "A pump"),
    ]
    assert [figure.caption for figure in document.figures] == ["A pump"]
    check(document)


def test_html_inside_markdown_is_read_as_html(parse: Parse) -> None:
    source = "Before\n\n<div><p>Inside</p><script>alert(1)</script></div>\n\nAfter <b>bold</b>\n"
    document = parse("a.md", source.encode())
    assert [text for _, text in pieces(document)] == ["Before", "Inside", "After bold"]
    assert [item.element for item in document.dropped] == ["script"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_csv_rows_are_written_out_with_their_column_names(
    delimiter: str, encoding: str, parse: Parse
) -> None:
    rows = ["Team,City,Cups", "Blues,Köln,1", '"Maple Leafs",Toronto,13']
    data = "\r\n".join(rows).replace(",", delimiter).encode(encoding)
    document = parse("a.csv", data)
    assert document.pages[0].text == (
        "Team | City | Cups\n"
        "Team: Blues; City: Köln; Cups: 1\n"
        "Team: Maple Leafs; City: Toronto; Cups: 13"
    )
    assert document.tables[0].cells[2] == ("Maple Leafs", "Toronto", "13")
    check(document)


def test_a_title_above_the_columns_of_a_csv_becomes_a_heading(parse: Parse) -> None:
    document = parse("a.csv", b"Stanley Cups,,\nTeam,Location,Cups\nBlues,STL,1\n")
    assert pieces(document)[0] == (H, "Stanley Cups")
    assert document.tables[0].cells[0] == ("Team", "Location", "Cups")
    assert document.chunks[0].section_path == ("Stanley Cups",)


def test_a_csv_without_column_names_keeps_its_first_row(parse: Parse) -> None:
    document = parse("a.csv", b"2025-01-01,18.5,19\n2025-01-02,17.0,21\n")
    assert document.pages[0].text == "2025-01-01 | 18.5 | 19\n2025-01-02 | 17.0 | 21"


def test_quoted_delimiters_and_line_breaks_stay_in_their_cell(parse: Parse) -> None:
    document = parse("a.csv", b'Name,Note\nA,"one, two\nthree"\nB,plain\n')
    assert document.tables[0].cells[1] == ("A", "one, two three")


def test_ragged_rows_lose_nothing(parse: Parse) -> None:
    document = parse("a.csv", b"A,B\n1,2\n3,4,extra\n5\n")
    assert document.tables[0].cells == (("A", "B", ""), ("1", "2", ""), ("3", "4", "extra"),
                                        ("5", "", ""))  # fmt: skip
    assert "extra" in document.pages[0].text


def test_a_field_larger_than_any_field_is_refused(parse: Parse) -> None:
    with pytest.raises(CorruptFileError):
        parse("a.csv", b'A,B\n"' + b"x" * 200_000 + b'",1\n')


def test_white_space_alone_gives_a_document_without_passages(parse: Parse) -> None:
    for name in ("a.txt", "a.md", "a.csv", "a.html"):
        document = parse(name, b" \n\t\n ")
        assert document.chunks == ()
        assert document.quality == 0
