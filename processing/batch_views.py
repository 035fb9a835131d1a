"""Pages of one batch: how far it is, file by file, and the report that it ends with."""

from uuid import UUID

from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from intake.models import BatchFile
from processing.batches.progress import batch_progress
from processing.batches.rows import STATES, file_rows, stage_bars
from processing.batches.selectors import batch_with_report, report_get, report_row
from processing.batches.telling import report_context
from tenants.models import Scope
from tenants.pages import StaffRequest, page_of, staff_page


@require_GET
@staff_page(Scope.QUERY, Scope.INGEST)
def batch(request: StaffRequest, batch_id: UUID) -> HttpResponse:
    """Show a batch: its stages, what waits longest, and each file with its receipt."""
    found = batch_with_report(batch_id=batch_id)
    files = BatchFile.objects.filter(batch=found).select_related("receipt__document")
    page = page_of(request, files.order_by("position"))
    progress = batch_progress(found)
    title, tone = STATES[found.state]
    context = {
        "section": "batches",
        "batch": found,
        "title": title,
        "tone": tone,
        "progress": progress,
        "bars": stage_bars(progress),
        "report": report_row(found),
        "page_obj": page,
        "rows": file_rows(found, list(page)),
    }
    return render(request, "processing/batch.html", context)


@require_GET
@staff_page(Scope.QUERY, Scope.INGEST)
def batch_status(request: StaffRequest, batch_id: UUID) -> JsonResponse:
    """Return how far the batch is, for browsers whose stream of events does not get through."""
    del request
    return JsonResponse(batch_progress(batch_with_report(batch_id=batch_id)).as_json())


@require_GET
@staff_page(Scope.QUERY, Scope.INGEST)
def batch_report(request: StaffRequest, batch_id: UUID) -> HttpResponse:
    """Show the acceptance report, or the batch's page while there is none."""
    found = batch_with_report(batch_id=batch_id)
    if report_row(found) is None:
        return redirect("batch", batch_id)
    stored = report_get(tenant=request.tenant, batch=found)
    return render(request, "processing/batch_report.html", report_context(stored))
