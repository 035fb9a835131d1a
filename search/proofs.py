"""Checking a proof against the stores: which of its links hold, and which one is broken.

The links, in order: the raw object has the hash that the receipt gave it; the canonical document
has the hash that parsing recorded; the span of the canonical text, less what the gates took out,
is the passage's text; the passage has its hash; the audit events are there and their hashes hold.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import msgspec

from audit.events import EventType, hash_event
from audit.models import AuditEvent
from audit.services import hashed_fields
from frostbyte.kernel.errors import FrostbyteError, NotFoundError
from frostbyte.kernel.hashing import sha256_hex, sha256_of_file
from intake.models import Document
from intake.selectors import document_get
from processing.canonical import Page, ParsedDocument, decode
from processing.models import Chunk, Redaction
from processing.policy.redaction import redacted_slice
from processing.selectors import canonical_bytes
from search.results import Proof, ProofCheck, ProofReport
from tenants.models import Tenant
from tenants.stores import for_tenant

Link = Callable[["Evidence"], None]


@dataclass(frozen=True)
class Evidence:
    """A proof, and what the stores hold of its document."""

    tenant: Tenant
    document: Document
    proof: Proof

    @cached_property
    def canonical(self) -> bytes:
        """The canonical document of the proof's run, which two links look at."""
        return canonical_bytes(tenant=self.tenant, document=self.document, run_id=self.proof.run_id)


class BrokenLinkError(FrostbyteError):
    """One link of a proof does not hold; the message says how."""

    code = "PROOF_BROKEN"
    http_status = 409


def proof_verify(*, tenant: Tenant, proof: Proof) -> ProofReport:
    """Check every link, inside the tenant's context; a broken one does not hide the others.

    Of a document that is not there, or that the reader does not see, no link holds.
    """
    try:
        document = document_get(document_id=proof.document_id)
    except NotFoundError as error:
        return ProofReport(checks=tuple(_broken(name, error) for name in _LINKS))
    evidence = Evidence(tenant, document, proof)
    return ProofReport(
        checks=tuple(_checked(name, check, evidence) for name, check in _LINKS.items())
    )


def _checked(name: str, check: Link, evidence: Evidence) -> ProofCheck:
    try:
        check(evidence)
    except FrostbyteError as error:
        return _broken(name, error)
    return ProofCheck(name=name, valid=True, detail="holds")


def _broken(name: str, error: FrostbyteError) -> ProofCheck:
    return ProofCheck(name=name, valid=False, detail=error.message)


def _raw_object(evidence: Evidence) -> None:
    document, proof = evidence.document, evidence.proof
    with for_tenant(evidence.tenant).objects.open(document.raw_key) as stream:
        found = sha256_of_file(stream)
    _require(found == proof.raw_sha256, "the stored file is not the one that was received")
    _require(document.sha256 == proof.raw_sha256, "the document's record names another hash")


def _canonical_document(evidence: Evidence) -> None:
    found = sha256_hex(evidence.canonical)
    _require(found == evidence.proof.canonical_sha256, "the canonical document was changed")


def _span(evidence: Evidence) -> None:
    proof = evidence.proof
    page = next((page for page in _pages(evidence.canonical) if page.number == proof.page), None)
    _require(page is not None, "the canonical document has no such page")
    hidden = Redaction.objects.filter(run_id=proof.run_id, page=proof.page)
    expected = redacted_slice(
        page.text if page else "",
        start=proof.start_char,
        end=proof.end_char,
        spans=list(hidden.values_list("start_char", "end_char", "kind")),
    )
    _require(_chunk(proof).text == expected, "the passage is not what stands at that span")


def _pages(data: bytes) -> tuple[Page, ...]:
    try:
        return decode(data, ParsedDocument).pages
    except msgspec.MsgspecError:
        # The reader's own error may quote the document.
        raise BrokenLinkError("the canonical document cannot be read any more") from None


def _passage(evidence: Evidence) -> None:
    proof = evidence.proof
    chunk = _chunk(proof)
    place = (chunk.page, chunk.start_char, chunk.end_char)
    _require(sha256_hex(chunk.text.encode()) == proof.chunk_sha256, "the passage was changed")
    _require(place == (proof.page, proof.start_char, proof.end_char), "the span was changed")


def _audit_events(evidence: Evidence) -> None:
    proof = evidence.proof
    found = AuditEvent.objects.filter(
        tenant=evidence.tenant.slug, event_id__in=proof.audit_event_ids
    )
    events = {event.pk: event for event in found}
    _require(len(proof.audit_event_ids) > 0, "the proof names no audit event")
    _require(len(events) == len(proof.audit_event_ids), "an audit event is missing")
    for event in events.values():
        fields = hashed_fields(event)
        _require(
            event.event_hash == hash_event(previous_hash=event.previous_hash, fields=fields)
            and event.resource_id == str(proof.document_id),
            "an audit event was changed or tells of another document",
        )
    _require_recorded(list(events.values()), EventType.DOCUMENT_INGESTED, proof.raw_sha256)
    _require_recorded(list(events.values()), EventType.DOCUMENT_PARSED, proof.canonical_sha256)


def _require_recorded(events: list[AuditEvent], kind: EventType, output_hash: str) -> None:
    recorded = {
        event.details.get("output_hash") for event in events if event.event_type == kind.value
    }
    _require(output_hash in recorded, f"no {kind.value} event recorded this hash")


def _chunk(proof: Proof) -> Chunk:
    chunk = Chunk.objects.filter(run_id=proof.run_id, chunk_id=proof.chunk_id).first()
    if chunk is None:
        raise BrokenLinkError("the passage is not in the store")
    return chunk


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise BrokenLinkError(otherwise)


_LINKS: Final[dict[str, Link]] = {
    "raw_object": _raw_object,
    "canonical_document": _canonical_document,
    "span": _span,
    "passage": _passage,
    "audit_events": _audit_events,
}
