"""Documents: hand one in, list them, follow one, read its passages and look at its pages."""

from collections.abc import Mapping
from itertools import chain
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from frostbyte.kernel.hashing import canonical_json, sha256_of_chunks
from intake.api.examples import ACCEPTED, DUPLICATE
from intake.api.idempotency import HEADER, IdempotentMixin
from intake.api.refusals import refusal_of
from intake.api.serializers import ReceiptSerializer, UploadSerializer
from intake.collections import document_move
from intake.metadata.checking import metadata_read
from intake.models import Document, Outcome
from intake.selectors import document_get
from intake.services import document_receive
from processing.api.renderers import PngRenderer
from processing.api.scopes import INGEST_OR_QUERY
from processing.api.serializers import (
    ChunkSerializer,
    DocumentChangesSerializer,
    DocumentDetailSerializer,
    DocumentSerializer,
    PageQuerySerializer,
)
from processing.models import Chunk
from processing.selectors import chunk_list, documents_with_state, page_image, run_of
from tenants.api.callers import actor_of, require_tenant
from tenants.models import Scope

TAGS = ["documents"]


class DocumentsView(IdempotentMixin, GenericAPIView[Document]):
    """The list of documents, and the way in for one file."""

    required_scope: ClassVar = {"GET": INGEST_OR_QUERY, "POST": Scope.INGEST.value}
    throttle_scope: ClassVar = {"GET": "query", "POST": "intake"}
    parser_classes = (MultiPartParser,)
    serializer_class = DocumentSerializer
    cursor_ordering = ("-created_at", "-id")
    further_problems: ClassVar = {"POST": (404, 409, 422, 503)}
    problem_origins = ("intake",)

    def get_queryset(self) -> QuerySet[Document]:
        """Return the documents with the state of their latest runs."""
        return documents_with_state()

    @extend_schema(operation_id="document_list", tags=TAGS, responses=DocumentSerializer(many=True))
    def get(self, _request: Request) -> Response:
        """List the documents, newest first."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        operation_id="document_create",
        tags=["intake"],
        request={"multipart/form-data": UploadSerializer},
        parameters=[HEADER],
        responses={
            202: OpenApiResponse(ReceiptSerializer, "Accepted; the pipeline goes on from here."),
            200: OpenApiResponse(ReceiptSerializer, "These bytes are here already, see `links`."),
        },
        examples=[ACCEPTED, DUPLICATE],
    )
    def post(self, request: Request) -> Response:
        """Hand in one file, and get its receipt.

        A file that is refused is answered with a problem that bears the receipt's code, its id as
        `receipt_id`, and what to do; nothing of the file is kept.
        """
        upload = UploadSerializer(data=request.data)
        upload.is_valid(raise_exception=True)
        if len(request.FILES.getlist("file")) > 1:
            raise ValidationError({"file": ["One file a request; this one brought several."]})
        file = upload.validated_data["file"]
        self.idempotent(request, _fingerprint(upload.validated_data))
        receipt = document_receive(
            tenant=require_tenant(request),
            filename=file.name,
            stream=file,
            collection=upload.validated_data["collection"],
            actor=actor_of(request),
            metadata=metadata_read(upload.validated_data.get("metadata", "")),
        )
        if receipt.outcome != Outcome.ACCEPTED:
            raise refusal_of(receipt)
        data = ReceiptSerializer(receipt, context=self.get_serializer_context()).data
        headers = {"Location": data["links"]["document"]}
        return Response(data, status=receipt.http_status, headers=headers)


def _fingerprint(brought: Mapping[str, Any]) -> str:
    """Return the SHA-256 of all that a hand-in asks for: the file, its name, where to, metadata."""
    file = brought["file"]
    asked = [file.name, brought["collection"], brought.get("metadata", "")]
    digest = sha256_of_chunks(chain([canonical_json(asked)], file.chunks()))
    file.seek(0)
    return digest


class DocumentView(GenericAPIView[Document]):
    """One document."""

    required_scope: ClassVar = {"GET": INGEST_OR_QUERY, "PATCH": Scope.INGEST.value}
    throttle_scope: ClassVar = {"GET": "query", "PATCH": "intake"}
    serializer_class = DocumentDetailSerializer
    problem_origins = ("intake",)

    @extend_schema(operation_id="document_get", tags=TAGS)
    def get(self, _request: Request, document_id: UUID) -> Response:
        """Return a document with its latest run, stage by stage."""
        return self._tell(document_get(document_id=document_id))

    @extend_schema(
        operation_id="document_change",
        tags=TAGS,
        request=DocumentChangesSerializer,
        responses={200: DocumentDetailSerializer},
    )
    def patch(self, request: Request, document_id: UUID) -> Response:
        """Move a document to another collection, with all that was made of it."""
        wanted = DocumentChangesSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        document = document_move(
            tenant=require_tenant(request),
            document=document_get(document_id=document_id),
            collection=wanted.validated_data["collection"],
            actor=actor_of(request),
        )
        return self._tell(document)

    def _tell(self, document: Document) -> Response:
        context = {**self.get_serializer_context(), "run": run_of(document_id=document.pk)}
        return Response(DocumentDetailSerializer(document, context=context).data)


class ChunksView(GenericAPIView[Chunk]):
    """The passages of a document."""

    required_scope = Scope.QUERY.value
    throttle_scope = "query"
    serializer_class = ChunkSerializer
    cursor_ordering = ("ordinal",)

    @extend_schema(operation_id="chunk_list", tags=TAGS, responses=ChunkSerializer(many=True))
    def get(self, _request: Request, document_id: UUID) -> Response:
        """List the passages in reading order; none until the document is published."""
        page = self.paginate_queryset(chunk_list(document_id=document_id))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class PageImageView(GenericAPIView[Document]):
    """A page as a picture."""

    required_scope = Scope.QUERY.value
    throttle_scope = "query"
    renderer_classes = (PngRenderer,)
    serializer_class = PageQuerySerializer
    pagination_class = None
    problem_origins = ("processing.rendering",)

    @extend_schema(
        operation_id="page_image",
        tags=TAGS,
        parameters=[PageQuerySerializer],
        responses={(200, "image/png"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, document_id: UUID, page: int) -> Response:
        """Draw a page of a PDF, counted from 1, with a passage marked if one is named."""
        asked = PageQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        png = page_image(
            tenant=require_tenant(request),
            document_id=document_id,
            page=page,
            chunk_id=asked.validated_data.get("chunk"),
        )
        return Response(png)
