"""What became of a batch: its acceptance report in three forms."""

from typing import ClassVar
from uuid import UUID

from django.template.loader import render_to_string
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from intake.models import Batch
from processing.api.renderers import HtmlRenderer, PdfRenderer, StoredJsonRenderer
from processing.api.scopes import INGEST_OR_QUERY
from processing.api.serializers import PageQuerySerializer
from processing.batches.pdf import report_pdf
from processing.batches.selectors import StoredReport, batch_with_report, report_get
from processing.batches.telling import report_context
from tenants.api.callers import require_tenant

TAGS = ["batches"]


class BatchReportView(GenericAPIView[Batch]):
    """The acceptance report."""

    required_scope = INGEST_OR_QUERY
    throttle_scope = "query"
    renderer_classes = (StoredJsonRenderer, HtmlRenderer, PdfRenderer)
    serializer_class = PageQuerySerializer
    pagination_class = None
    further_problems: ClassVar = {"GET": (404, 409, 503)}
    problem_origins = ("tenants",)

    @extend_schema(
        operation_id="batch_report",
        tags=TAGS,
        responses={
            (200, "application/json"): OpenApiTypes.OBJECT,
            (200, "text/html"): OpenApiTypes.STR,
            (200, "application/pdf"): OpenApiTypes.BINARY,
        },
    )
    def get(self, request: Request, batch_id: UUID) -> Response:
        """Return the report of a batch that is over, just as it was stored and signed.

        `?format=html` and `?format=pdf` are made from it. `Report-Signature` is Ed25519, in
        base64, over the bytes of the JSON, by the platform's key that `Report-Signing-Key` names.
        Before the batch is over the answer is 409 `BATCH_NOT_FINAL`, with `progress`.
        """
        batch = batch_with_report(batch_id=batch_id)
        stored = report_get(tenant=require_tenant(request), batch=batch)
        kind = request.accepted_renderer.format
        headers = {
            "ETag": f'"{stored.row.sha256}-{kind}"',
            "Report-SHA256": stored.row.sha256,
            "Report-Signature": stored.row.signature,
            "Report-Signing-Key": stored.row.signing_key,
        }
        if kind == "pdf":
            headers["Content-Disposition"] = f'inline; filename="acceptance-{batch_id}.pdf"'
        return Response(_body(request, stored, kind), headers=headers)


def _body(request: Request, stored: StoredReport, kind: str) -> bytes:
    if kind == "pdf":
        return report_pdf(
            stored.report, sha256=stored.row.sha256, signing_key=stored.row.signing_key
        )
    if kind == "html":
        plain = request._request  # noqa: SLF001
        page = render_to_string("processing/batch_report.html", report_context(stored), plain)
        return page.encode()
    return stored.data
