"""Every gate over one document, and the passages as they may be seen afterwards."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

from frostbyte.kernel.errors import FrostbyteError
from processing.canonical import Chunk, ElementType, ParsedDocument
from processing.chunking import embedding_text
from processing.chunking.tokens import count_tokens
from processing.errors import PolicyGateError
from processing.payloads import ClearedDocument, GateOutcome
from processing.policy import pii
from processing.policy.gate import Gate, Verdict
from processing.policy.redaction import Span, merged, redacted_slice
from tenants.configuration import TenantConfiguration

GATES: Final = (Gate(name="pii", judge=pii.judge),)
"""In this order; a document that one holds back does not reach the next."""

_CUT_TITLE: Final = 100
"""Section paths hold long titles shortened; from this length on, a beginning is enough."""

PageSpans = Mapping[int | None, Sequence[Span]]


def clear_document(
    document: ParsedDocument,
    *,
    document_id: UUID,
    canonical_sha256: str,
    configuration: TenantConfiguration,
    configuration_version: int,
) -> ClearedDocument:
    """Return the passages with what the gates take out replaced by `[REDACTED:KIND]`.

    Spans keep pointing at the canonical text. Raises `PolicyBlockedError` when a gate holds the
    document back, `PolicyGateError` when one cannot run.
    """
    verdicts = [_judged(gate, document, configuration) for gate in GATES]
    return ClearedDocument(
        document_id=document_id,
        lineage=document.lineage,
        canonical_sha256=canonical_sha256,
        configuration_version=configuration_version,
        chunks=_cleared(document, _redactions(verdicts)),
        findings=tuple(finding for verdict in verdicts for finding in verdict.findings),
        gates=tuple(verdict.result for verdict in verdicts),
    )


def _judged(gate: Gate, document: ParsedDocument, configuration: TenantConfiguration) -> Verdict:
    try:
        return gate.judge(document, configuration)
    except FrostbyteError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the document must not pass
        fault = type(error).__name__
    # Raised out here so that no chained error carries the document's text along.
    raise PolicyGateError(
        f"The {gate.name} gate could not run ({fault}).",
        remediation="An operator should look at the worker: are requirements/ml.txt installed?",
        extra={"gate": gate.name},
    )


def _redactions(verdicts: Sequence[Verdict]) -> PageSpans:
    """Return by page what is to be taken out, in order and without overlaps."""
    spans: defaultdict[int | None, list[Span]] = defaultdict(list)
    for finding in merged(
        finding
        for verdict in verdicts
        if verdict.result.outcome is GateOutcome.REDACTED
        for finding in verdict.findings
    ):
        spans[finding.page].append((finding.start_char, finding.end_char, finding.kind))
    return spans


def _cleared(document: ParsedDocument, spans: PageSpans) -> tuple[Chunk, ...]:
    texts = {page.number: page.text for page in document.pages}
    titles = dict(_redacted_titles(document, texts, spans)) if spans else {}
    cleared = [_cleared_chunk(chunk, texts, spans, titles) for chunk in document.chunks]
    changed = [
        position
        for position, chunk in enumerate(cleared)
        if chunk.text != document.chunks[position].text
    ]
    tokens = count_tokens([embedding_text(cleared[position]) for position in changed])
    for position, count in zip(changed, tokens, strict=True):
        cleared[position] = replace(cleared[position], tokens=count)
    return tuple(cleared)


def _cleared_chunk(
    chunk: Chunk, texts: Mapping[int | None, str], spans: PageSpans, titles: Mapping[str, str]
) -> Chunk:
    page = texts.get(chunk.page, "")
    if page[chunk.start_char : chunk.end_char] != chunk.text:
        raise PolicyGateError(
            "A passage is not part of its page's text, so the gates have not seen it.",
            extra={"chunk_id": str(chunk.chunk_id)},
        )
    return replace(
        chunk,
        text=_allowed(page, chunk.start_char, chunk.end_char, spans.get(chunk.page, ())),
        section_path=tuple(titles.get(title, title) for title in chunk.section_path),
    )


def _allowed(page: str, start: int, end: int, spans: Sequence[Span]) -> str:
    """Return a slice of a page without its spans; a long text is one page with thousands."""
    first = bisect_right(spans, start, key=lambda span: span[1])
    last = bisect_left(spans, end, key=lambda span: span[0])
    return redacted_slice(page, start=start, end=end, spans=spans[first:last])


def _redacted_titles(
    document: ParsedDocument, texts: Mapping[int | None, str], spans: PageSpans
) -> Iterator[tuple[str, str]]:
    """Yield the titles in section paths that must change, and what they become."""
    paths = {title for chunk in document.chunks for title in chunk.section_path}
    for written, allowed in _redacted_headings(document, texts, spans):
        for title in paths:
            if title == written or (len(title) >= _CUT_TITLE and written.startswith(title)):
                yield title, allowed


def _redacted_headings(
    document: ParsedDocument, texts: Mapping[int | None, str], spans: PageSpans
) -> Iterator[tuple[str, str]]:
    for element in document.reading_order:
        if element.element_type is not ElementType.HEADING or not spans.get(element.page):
            continue
        start, end = element.start_char, element.end_char
        page = texts[element.page]
        written = " ".join(page[start:end].split())
        allowed = " ".join(_allowed(page, start, end, spans[element.page]).split())
        if allowed != written:
            yield written, allowed
