"""Stage 4: cleared passages to vectors."""

from typing import Any

import numpy as np

from processing.chunking import embedding_text
from processing.embedders import get_embedder
from processing.payloads import ClearedDocument, EmbeddedDocument
from processing.stages.context import StageContext


def embed(cleared: ClearedDocument, context: StageContext) -> EmbeddedDocument:
    """Embed every passage with the tenant's model; raises `EmbeddingError`."""
    embedder = get_embedder(context.configuration.embedding_model)
    vectors = embedder.embed([embedding_text(chunk) for chunk in cleared.chunks])
    return EmbeddedDocument(
        document_id=cleared.document_id,
        lineage=cleared.lineage,
        canonical_sha256=cleared.canonical_sha256,
        chunks=cleared.chunks,
        findings=cleared.findings,
        gates=cleared.gates,
        model_id=embedder.model_id,
        dimensions=embedder.dimensions,
        vectors=vectors.astype(np.dtype("<f4")).tobytes(),
    )


def details(embedded: EmbeddedDocument) -> dict[str, Any]:
    """Return what the audit event of this stage tells."""
    return {
        "model": embedded.model_id,
        "dimensions": embedded.dimensions,
        "vectors": len(embedded.chunks),
    }
