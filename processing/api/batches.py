"""Batches: hand many files in under one manifest, follow them, read the batch's receipt."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from intake.api.idempotency import HEADER, IdempotentMixin
from intake.api.parsers import ManifestParser, MultipartParser
from intake.batches.incoming import Body, Incoming, incoming_read
from intake.batches.manifest import Manifest
from intake.batches.selectors import batch_files, batch_get, batch_list
from intake.batches.services import (
    batch_cancel,
    batch_close,
    batch_file_receive,
    batch_open,
    batch_open_or_resume,
    batch_require_new_or_resumable,
)
from intake.models import Batch, BatchState
from processing.api.batch_serializers import (
    BATCH_RECEIPT,
    MANIFEST,
    BatchReceiptSerializer,
    BatchSerializer,
    BatchUploadSerializer,
    ManifestSerializer,
)
from processing.api.scopes import INGEST_OR_QUERY
from processing.batches.settling import batch_settle
from processing.cancelling import batch_cancel_runs
from processing.progress import runs_of_files
from tenants.api.callers import actor_of, require_tenant
from tenants.models import Scope

TAGS = ["intake"]
STATE = OpenApiParameter("state", str, enum=BatchState.values, description="Only of this state.")
REFERENCE = OpenApiParameter("batch_id", str, description="Only of this reference of the sender.")
COLLECTION = OpenApiParameter("collection", str, description="Only of this collection.")


class BatchBase(GenericAPIView[Batch]):
    """What the views of batches have in common."""

    serializer_class = BatchSerializer
    problem_origins = ("intake",)

    def tell(self, batch_id: UUID, code: int = status.HTTP_200_OK) -> Response:
        """Return the receipt of a batch as it stands."""
        batch = batch_get(batch_id=batch_id)
        files = list(batch_files(batch))
        runs = runs_of_files(files)
        context = {**self.get_serializer_context(), "files": files, "runs": runs}
        data = BatchReceiptSerializer(batch, context=context).data
        headers = {"Location": data["links"]["self"]} if code != status.HTTP_200_OK else {}
        return Response(data, status=code, headers=headers)


class BatchesView(IdempotentMixin, BatchBase):
    """The list of batches, and the way in for new ones."""

    required_scope: ClassVar = {"GET": INGEST_OR_QUERY, "POST": Scope.INGEST.value}
    throttle_scope: ClassVar = {"GET": "query", "POST": "intake"}
    parser_classes = (MultipartParser, ManifestParser)
    cursor_ordering = ("-created_at", "-id")
    further_problems: ClassVar = {"POST": (404, 409, 422, 503)}

    def get_queryset(self) -> QuerySet[Batch]:
        """Return the batches that the query asks for."""
        batches, asked = batch_list(), self.request.query_params
        if state := asked.get("state"):
            if state not in BatchState.values:
                raise ValidationError({"state": [f"One of {', '.join(BatchState.values)}."]})
            batches = batches.filter(state=state)
        if reference := asked.get("batch_id"):
            batches = batches.filter(reference=_text("batch_id", reference))
        if collection := asked.get("collection"):
            batches = batches.filter(collection__name=_text("collection", collection))
        return batches

    @extend_schema(
        operation_id="batch_list",
        tags=TAGS,
        parameters=[STATE, REFERENCE, COLLECTION],
        responses=BatchSerializer(many=True),
    )
    def get(self, _request: Request) -> Response:
        """List the batches, newest first."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        operation_id="batch_create",
        tags=TAGS,
        request={
            "multipart/form-data": BatchUploadSerializer,
            "application/json": ManifestSerializer,
        },
        parameters=[HEADER],
        responses={
            201: OpenApiResponse(BatchReceiptSerializer, "Announced: the files are awaited."),
            202: OpenApiResponse(BatchReceiptSerializer, "Every file has its receipt."),
        },
        examples=[MANIFEST, BATCH_RECEIPT],
    )
    def post(self, request: Request) -> Response:
        """Hand in a batch: the manifest with its files, or the manifest alone.

        As multipart/form-data the part `manifest` comes first, then one part a file, named by its
        `file_id`; each file gets its receipt, and one that is refused fails no other. As JSON the
        manifest opens a batch that waits for resumable uploads. A fault of the batch as a whole
        refuses all of it, and nothing is kept.
        """
        brought: Any = request.data
        if isinstance(brought, Body):
            return self.tell(self._receive(request, brought).pk, status.HTTP_202_ACCEPTED)
        if not isinstance(brought, Manifest):
            raise ValidationError({"manifest": ["The request has no body."]})
        self.idempotent(request, brought.digest)
        batch = batch_open(
            tenant=require_tenant(request), manifest=brought, actor=actor_of(request)
        )
        return self.tell(batch.pk, status.HTTP_201_CREATED)

    def _receive(self, request: Request, body: Body) -> Batch:
        tenant, actor = require_tenant(request), actor_of(request)

        def check(manifest: Manifest) -> None:
            self.idempotent(request, manifest.digest)
            batch_require_new_or_resumable(manifest)

        with incoming_read(tenant=tenant, body=body, check=check) as incoming:
            manifest: Any = incoming.manifest
            batch = batch_open_or_resume(tenant=tenant, manifest=manifest, actor=actor)
            _take(request, batch, incoming)
        batch_close(tenant=tenant, batch=batch, actor=actor)
        return batch


class BatchView(BatchBase):
    """One batch."""

    required_scope = INGEST_OR_QUERY
    throttle_scope = "query"

    @extend_schema(operation_id="batch_get", tags=TAGS, responses={200: BatchReceiptSerializer})
    def get(self, _request: Request, batch_id: UUID) -> Response:
        """Return the receipt of a batch: each file with its receipt and how far it has come."""
        return self.tell(batch_id)


class BatchCancelView(BatchBase):
    """The end of a batch before its time."""

    required_scope = Scope.INGEST.value
    throttle_scope = "intake"
    further_problems: ClassVar = {"POST": (409,)}

    @extend_schema(
        operation_id="batch_cancel",
        tags=TAGS,
        request=None,
        responses={200: BatchReceiptSerializer},
    )
    def post(self, request: Request, batch_id: UUID) -> Response:
        """Cancel a batch: what has not come is rejected, what is under way ends.

        Documents that are published by then stay.
        """
        tenant, actor = require_tenant(request), actor_of(request)
        batch = batch_cancel(tenant=tenant, batch=batch_get(batch_id=batch_id), actor=actor)
        batch_cancel_runs(tenant=tenant, batch_id=batch.pk, actor=actor)
        batch_settle(tenant, batch.pk)
        return self.tell(batch.pk)


def _take(request: Request, batch: Batch, incoming: Incoming) -> None:
    """Take in each file that came, in the manifest's order."""
    for file in batch_files(batch).filter(receipt=None).select_related("batch__collection"):
        if file.file_id in incoming.places:
            batch_file_receive(
                tenant=require_tenant(request),
                batch_file=file,
                stream=incoming.stream_of(file.file_id),
                actor=actor_of(request),
            )


def _text(name: str, value: str) -> str:
    if "\x00" in value:
        raise ValidationError({name: ["No null characters."]})
    return value
