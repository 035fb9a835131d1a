"""What the gates do with a whole document, and what happens when one cannot run."""

import logging
import traceback

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frostbyte.kernel.hashing import sha256_hex
from processing.canonical import ParsedDocument, decode, encode
from processing.chunking import embedding_text
from processing.errors import PolicyBlockedError, PolicyGateError
from processing.payloads import ClearedDocument, GateOutcome
from processing.policy import clearing
from processing.policy.gate import Gate, Verdict
from processing.policy.pii import names
from processing.policy.redaction import redacted_slice
from tenants.configuration import PiiPolicy, PiiType, TenantConfiguration
from tests.policy.documents import cleared, document_of

SECRET = "219-09-9999"
VALUES = {
    PiiType.SSN: "219-09-9999",
    PiiType.EMAIL: "jo@example.org",
    PiiType.PHONE: "+44 20 7946 0958",
    PiiType.FINANCIAL_ACCOUNT: "4111 1111 1111 1111",
}
LETTERS = st.text(alphabet="abcdefg hijk\n.,;", max_size=60)


def test_spans_keep_pointing_at_the_canonical_text() -> None:
    text = f"Before it. SSN {SECRET} after it, and jo@example.org too."
    document = document_of(text, cuts=(20, 40))
    result = cleared(document)

    assert [(chunk.start_char, chunk.end_char) for chunk in result.chunks] == [
        (0, 20), (20, 40), (40, len(text)),
    ]  # fmt: skip
    assert [chunk.chunk_id for chunk in result.chunks] == [
        chunk.chunk_id for chunk in document.chunks
    ]


def test_value_cut_by_a_border_is_redacted_on_both_sides() -> None:
    text = f"SSN {SECRET} on file"
    result = cleared(document_of(text, cuts=(8,)))

    assert [chunk.text for chunk in result.chunks] == [
        "SSN [REDACTED:SSN]",
        "[REDACTED:SSN] on file",
    ]


def test_passages_can_be_made_again_from_the_page_and_the_findings() -> None:
    document = document_of(f"SSN {SECRET}; jo@example.org", "call (555) 123-4567", cuts=(9, 22))
    result = cleared(document)

    for chunk in result.chunks:
        page = next(page for page in document.pages if page.number == chunk.page)
        spans = [
            (finding.start_char, finding.end_char, finding.kind)
            for finding in result.findings
            if finding.page == chunk.page
        ]
        assert chunk.text == redacted_slice(
            page.text, start=chunk.start_char, end=chunk.end_char, spans=spans
        )


@settings(deadline=None)
@given(
    before=LETTERS,
    after=LETTERS,
    kind=st.sampled_from(sorted(VALUES)),
    cuts=st.lists(st.integers(1, 120), max_size=4),
)
def test_no_passage_holds_a_value_wherever_the_borders_are(
    before: str, after: str, kind: PiiType, cuts: list[int]
) -> None:
    value = VALUES[kind]
    result = cleared(document_of(f"{before} {value} {after}", cuts=cuts), kinds=[kind])
    mark = f"[REDACTED:{kind.value}]"
    shown = "".join(chunk.text for chunk in result.chunks)

    assert not any(character.isdigit() or character == "@" for character in shown)
    assert shown.replace(mark, "") == f"{before}  {after}"


def test_heading_in_the_section_path_is_redacted_like_the_text() -> None:
    text = "Contact\njo@example.org now\nThe body of the section."
    result = cleared(document_of(text, cuts=(27,), heading=(0, 26)))

    assert {chunk.section_path for chunk in result.chunks} == {("Contact [REDACTED:EMAIL] now",)}


def test_flagged_heading_stays() -> None:
    document = document_of("Ask jo@example.org\nBody.", heading=(0, 18))
    result = cleared(document, policy=PiiPolicy.FLAG)

    assert result.chunks[0].section_path == ("Ask jo@example.org",)


def test_redacted_passage_has_its_tokens_counted_anew() -> None:
    document = document_of(f"SSN {SECRET}")
    (chunk,) = cleared(document).chunks

    assert chunk.tokens > 0
    assert document.chunks[0].tokens == 0


def test_redacted_passage_is_embedded_with_the_kind_in_a_word() -> None:
    (chunk,) = cleared(document_of("Passport No. C01234567; card 4111 1111 1111 1111")).chunks

    assert embedding_text(chunk) == "Passport No. passport; card financial account"


def test_no_types_switches_the_gate_off_on_the_record() -> None:
    result = cleared(document_of(f"SSN {SECRET}"), kinds=[])

    (gate,) = result.gates
    assert (gate.gate, gate.version, gate.counts) == ("pii", "off", {})
    assert gate.outcome is GateOutcome.PASSED
    assert SECRET in result.chunks[0].text


def test_version_names_the_rules_and_what_decides_with_them() -> None:
    rules = cleared(document_of("text")).gates[0].version
    with_names = cleared(document_of("text"), kinds=[PiiType.NAME]).gates[0].version

    assert rules.startswith("rules-")
    assert "presidio-analyzer-" in rules
    assert "spacy" not in rules
    assert "spacy-" in with_names


def test_two_tenants_are_each_judged_by_their_own_policy() -> None:
    document = document_of(f"SSN {SECRET}")
    acme = cleared(document, policy=PiiPolicy.REDACT)
    with pytest.raises(PolicyBlockedError):
        cleared(document, policy=PiiPolicy.BLOCK)
    globex = cleared(document, policy=PiiPolicy.FLAG)

    assert SECRET not in acme.chunks[0].text
    assert SECRET in globex.chunks[0].text


def test_cleared_document_carries_what_later_stages_check() -> None:
    result = cleared(document_of("text"))

    assert result.configuration_version == 3
    assert result.canonical_sha256 == "0" * 64
    assert decode(encode(result), ClearedDocument) == result


def test_same_document_is_cleared_the_same_way() -> None:
    document = document_of(f"SSN {SECRET}, +44 20 7946 0958, born 5 May 1975", cuts=(11, 30))

    assert sha256_hex(encode(cleared(document))) == sha256_hex(encode(cleared(document)))


def test_passage_that_no_gate_has_seen_does_not_pass() -> None:
    document = document_of("harmless")
    foreign = document_of(f"SSN {SECRET}").chunks
    mixed = decode(encode(document), ParsedDocument)
    object.__setattr__(mixed, "chunks", foreign)

    with pytest.raises(PolicyGateError) as raised:
        cleared(mixed)
    assert SECRET not in repr((raised.value, raised.value.extra))


def test_missing_language_model_fails_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    names.language_model.cache_clear()
    monkeypatch.setattr(names, "MODEL_PACKAGE", "a-model-that-is-not-installed")

    with pytest.raises(PolicyGateError) as raised:
        cleared(document_of("Angela Merkel"), kinds=[PiiType.NAME])
    assert raised.value.retryable
    assert cleared(document_of("text")).gates[0].outcome is GateOutcome.PASSED
    names.language_model.cache_clear()


def test_fault_in_a_gate_leaves_no_trace_of_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(document: ParsedDocument, _configuration: TenantConfiguration) -> Verdict:
        raise ValueError(document.pages[0].text)

    monkeypatch.setattr(clearing, "GATES", (Gate(name="pii", judge=broken),))
    with pytest.raises(PolicyGateError) as raised:
        cleared(document_of(f"SSN {SECRET}"))

    assert SECRET not in "".join(traceback.format_exception(raised.value))


def test_presidio_writes_no_value_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    text = "my iban is GB82 WEST 1234 5698 7654 32, or DE00 0000 ÄÄÄÄ 0000 0000"
    with caplog.at_level(logging.DEBUG):
        cleared(document_of(text))

    assert "GB82" not in caplog.text
    assert "DE00" not in caplog.text
