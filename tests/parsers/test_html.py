"""HTML: what a reader sees, in order, and what they do not, counted."""

import pytest

from processing.canonical import ElementType
from tests.parsers.conftest import Parse
from tests.parsers.invariants import check
from tests.parsers.test_text_formats import H, L, P, T, pieces


def test_the_visible_text_comes_in_order_with_its_structure(parse: Parse) -> None:
    page = """<html><head><title>Bulletin 7</title></head><body>
    <h1>Forklifts</h1><p>Drive <b>slow</b>ly &amp; look<br>twice.</p>
    <ol><li>Stop</li><li><p>Look</p><ul><li>left</li></ul></li></ol>
    <div>Loose <custom-tag>words</custom-tag></div>
    <table><caption>Limits</caption><tr><th>Hall</th><th>km/h</th></tr>
    <tr><td>3</td><td>6</td></tr></table><pre>a  b
  c</pre></body></html>"""
    document = parse("a.html", page.encode())
    assert pieces(document) == [
        (H, "Bulletin 7"),
        (H, "Forklifts"),
        (P, "Drive slowly & look\ntwice."),
        (L, "1. Stop"),
        (L, "2. Look"),
        (L, "• left"),
        (P, "Loose words"),
        (ElementType.CAPTION, "Limits"),
        (T, "Hall | km/h\nHall: 3; km/h: 6"),
        (P, "a  b\n  c"),
    ]
    check(document)


def test_scripts_styles_and_hidden_elements_are_dropped_and_listed(parse: Parse) -> None:
    page = """<body><script>steal()</script>Seen<!-- note --><style>p{}</style>
    <p hidden>one</p><p style="Display : None">two</p><span style="visibility:hidden">three</span>
    <template><p>four</p></template><noscript>five</noscript> tail
    <script src="x.js"></script></body>"""
    document = parse("a.html", page.encode())
    assert document.pages[0].text == "Seen tail"
    counts = {item.element: item.reason for item in document.dropped}
    assert set(counts) == {"comment", "hidden element", "noscript", "script", "style", "template"}
    assert "2 in the file" in counts["script"]
    assert "3 in the file" in counts["hidden element"]


def test_a_table_that_arranges_the_page_is_read_as_text(parse: Parse) -> None:
    page = "<table><tr><td><h2>Menu</h2></td></tr><tr><td><p>Long story.</p></td></tr></table>"
    document = parse("a.html", page.encode())
    assert document.tables == ()
    assert pieces(document) == [(H, "Menu"), (P, "Long story.")]


def test_cells_over_several_rows_and_columns_are_filled_in(parse: Parse) -> None:
    page = """<table><tr><th>Day</th><th>Hour</th><th>Room</th></tr>
    <tr><td rowspan="2">Monday</td><td>8</td><td>A</td></tr><tr><td>9</td><td>B</td></tr>
    <tr><td colspan="2">closed</td><td>C</td></tr></table>"""
    (table,) = parse("a.html", page.encode()).tables
    assert table.cells[1:] == (("Monday", "8", "A"), ("Monday", "9", "B"), ("closed", "", "C"))


@pytest.mark.parametrize(
    "head",
    [
        '<meta charset="iso-8859-2">',
        '<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-2">',
    ],
)
def test_the_declared_encoding_is_used(head: str, parse: Parse) -> None:
    page = f"<html><head>{head}</head><body><p>Zażółć gęślą jaźń</p></body></html>"
    assert parse("a.html", page.encode("iso-8859-2")).pages[0].text == "Zażółć gęślą jaźń"


def test_an_undeclared_encoding_is_found(parse: Parse) -> None:
    page = "<p>Die schöne Frau zahlt 15,50 € für Kuchen.</p>"
    assert parse("a.html", page.encode("cp1252")).pages[0].text == page[3:-4]


def test_an_xml_declaration_does_not_disturb(parse: Parse) -> None:
    page = '<?xml version="1.0" encoding="utf-8"?>\n<html><body><p>Grüße</p></body></html>'
    assert parse("a.html", page.encode()).pages[0].text == "Grüße"


def test_pictures_are_known_by_their_description(parse: Parse) -> None:
    document = parse("a.html", b'<p>See <img src="a.png" alt="the pump"> here.</p>')
    assert [figure.caption for figure in document.figures] == ["the pump"]


@pytest.mark.parametrize(
    "data",
    [
        b"<div>" * 20_000 + b"deep",
        b"<" * 5000,
        b"<p>unclosed <b>tags <i>everywhere",
        b"&#0;&#55296;",
    ],
    ids=["deep", "brackets", "unclosed", "entities"],
)
def test_malformed_pages_give_a_document(data: bytes, parse: Parse) -> None:
    check(parse("a.html", data))
