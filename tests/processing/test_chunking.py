"""Passages: their limits, what stays together, where cuts fall."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing.canonical import ElementType
from processing.chunking import Passage, passages_of
from processing.chunking.cutting import parts_of
from processing.chunking.embedding import plain
from processing.chunking.passages import SMALL, TARGET
from processing.chunking.tokens import MODEL_TOKENS, TEXT_TOKENS, count_tokens, token_spans
from processing.chunking.units import MAX_UNIT
from processing.parsers.draft import Block, PageDraft
from processing.parsers.flow import Flow

WORDS = ("pump", "seal", "house", "water", "motor", "road", "paper", "green", "table", "stone")
P, L = ElementType.PARAGRAPH, ElementType.LIST_ITEM


def prose(tokens: int, start: int = 0) -> str:
    """Return sentences of six words, seven tokens each, of about the length asked for."""
    sentences = []
    for number in range(start, start + max(tokens // 7, 1)):
        words = [WORDS[(number * 5 + step) % len(WORDS)] for step in range(6)]
        sentences.append(" ".join(words).capitalize() + ".")
    return " ".join(sentences)


def passages(flow: Flow) -> tuple[str, list[Passage]]:
    """Return the text of the one page, and its passages."""
    page = flow.page()
    return page.text, passages_of([page])[0]


def texts(flow: Flow) -> list[str]:
    text, found = passages(flow)
    return [text[passage.start : passage.end] for passage in found]


def test_a_heading_stays_with_the_text_under_it() -> None:
    flow = Flow()
    flow.block(P, prose(150))
    flow.heading("Delivery", 1)
    flow.block(P, prose(190))
    assert [text.startswith("Delivery") for text in texts(flow)] == [False, True]
    assert "\n\n" in texts(flow)[1]


def test_a_heading_is_not_left_at_the_end_of_a_passage() -> None:
    flow = Flow()
    flow.block(P, prose(SMALL - 10))
    flow.heading("Delivery of castings", 1)
    flow.block(P, prose(190))
    assert texts(flow)[-1].startswith("Delivery of castings")


def test_headings_over_each_other_open_one_passage() -> None:
    flow = Flow()
    for level, title in enumerate(("Handbook", "Part one", "Chapter one"), 1):
        flow.heading(title, level)
    flow.block(P, prose(100))
    (only,) = texts(flow)
    assert only.startswith("Handbook")
    _, (passage,) = passages(flow)
    assert passage.path == ("Handbook", "Part one", "Chapter one")
    assert passage.kind is P


def test_small_sections_share_a_passage_large_ones_do_not() -> None:
    def sections(size: int) -> int:
        flow = Flow()
        for number in range(4):
            flow.heading(f"Section {number}", 1)
            flow.block(P, prose(size))
        return len(texts(flow))

    assert sections(14) < 4
    assert sections(SMALL + 20) == 4


def test_a_passage_of_several_sections_names_only_what_is_above_all() -> None:
    flow = Flow()
    flow.heading("Policy", 1)
    for title in ("Meals", "Hotels"):
        flow.heading(title, 2)
        flow.block(P, prose(14))
    _, (passage,) = passages(flow)
    assert passage.path == ("Policy",)


def test_a_section_runs_on_over_pages_and_ends_with_its_like() -> None:
    first, second = Flow(), Flow()
    first.heading("Policy", 1)
    first.heading("Meals", 2)
    first.block(P, prose(60))
    second.block(P, prose(60))
    second.heading("Hotels", 2)
    second.block(P, prose(60))
    (_,), (continued, hotels) = passages_of([first.page(), second.page()])
    assert continued.path == ("Policy", "Meals")
    assert hotels.path == ("Policy", "Hotels")


def test_table_rows_are_never_cut_and_a_long_table_is_shared_out() -> None:
    flow = Flow()
    flow.block(P, prose(100))
    flow.table([["Part", "Price"], *([f"casing {n}", f"${n}.50"] for n in range(60))], header=True)
    page = flow.page()
    found = passages_of([page])[0]
    rows = page.blocks[1].rows
    tables = [passage for passage in found if passage.kind is ElementType.TABLE]
    assert len(tables) > 2
    for start, end in rows:
        holders = [one for one in found if one.start <= start and end <= one.end]
        assert len(holders) == 1


def test_a_table_that_fits_is_not_cut() -> None:
    flow = Flow()
    flow.block(P, prose(150))
    flow.table([["Part", "Price"], *([f"casing {n}", f"${n}.50"] for n in range(6))], header=True)
    assert sum("Part:" in text for text in texts(flow)) == 1


def test_one_row_that_is_too_long_is_cut() -> None:
    flow = Flow()
    flow.table([["Part", "Note"], ["casing", prose(700)]], header=True)
    assert len(texts(flow)) > 2


def test_a_long_paragraph_is_cut_at_sentence_ends_and_overlaps_by_one() -> None:
    flow = Flow()
    flow.block(P, prose(900))
    text, found = passages(flow)
    assert len(found) > 3
    for before, after in pairwise(found):
        assert text[before.end - 1] == "."
        shared = text[after.start : before.end]
        assert shared.count(".") == 1
        assert shared[0].isupper()
    assert (found[0].start, found[-1].end) == (0, len(text))
    sizes = [passage.tokens for passage in found]
    assert max(sizes) - min(sizes) < MAX_UNIT // 2


def test_whole_paragraphs_do_not_overlap() -> None:
    flow = Flow()
    for number in range(12):
        flow.block(P, prose(80, number * 100))
    _, found = passages(flow)
    assert all(a.end <= b.start for a, b in pairwise(found))
    assert all(passage.tokens <= TARGET + SMALL for passage in found)


def test_list_items_make_a_list_passage() -> None:
    flow = Flow()
    flow.heading("Checks", 1)
    for number in range(5):
        flow.block(L, f"• {prose(14, number)}")
    _, (passage,) = passages(flow)
    assert passage.kind is L


def test_text_without_spaces_is_cut_by_tokens() -> None:
    flow = Flow()
    flow.block(P, "契約は東京において締結された" * 60)
    text, found = passages(flow)
    assert len(found) > 3
    assert "".join(text[one.start : one.end] for one in found) == text


def test_an_endless_word_is_cut_by_characters() -> None:
    flow = Flow()
    flow.block(P, "QmFzZTY0" * 5000)
    _, found = passages(flow)
    assert len(found) > 5
    assert max(passage.end - passage.start for passage in found) < 5000


def test_leaders_and_broken_words_are_not_embedded() -> None:
    assert plain("Delivery ........... 7") == "Delivery . 7"
    assert plain("tensile stre-\nngth") == "tensile strength"
    assert plain("pages 3-\n4 and so on...") == "pages 3-\n4 and so on..."


def test_characters_without_a_token_make_no_passage() -> None:
    page = PageDraft(None, "\ufffd\ufffd \ufffd", [Block(P, 0, 4)])
    assert passages_of([page]) == [[]]


@given(st.text(min_size=1, max_size=3000), st.integers(8, 60))
def test_parts_cover_a_text_in_order_within_the_limit(text: str, limit: int) -> None:
    tokens = token_spans(text)
    parts = list(parts_of(text, limit))
    assert all(0 < size <= limit and end > start for start, end, size in parts)
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(parts))
    for start, end in tokens:
        assert any(first <= start and end <= last for first, last, _ in parts) or end - start > 100


@given(st.lists(st.text(max_size=200), max_size=8))
def test_counting_by_words_equals_the_tokeniser(texts: list[str]) -> None:
    # Parsers replace control characters, which the tokeniser would delete and join words over.
    cleaned = ["".join(c if c.isprintable() else " " for c in text) for text in texts]
    assert count_tokens(cleaned) == [len(token_spans(text)) for text in cleaned]


def test_the_limit_is_the_models() -> None:
    assert TEXT_TOKENS == MODEL_TOKENS - 2 == 254
    assert MAX_UNIT < TEXT_TOKENS
    assert count_tokens(["word " * 300]) == [300]


@pytest.mark.parametrize("text", ["", " \n "])
def test_nothing_has_no_tokens(text: str) -> None:
    assert count_tokens([text]) == [0]
    assert list(parts_of(text, 10)) == []
