"""What flows from stage to stage. Each stage is a function from one of these to the next:

    StageInput → Receipt → ParsedDocument → ClearedDocument → EmbeddedDocument
               → StoredDocument → Published

All are frozen and serialise with `processing.canonical.encode`.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from processing.canonical import Chunk, Lineage


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedFile:
    """The document as intake handed it over: the first stage's input."""

    document_id: UUID
    raw_key: str
    raw_sha256: str
    size_bytes: int
    media_type: str
    filename: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt(ReceivedFile):
    """Proof that the stored bytes are the received ones: re-read and hashed again."""


class GateOutcome(StrEnum):
    """What a policy gate decided over the whole document."""

    PASSED = "passed"
    REDACTED = "redacted"
    FLAGGED = "flagged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One span of a page's canonical text that a gate acted on. Never the text itself."""

    gate: str
    kind: str
    page: int | None
    start_char: int
    end_char: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """One gate's verdict, with the version of its rules and how often each kind was found."""

    gate: str
    version: str
    outcome: GateOutcome
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearedDocument:
    """What passed every gate: chunks as they may be seen, and what was taken out of them."""

    document_id: UUID
    lineage: Lineage
    canonical_sha256: str
    configuration_version: int
    chunks: tuple[Chunk, ...]
    findings: tuple[Finding, ...]
    gates: tuple[GateResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedDocument:
    """The cleared chunks with their vectors: float32, little endian, row i belongs to chunk i."""

    document_id: UUID
    lineage: Lineage
    canonical_sha256: str
    chunks: tuple[Chunk, ...]
    findings: tuple[Finding, ...]
    gates: tuple[GateResult, ...]
    model_id: str
    dimensions: int
    vectors: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDocument:
    """Everything is in the stores, not yet visible."""

    document_id: UUID
    chunk_count: int
    vector_count: int
    model_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The document is visible to search, whole."""

    document_id: UUID
    chunk_count: int
