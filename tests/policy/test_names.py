"""Names and places by the language model, in texts of any length."""

from hypothesis import given, settings
from hypothesis import strategies as st

from processing.policy.pii.names import find_names, language_model, segments
from tenants.configuration import PiiType

SENTENCE = "The report was read by Angela Merkel in Berlin before lunch. "


@settings(deadline=None)
@given(st.text(alphabet="ab \n", max_size=300), st.integers(1, 120))
def test_segments_make_up_the_text(text: str, repeats: int) -> None:
    long = text * repeats
    pieces = list(segments(long))

    assert all(long[offset : offset + len(piece)] == piece for piece, offset in pieces)
    assert "".join(piece for piece, _ in pieces).rstrip() == long.rstrip()


def test_positions_hold_in_a_text_of_many_segments() -> None:
    text = SENTENCE * 400
    (found,) = find_names([text], list(PiiType))

    people = [match for match in found if match.kind is PiiType.NAME]
    assert len(people) > 300
    assert {text[match.start : match.end] for match in people} == {"Angela Merkel"}
    assert people[-1].start > len(text) - 2 * len(SENTENCE)


def test_only_the_wanted_kinds_are_returned() -> None:
    (found,) = find_names([SENTENCE], [PiiType.ADDRESS])

    assert {SENTENCE[match.start : match.end] for match in found} == {"Berlin"}


def test_model_is_not_asked_without_need() -> None:
    assert find_names([SENTENCE], [PiiType.SSN]) == [[]]


def test_model_has_nothing_but_its_entity_recogniser() -> None:
    assert language_model().pipe_names == ["ner"]
