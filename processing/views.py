"""Pages of what is being made of the documents: the list, its polling, and one document."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Page
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from frostbyte.kernel.errors import NotFoundError, ValidationError
from intake.collections import document_move
from intake.formats import CSV, DOCX, HTML, MARKDOWN, PDF, TEXT
from intake.models import Document
from intake.selectors import collection_list, document_get, document_list
from intake.views import upload_limits
from processing.models import Chunk, Run
from processing.progress import DocumentRow, latest_runs, progress_of, published_run
from processing.selectors import chunk_get, chunk_list, run_of
from processing.summary import gate_lines, parse_summary
from tenants.models import Scope
from tenants.pages import ROWS, StaffRequest, actor_of, may, page_of, staff_page

PASSAGES: Final = 100
PAGE_DIGITS: Final = 6
KINDS: Final = {
    PDF: "PDF", DOCX: "Word document", TEXT: "Text", MARKDOWN: "Markdown", CSV: "CSV table",
    HTML: "Web page",
}  # fmt: skip


@require_GET
@staff_page(Scope.QUERY, otherwise="audit")
def documents(request: StaffRequest) -> HttpResponse:
    """List the documents with their progress, and the upload form for those who may use it."""
    page = page_of(request, document_list())
    runs = latest_runs(document.pk for document in page)
    context = {
        "section": "documents",
        "page_obj": page,
        "rows": [_row(document, runs.get(document.pk)) for document in page],
        "upload": upload_limits(request.tenant) if may(request, Scope.INGEST) else None,
    }
    return render(request, "processing/documents.html", context)


@require_GET
@staff_page(Scope.QUERY)
def documents_status(request: StaffRequest) -> JsonResponse:
    """Return the progress of the documents named by `id`, at most a page of them."""
    wanted = [found for text in request.GET.getlist("id")[:ROWS] if (found := _uuid(text))]
    known = document_list().in_bulk(wanted)
    runs = latest_runs(known)
    return JsonResponse(
        {
            "documents": {
                str(pk): {
                    "filename": document.filename,
                    **progress_of(runs.get(pk)).as_json(),
                }
                for pk, document in known.items()
            }
        }
    )


@require_GET
@staff_page(Scope.QUERY)
def document(request: StaffRequest, document_id: UUID) -> HttpResponse:
    """Show one document: progress, receipt, hashes, what was left out, its text, a passage."""
    found = document_get(document_id=document_id)
    run = run_of(document_id=document_id)
    content_run = published_run(found) or run
    context = {
        "section": "documents",
        "document": found,
        "kind": kind_of(found),
        "progress": progress_of(run),
        "receipt": found.receipts.order_by("created_at").first(),
        "targets": _targets(request, found),
        **(_content(request, found, content_run) if content_run else {}),
    }
    return render(request, "processing/document.html", context)


@require_POST
@staff_page(Scope.INGEST)
def move(request: StaffRequest, document_id: UUID) -> HttpResponse:
    """Move a document to another collection that the person reads."""
    found = document_get(document_id=document_id)
    wanted = request.POST.get("collection", "")
    try:
        document_move(
            tenant=request.tenant, document=found, collection=wanted, actor=actor_of(request)
        )
    except ValidationError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"{found.filename} is in {wanted} now.")
    return redirect("document", document_id)


def _targets(request: StaffRequest, document: Document) -> list[str]:
    """Return the collections that the person may move the document to."""
    if not may(request, Scope.INGEST):
        return []
    others = collection_list().exclude(name=document.collection.name)
    return list(others.values_list("name", flat=True))


def kind_of(document: Document) -> str:
    """Return the document's format in words."""
    return KINDS.get(document.media_type, document.media_type)


def _row(document: Document, run: Run | None) -> DocumentRow:
    return DocumentRow(document, kind_of(document), progress_of(run))


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


def _content(request: StaffRequest, document: Document, run: Run) -> dict[str, Any]:
    summary = parse_summary(tenant=request.tenant, run=run)
    gates = gate_lines(tenant=request.tenant, run=run)
    hashes = {row.stage: row.output_hash for row in run.stages.all()}
    context: dict[str, Any] = {
        "gates": gates,
        "redacted": any(gate.redacted for gate in gates),
        "dropped": summary.dropped if summary else (),
        "canonical_sha256": hashes.get("parse", ""),
        "passage_count": summary.stats.chunks if summary else 0,
    }
    if document.published_run_id is None:
        return context
    pages = summary.stats.pages if summary else 1
    return {**context, **_passages(request, document, pages)}


def _passages(request: StaffRequest, document: Document, pages: int) -> dict[str, Any]:
    asked = request.GET.get("chunk")
    chosen = _chosen(document, asked)
    shown: dict[str, Any] = {"chosen": chosen, "stale": bool(asked) and chosen is None}
    if document.media_type == PDF:
        return {**shown, **_sheet(request, document, pages, chosen)}
    page = _text_page(request, document, chosen)
    return {**shown, "passages": page.object_list, "page_obj": page}


def _chosen(document: Document, asked: str | None) -> Chunk | None:
    chunk_id = _uuid(asked)
    if chunk_id is None:
        return None
    try:
        chunk = chunk_get(chunk_id=chunk_id)
    except NotFoundError:
        return None
    return chunk if chunk.document_id == document.pk else None


@dataclass(frozen=True, slots=True)
class SheetView:
    """A page of a document that has pages, and its neighbours."""

    number: int
    count: int

    @property
    def previous(self) -> int | None:
        """The page before, if there is one."""
        return self.number - 1 if self.number > 1 else None

    @property
    def next(self) -> int | None:
        """The page after, if there is one."""
        return self.number + 1 if self.number < self.count else None


def _sheet(
    request: StaffRequest, document: Document, pages: int, chosen: Chunk | None
) -> dict[str, Any]:
    asked = request.GET.get("page", "")
    number = int(asked) if asked.isdecimal() and len(asked) <= PAGE_DIGITS else 1
    if chosen and chosen.page:
        number = chosen.page
    sheet = SheetView(max(1, min(number, pages)), pages)
    return {
        "page": sheet,
        "passages": chunk_list(document_id=document.pk).filter(page=sheet.number),
        "image_url": page_image_url(document.pk, sheet.number, chosen.pk if chosen else None),
    }


def page_image_url(document_id: UUID, page: int, chunk_id: UUID | None) -> str:
    """Return the address of a page's image, with one passage marked if it is named."""
    address = reverse("api:page-image", args=[document_id, page])
    return f"{address}?chunk={chunk_id}" if chunk_id else address


def _text_page(request: StaffRequest, document: Document, chosen: Chunk | None) -> Page[Chunk]:
    if chosen is None:
        return page_of(request, chunk_list(document_id=document.pk), size=PASSAGES)
    at = chosen.ordinal // PASSAGES + 1
    return page_of(request, chunk_list(document_id=document.pk), size=PASSAGES, number=at)
