"""Reading runs, stages, passages and page images, inside the tenant's context."""

from uuid import UUID

from django.conf import settings
from django.db.models import OuterRef, Prefetch, QuerySet, Subquery

from frostbyte.kernel.errors import NotFoundError
from intake.models import Document
from intake.selectors import document_get, document_list
from processing.models import LATEST_FIRST, Chunk, Redaction, Run, StageRun
from processing.runner import payload_key
from tenants.models import Tenant
from tenants.stores import for_tenant


def run_of(*, document_id: UUID) -> Run | None:
    """Return the document's latest run with its stages, or None when it has none yet."""
    stages = Prefetch("stages", StageRun.objects.order_by("position"))
    runs = Run.objects.filter(document_id=document_id).prefetch_related(stages)
    return runs.order_by(*LATEST_FIRST).first()


def documents_with_state() -> QuerySet[Document]:
    """Return the documents, newest first, each with the `run_state` of its latest run."""
    latest = Run.objects.filter(document=OuterRef("pk")).order_by(*LATEST_FIRST)
    return document_list().annotate(run_state=Subquery(latest.values("state")[:1]))


def document_versions(document: Document) -> QuerySet[Document]:
    """Return the versions of the document's file, newest first, each with `run_state`."""
    return documents_with_state().filter(series=document.series).order_by("-version")


def chunk_list(*, document_id: UUID) -> QuerySet[Chunk]:
    """Return the published passages of a document in reading order."""
    published = document_get(document_id=document_id).published_run_id
    if published is None:
        return Chunk.objects.none()
    return Chunk.objects.filter(document_id=document_id, run_id=published).order_by("ordinal")


def chunk_get(*, chunk_id: UUID) -> Chunk:
    """Return a published passage by its row's id, with its document; raises `NotFoundError`."""
    chunk = Chunk.objects.select_related("document").filter(pk=chunk_id).first()
    if chunk is None or chunk.document.published_run_id != chunk.run_id:
        raise NotFoundError("There is no such passage.")
    return chunk


def canonical_bytes(*, tenant: Tenant, document: Document, run_id: UUID) -> bytes:
    """Return the canonical document of one of the document's runs as it is stored and hashed.

    Raises `NotFoundError`: an object is reached by way of rows alone, which the reader must see.
    """
    if not Run.objects.filter(pk=run_id, document=document).exists():
        raise NotFoundError("The document has no such run.")
    return for_tenant(tenant).objects.get(payload_key(run_id, "parse"))


def page_image(
    *, tenant: Tenant, document_id: UUID, page: int, chunk_id: UUID | None = None
) -> bytes:
    """Return a page as PNG, a passage marked, and everything that was redacted painted over.

    Raises `NotFoundError` for a document that is not published: nothing is shown that the
    gates have not judged.
    """
    from processing.rendering import render_confined

    document = document_get(document_id=document_id)
    if document.published_run_id is None:
        raise NotFoundError("The document is not published yet.")
    highlight = []
    if chunk_id is not None:
        chunk = chunk_get(chunk_id=chunk_id)
        if chunk.document_id == document.pk and chunk.page == page:
            highlight = [(chunk.start_char, chunk.end_char)]
    hidden = Redaction.objects.filter(run_id=document.published_run_id, page=page)
    with for_tenant(tenant).objects.open(document.raw_key) as raw:
        return render_confined(
            raw,
            page=page,
            highlight=highlight,
            redact=list(hidden.values_list("start_char", "end_char")),
            limits=settings.RENDER_LIMITS,
        )
