"""Stage 6: the flip. Search sees the document whole from here on, or not at all."""

from typing import Any
from uuid import UUID

from intake.models import Document
from intake.versions import series_settle
from processing.clock import database_now
from processing.errors import IndexWriteError
from processing.models import Chunk, Redaction
from processing.payloads import Published, StoredDocument
from processing.stages.context import StageContext


def serve(stored: StoredDocument, context: StageContext) -> Published:
    """Make this run's passages the visible ones and remove those of earlier runs.

    Of several versions of a file only the newest published one is visible. Raises
    `IndexWriteError` where what this run stored is not there any more.

    Runs in one transaction with the end of the stage.
    """
    _require_stored(stored, context)
    context.stores.vectors.publish(document_id=context.document_id, run_id=context.run_id)
    Document.objects.filter(pk=context.document_id).update(
        published_run_id=context.run_id, published_at=database_now()
    )
    series_settle(tenant=context.tenant, series=_series(context))
    earlier = Chunk.objects.filter(document_id=context.document_id).exclude(run_id=context.run_id)
    for run_id in set(earlier.values_list("run_id", flat=True)):
        context.stores.vectors.delete_run(run_id)
    earlier.delete()
    Redaction.objects.filter(run__document_id=context.document_id).exclude(
        run_id=context.run_id
    ).delete()
    return Published(document_id=stored.document_id, chunk_count=stored.chunk_count)


def _require_stored(stored: StoredDocument, context: StageContext) -> None:
    """A document must not become visible without its passages, nor without what hides them."""
    if Chunk.objects.filter(run_id=context.run_id).count() != stored.chunk_count:
        raise IndexWriteError(
            "What was stored of the document is not there any more.",
            remediation="Try it again; if it lasts, have the platform's operator look at the log.",
        )


def _series(context: StageContext) -> UUID:
    return Document.objects.values_list("series", flat=True).get(pk=context.document_id)


def details(published: Published) -> dict[str, Any]:
    """Return what the audit event of this stage tells."""
    return {"chunks": published.chunk_count}
