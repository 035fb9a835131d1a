"""Taking spans out of text."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from processing.payloads import Finding
from processing.policy.redaction import Span, merged, redacted_slice

PIECES = st.lists(
    st.one_of(
        st.text(alphabet="abc \n", min_size=1, max_size=8),
        st.text(alphabet="0123456789", min_size=1, max_size=8),
    ),
    max_size=12,
)


def with_digits_as_spans(pieces: list[str]) -> tuple[str, list[Span]]:
    text = "".join(pieces)
    return text, [(match.start(), match.end(), "SSN") for match in re.finditer(r"\d+", text)]


def finding(start: int, end: int, kind: str = "SSN", score: float = 0.9, page: int = 1) -> Finding:
    return Finding(gate="pii", kind=kind, page=page, start_char=start, end_char=end, score=score)


@settings(deadline=None)
@given(PIECES, st.integers(0, 100), st.integers(0, 100))
def test_any_slice_loses_every_span_and_nothing_else(pieces: list[str], one: int, two: int) -> None:
    text, spans = with_digits_as_spans(pieces)
    start, end = sorted((min(one, len(text)), min(two, len(text))))

    result = redacted_slice(text, start=start, end=end, spans=spans)

    assert not any(character.isdigit() for character in result)
    assert result.replace("[REDACTED:SSN]", "") == re.sub(r"\d", "", text[start:end])


def test_span_over_the_edge_is_replaced_on_each_side() -> None:
    text, spans = "ab1234cd", [(2, 6, "SSN")]

    assert redacted_slice(text, start=0, end=4, spans=spans) == "ab[REDACTED:SSN]"
    assert redacted_slice(text, start=4, end=8, spans=spans) == "[REDACTED:SSN]cd"
    assert redacted_slice(text, start=0, end=2, spans=spans) == "ab"
    assert redacted_slice(text, start=6, end=8, spans=spans) == "cd"


def test_overlapping_findings_become_one_of_the_surest_kind() -> None:
    result = merged([finding(0, 6, "NAME", 0.6), finding(4, 10, "EMAIL", 1.0), finding(10, 12)])

    assert [(each.start_char, each.end_char, each.kind) for each in result] == [
        (0, 10, "EMAIL"), (10, 12, "SSN"),
    ]  # fmt: skip


def test_findings_of_different_pages_never_meet() -> None:
    result = merged([finding(0, 6, page=2), finding(3, 8, page=1)])

    assert [(each.page, each.start_char, each.end_char) for each in result] == [
        (1, 3, 8),
        (2, 0, 6),
    ]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9)), max_size=12))
def test_merged_findings_cover_the_same_characters_without_overlap(
    spans: list[tuple[int, int]],
) -> None:
    result = merged(finding(start, start + length) for start, length in spans)
    covered = [place for each in result for place in range(each.start_char, each.end_char)]

    assert len(covered) == len(set(covered))
    assert set(covered) == {
        place for start, length in spans for place in range(start, start + length)
    }
