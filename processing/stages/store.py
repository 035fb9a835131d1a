"""Stage 5: rows and vectors into the tenant's stores, not yet visible."""

from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from frostbyte.kernel.hashing import sha256_hex
from frostbyte.kernel.ids import derived_id
from processing.canonical import Chunk as Passage
from processing.models import Chunk, Redaction
from processing.payloads import EmbeddedDocument, GateOutcome, StoredDocument
from processing.stages.context import StageContext
from tenants.stores import Point

_BATCH = 1000


def store(embedded: EmbeddedDocument, context: StageContext) -> StoredDocument:
    """Write chunks, redactions and vectors of this run, replacing what an earlier try wrote.

    Runs in one transaction with the end of the stage: all of it is there, or none.
    """
    rows = [_row(passage, n, context) for n, passage in enumerate(embedded.chunks)]
    Chunk.objects.filter(run_id=context.run_id).delete()
    Chunk.objects.bulk_create(rows, batch_size=_BATCH)
    _store_redactions(embedded, context)
    vectors = context.stores.vectors
    vectors.delete_run(context.run_id)
    vectors.upsert(_points(rows, _matrix(embedded)), model_id=embedded.model_id)
    return StoredDocument(
        document_id=embedded.document_id,
        chunk_count=len(rows),
        vector_count=len(rows),
        model_id=embedded.model_id,
    )


def details(stored: StoredDocument) -> dict[str, Any]:
    """Return what the audit event of this stage tells."""
    return {"chunks": stored.chunk_count, "vectors": stored.vector_count, "model": stored.model_id}


def row_id(run_id: UUID, passage_id: UUID) -> UUID:
    """Return the id of a passage's row, and of its vector, in one run."""
    return derived_id("row", run_id, passage_id)


def _row(passage: Passage, ordinal: int, context: StageContext) -> Chunk:
    box = passage.bbox
    return Chunk(
        id=row_id(context.run_id, passage.chunk_id),
        chunk_id=passage.chunk_id,
        run_id=context.run_id,
        document_id=context.document_id,
        ordinal=ordinal,
        text=passage.text,
        sha256=sha256_hex(passage.text.encode()),
        element_type=passage.element_type.value,
        page=passage.page,
        start_char=passage.start_char,
        end_char=passage.end_char,
        bbox=[box.x0, box.y0, box.x1, box.y1] if box else None,
        start_s=passage.start_s,
        end_s=passage.end_s,
        section_path=list(passage.section_path),
    )


def _store_redactions(embedded: EmbeddedDocument, context: StageContext) -> None:
    Redaction.objects.filter(run_id=context.run_id).delete()
    redacting = {gate.gate for gate in embedded.gates if gate.outcome is GateOutcome.REDACTED}
    Redaction.objects.bulk_create(
        [
            Redaction(
                run_id=context.run_id,
                kind=finding.kind,
                page=finding.page,
                start_char=finding.start_char,
                end_char=finding.end_char,
            )
            for finding in embedded.findings
            if finding.gate in redacting
        ],
        batch_size=_BATCH,
    )


def _matrix(embedded: EmbeddedDocument) -> NDArray[np.float32]:
    return np.frombuffer(embedded.vectors, dtype="<f4").reshape(-1, embedded.dimensions)


def _points(rows: list[Chunk], matrix: NDArray[np.float32]) -> list[Point]:
    return [
        Point(row.id, row.document_id, row.run_id, vector)
        for row, vector in zip(rows, matrix, strict=True)
    ]
