"""Cutting one long text into parts that end with sentences and overlap by one."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Final

from processing.chunking.tokens import token_spans
from processing.parsers.draft import Span

_OVERLAP: Final = 40
_SENTENCE_END: Final = re.compile(
    r"[.!?…][\"'”’)\]]*(?:\[\d+\])*(?=\s)|[。！？؟۔]|\n\s*\n"  # noqa: RUF001
)
_ENDS: Final = (_SENTENCE_END, re.compile(r"\n"), re.compile(r"\s"))
_LONG_TOKEN: Final = 100
_TOKEN_STEP: Final = 16


def parts_of(text: str, limit: int) -> Iterator[tuple[int, int, int]]:
    """Yield start, end and tokens of parts of about equal size, each at most `limit` tokens.

    A part ends with a sentence where it can, else with a line, else with a word. Two parts share
    the last sentence of the first when that is short.
    """
    tokens = list(_shortened(token_spans(text)))
    starts = [start for start, _ in tokens]
    stops = [_stops(pattern, text, starts) for pattern in _ENDS]
    first, count = 0, len(tokens)
    while first < count:
        last = _end_of_part(stops, first, count, limit)
        # The outermost parts reach the edges: not every character is part of a token.
        yield (
            starts[first] if first else 0,
            tokens[last - 1][1] if last < count else len(text),
            last - first,
        )
        first = _overlapping(stops[0], first, last) if last < count else count


def _shortened(tokens: Sequence[Span]) -> Iterator[Span]:
    """Yield the tokens with endless ones in steps: any word of over 100 characters is one token."""
    for start, end in tokens:
        if end - start <= _LONG_TOKEN:
            yield start, end
            continue
        for step in range(start, end, _TOKEN_STEP):
            yield step, min(step + _TOKEN_STEP, end)


def _stops(pattern: re.Pattern[str], text: str, starts: Sequence[int]) -> list[int]:
    """Return the numbers of the tokens before which the text may be cut."""
    return sorted({bisect_left(starts, match.end()) for match in pattern.finditer(text)})


def _end_of_part(stops: Sequence[Sequence[int]], first: int, count: int, limit: int) -> int:
    """Return one past the last token of the part that starts at `first`."""
    left = count - first
    if left <= limit:
        return count
    parts = -(-left // limit) if left > 2 * limit else 2
    ideal = first + left // parts if parts == 2 else first + round(0.9 * limit)
    for of_kind in stops:
        low = bisect_right(of_kind, first + (ideal - first) // 2)
        high = bisect_right(of_kind, first + limit)
        if low < high:
            return min(of_kind[low:high], key=lambda stop: abs(stop - ideal))
    return ideal


def _overlapping(sentences: Sequence[int], first: int, last: int) -> int:
    """Return where the next part starts: at the last sentence of this one when that is short."""
    before = bisect_left(sentences, last) - 1
    if before >= 0 and sentences[before] > max(first, last - _OVERLAP - 1):
        return sentences[before]
    return last
