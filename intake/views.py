"""Pages of what was handed in: the upload form and the receipts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, cast
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from frostbyte.kernel.errors import ValidationError
from intake.formats import in_words
from intake.metadata.checking import metadata_read
from intake.models import DEFAULT_COLLECTION, Outcome, Receipt
from intake.quotas import quota_usage
from intake.selectors import (
    collection_list,
    metadata_schema_in_force,
    receipt_get,
    receipt_list,
)
from intake.services import document_receive
from tenants.limits.quotas import QuotaUsage
from tenants.models import Scope, Tenant
from tenants.pages import StaffRequest, actor_of, may, page_of, staff_page


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What the upload form tells before anything is sent."""

    formats: str
    max_bytes: int
    collections: tuple[str, ...]
    usage: QuotaUsage
    has_schema: bool
    errors: str = ""
    metadata: str = ""


def upload_limits(tenant: Tenant, *, errors: str = "", metadata: str = "") -> UploadLimits:
    """Return what the upload form tells: limits, what is used of them, the person's collections.

    A field for metadata is shown where the tenant has a schema for it.
    """
    settings = tenant.settings
    return UploadLimits(
        formats=in_words(settings.mime_allowlist),
        max_bytes=settings.max_file_size_mb * 1024**2,
        collections=tuple(collection_list().values_list("name", flat=True)),
        usage=quota_usage(tenant=tenant),
        has_schema=metadata_schema_in_force().document is not None,
        errors=errors,
        metadata=metadata,
    )


@require_http_methods(["GET", "POST"])
@staff_page(Scope.INGEST)
def upload(request: StaffRequest) -> HttpResponse:
    """Show the upload form, and take what a browser without JavaScript sends with it."""
    if request.method == "GET":
        return _form(request)
    files = request.FILES.getlist("files")
    if fault := _fault(len(files), most=request.tenant.settings.max_batch_size):
        return _form(request, errors=fault)
    try:
        metadata = metadata_read(request.POST.get("metadata", ""))
    except ValidationError as error:
        return _form(request, errors=f"{error.message} {error.remediation}")
    _tell(request, [_receive(request, file, metadata) for file in files])
    return redirect("receipts")


def _fault(count: int, *, most: int) -> str:
    if count == 0:
        return "Choose at least one file."
    if count > most:
        return f"At most {most} files can be sent at once; these were {count}."
    return ""


def _form(request: StaffRequest, *, errors: str = "") -> HttpResponse:
    typed = request.POST.get("metadata", "")
    limits = upload_limits(request.tenant, errors=errors, metadata=typed)
    context = {"section": "documents", "upload": limits}
    return render(request, "intake/upload.html", context, status=400 if errors else 200)


def _receive(
    request: StaffRequest, file: "UploadedFile[bytes]", metadata: Mapping[str, Any]
) -> Receipt:
    return document_receive(
        tenant=request.tenant,
        filename=file.name or "",
        stream=cast("BinaryIO", file),
        actor=actor_of(request),
        collection=request.POST.get("collection") or DEFAULT_COLLECTION,
        metadata=metadata,
    )


def _tell(request: StaffRequest, receipts: Iterable[Receipt]) -> None:
    outcomes = [receipt.outcome for receipt in receipts]
    accepted = outcomes.count(Outcome.ACCEPTED)
    if accepted:
        messages.success(request, f"{accepted} of {len(outcomes)} files taken in.")
    if accepted < len(outcomes):
        messages.error(request, f"{len(outcomes) - accepted} not taken in: see why below.")


@require_GET
@staff_page(Scope.INGEST, Scope.QUERY)
def receipts(request: StaffRequest) -> HttpResponse:
    """List receipts, newest first: an administrator's own and others', a user's own."""
    page = page_of(request, _visible(request))
    context = {"section": "receipts", "receipts": page.object_list, "page_obj": page}
    return render(request, "intake/receipts.html", context)


@require_GET
@staff_page(Scope.INGEST, Scope.QUERY)
def receipt(request: StaffRequest, receipt_id: UUID) -> HttpResponse:
    """Show one receipt whole."""
    found = receipt_get(receipt_id=receipt_id)
    if not may(request, Scope.INGEST) and found.received_from != actor_of(request):
        raise PermissionDenied
    return render(request, "intake/receipt.html", {"section": "receipts", "receipt": found})


def _visible(request: StaffRequest) -> QuerySet[Receipt]:
    every = receipt_list()
    return every if may(request, Scope.INGEST) else every.filter(received_from=actor_of(request))
