"""What an answer is made of, and the proof that goes with each part of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What lets anyone check a citation against the stores, today or later. Hashes are SHA-256."""

    document_id: UUID
    run_id: UUID
    chunk_id: UUID
    raw_sha256: str
    canonical_sha256: str
    chunk_sha256: str
    page: int | None
    start_char: int
    end_char: int
    audit_event_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One passage that answers, where it stands, and its proof. `score` is cosine similarity."""

    id: UUID
    chunk_id: UUID
    document_id: UUID
    filename: str
    media_type: str
    text: str
    score: float
    element_type: str
    page: int | None
    start_char: int
    end_char: int
    bbox: tuple[float, ...] | None
    section_path: tuple[str, ...]
    model_id: str
    proof: Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """The passages, best first, and how they were found."""

    hits: tuple[Hit, ...]
    model_id: str
    took_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryFilters:
    """Limits on where to look; an empty one limits nothing.

    Of a file that came in several versions the newest published one is looked at, with
    `all_versions` each.
    """

    document_ids: tuple[UUID, ...] = ()
    media_types: tuple[str, ...] = ()
    all_versions: bool = False
    collections: tuple[str, ...] = ()
    created_after: datetime | None = None
    created_before: datetime | None = None
    metadata: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofCheck:
    """One link of a proof: whether it holds, and what is wrong if not."""

    name: str
    valid: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofReport:
    """Every link of a proof."""

    checks: tuple[ProofCheck, ...]

    @property
    def valid(self) -> bool:
        """Whether every link holds."""
        return all(check.valid for check in self.checks)
