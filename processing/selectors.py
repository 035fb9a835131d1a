"""Reading runs, stages, passages and page images, inside the tenant's context."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import OuterRef, Prefetch, QuerySet, Subquery
from django.utils import timezone

from frostbyte.kernel.errors import NotFoundError
from intake.models import Document
from intake.selectors import document_get, document_list
from processing.canonical import ParsedDocument, decode
from processing.models import Chunk, Redaction, Run, RunState, StageRun, StageState
from processing.pipeline import STAGE_NAMES
from processing.runner import payload_key
from tenants.models import Tenant
from tenants.stores import for_tenant


@dataclass(frozen=True, slots=True)
class StageProgress:
    """One stage as a person sees it; `reason` says why it waits, if it does."""

    name: str
    state: str
    attempt: int
    seconds: float | None
    reason: str
    since: datetime | None


def run_of(*, document_id: UUID) -> Run | None:
    """Return the document's latest run with its stages, or None when it has none yet."""
    return (
        Run.objects.filter(document_id=document_id)
        .prefetch_related(Prefetch("stages", StageRun.objects.order_by("position")))
        .order_by("-created_at")
        .first()
    )


def documents_with_state() -> QuerySet[Document]:
    """Return the documents, newest first, each with `run_state` and `run_error` of its last run."""
    latest = Run.objects.filter(document=OuterRef("pk")).order_by("-created_at")
    return document_list().annotate(
        run_state=Subquery(latest.values("state")[:1]),
        run_error=Subquery(latest.values("error_message")[:1]),
    )


def stage_progress(*, run: Run) -> list[StageProgress]:
    """Return every stage of the run in order, with the reason why one waits."""
    by_name = {stage_run.stage: stage_run for stage_run in run.stages.all()}
    return [_progress(run, by_name[name]) for name in STAGE_NAMES if name in by_name]


def waiting_reason(run: Run) -> str:
    """Return why a run that is not final does not move, in a sentence; '' when it does."""
    if run.state == RunState.QUEUED:
        return "Waits for a free worker."
    if run.state == RunState.WAITING:
        return f"{run.error_message} It is tried again by itself."
    return ""


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


def canonical_document(*, tenant: Tenant, run_id: UUID) -> tuple[ParsedDocument, bytes]:
    """Return the canonical document of a run, and the very bytes that are hashed."""
    data = for_tenant(tenant).objects.get(payload_key(run_id, "parse"))
    return decode(data, ParsedDocument), data


def page_image(
    *, tenant: Tenant, document_id: UUID, page: int, chunk_id: UUID | None = None
) -> bytes:
    """Return a page as PNG, a passage marked, and everything that was redacted painted over.

    Raises `NotFoundError` for a document that is not published: nothing is shown that the
    gates have not judged.
    """
    from processing.rendering import render_page

    document = document_get(document_id=document_id)
    if document.published_run_id is None:
        raise NotFoundError("The document is not published yet.")
    highlight = []
    if chunk_id is not None:
        chunk = chunk_get(chunk_id=chunk_id)
        if chunk.document_id == document.pk and chunk.page == page:
            highlight = [(chunk.start_char, chunk.end_char)]
    hidden = Redaction.objects.filter(run_id=document.published_run_id, page=page)
    return render_page(
        for_tenant(tenant).objects.get(document.raw_key),
        page=page,
        highlight=highlight,
        redact=list(hidden.values_list("start_char", "end_char")),
    )


def _progress(run: Run, stage_run: StageRun) -> StageProgress:
    reason, since = "", stage_run.started_at
    if stage_run.state == StageState.WAITING:
        wait = max(0, round((stage_run.due_at - timezone.now()).total_seconds()))
        reason, since = f"{stage_run.error_message} Next try in {wait} s.", stage_run.finished_at
    elif stage_run.state == StageState.FAILED:
        reason, since = stage_run.error_message, stage_run.finished_at
    elif stage_run.state == StageState.PENDING and run.state == RunState.QUEUED:
        reason, since = waiting_reason(run), run.created_at
    return StageProgress(
        name=stage_run.stage,
        state=stage_run.state,
        attempt=stage_run.attempt,
        seconds=stage_run.seconds,
        reason=reason,
        since=since,
    )
