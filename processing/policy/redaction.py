"""Taking spans out of text, and merging findings so that each span is decided once."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from processing.payloads import Finding

Span = tuple[int, int, str]
"""Start, end (half open) in a page's canonical text, and the kind of what stands there."""

MARK: Final = "[REDACTED:{kind}]"


def redacted_slice(text: str, *, start: int, end: int, spans: Iterable[Span]) -> str:
    """Return `text[start:end]` with every span in it replaced by `[REDACTED:KIND]`.

    Spans must not overlap; one that reaches over the edge of the slice is replaced as well.
    """
    parts: list[str] = []
    place = start
    for span_start, span_end, kind in sorted(spans):
        if span_end <= start or span_start >= end:
            continue
        parts += [text[place : max(place, span_start)], MARK.format(kind=kind)]
        place = span_end
    return "".join([*parts, text[place:end]])


def merged(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings that do not overlap: those that do become one, of the surest one's kind."""
    ordered = sorted(findings, key=lambda each: (each.page or 0, each.start_char, each.end_char))
    return tuple(
        _joined(group)
        for _page, on_page in groupby(ordered, key=lambda each: each.page)
        for group in _overlapping(on_page)
    )


def _overlapping(ordered: Iterable[Finding]) -> Iterator[list[Finding]]:
    group: list[Finding] = []
    reach = 0
    for finding in ordered:
        if group and finding.start_char >= reach:
            yield group
            group, reach = [], 0
        group.append(finding)
        reach = max(reach, finding.end_char)
    if group:
        yield group


def _joined(group: Sequence[Finding]) -> Finding:
    surest = max(group, key=lambda each: (each.score, each.end_char - each.start_char))
    return Finding(
        gate=surest.gate,
        kind=surest.kind,
        page=surest.page,
        start_char=group[0].start_char,
        end_char=max(each.end_char for each in group),
        score=surest.score,
    )
