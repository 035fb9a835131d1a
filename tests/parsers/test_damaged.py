"""Damaged files: whatever happens to the bytes, the answer is a document or a `ParseError`."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processing.canonical import ParsedDocument
from processing.errors import ParseError
from tests.parsers.conftest import parse_bytes
from tests.parsers.invariants import check
from tests.samples.make import QUESTIONS, files

SAMPLES = {path: data for path, data in files() if path != QUESTIONS}
PATHS = st.sampled_from(sorted(SAMPLES))
CALM = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def parsed(path: str, data: bytes) -> ParsedDocument | ParseError:
    """Parse bytes and return the document, or the refusal."""
    try:
        return parse_bytes(path, data)
    except ParseError as error:
        return error


def survives(path: str, data: bytes) -> None:
    """Parse bytes and accept only what a parser may do."""
    outcome = parsed(path, data)
    if isinstance(outcome, ParseError):
        assert outcome.code != ParseError.code
        assert outcome.remediation
        assert path not in outcome.message
    else:
        check(outcome)


@CALM
@given(PATHS, st.floats(0, 1))
def test_a_file_cut_off_anywhere(path: str, share: float) -> None:
    data = SAMPLES[path]
    survives(path, data[: int(share * len(data))])


@CALM
@given(
    PATHS, st.lists(st.tuples(st.floats(0, 0.999999), st.integers(0, 7)), min_size=1, max_size=40)
)
def test_bits_flipped_anywhere(path: str, flips: list[tuple[float, int]]) -> None:
    data = bytearray(SAMPLES[path])
    for share, bit in flips:
        data[int(share * len(data))] ^= 1 << bit
    survives(path, bytes(data))


@CALM
@given(PATHS, st.floats(0, 1), st.binary(max_size=400))
def test_foreign_bytes_put_in_anywhere(path: str, share: float, foreign: bytes) -> None:
    data, place = SAMPLES[path], int(share * len(SAMPLES[path]))
    survives(path, data[:place] + foreign + data[place:])


@CALM
@given(PATHS, st.binary(min_size=1, max_size=2000))
def test_bytes_that_never_were_a_file(path: str, data: bytes) -> None:
    survives(path, data)


@CALM
@given(PATHS, PATHS)
def test_a_file_under_the_name_of_another(path: str, other: str) -> None:
    survives(path, SAMPLES[other])
