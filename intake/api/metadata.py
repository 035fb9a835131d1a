"""The schemas for custom metadata: read them, declare them, change them, see what was before."""

import re
from typing import Any, ClassVar, Final

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from frostbyte.kernel.errors import ValidationError
from intake.metadata.declaring import (
    PARTS,
    Declared,
    metadata_schema_declare,
    metadata_schema_patch,
)
from intake.models import MetadataSchema
from intake.selectors import metadata_schema_in_force, metadata_schema_list
from tenants.api.callers import actor_of, require_tenant
from tenants.api.parsers import BoundedJSONParser, MergePatchParser
from tenants.api.strict import StrictSerializer
from tenants.models import Scope

TAGS: Final = ["metadata"]
_ETAG: Final = re.compile(r'(?:W/)?"(\d{1,9})"')
_SCHEMA: Final = {
    "type": "object",
    "properties": {"department": {"type": "string", "maxLength": 40}},
    "required": ["department"],
}
EXAMPLE: Final = OpenApiExample(
    "Each document names its department", {"document": _SCHEMA}, request_only=True
)
IF_MATCH: Final = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description="Change nothing unless this is the ETag."
)


class SchemasSerializer(StrictSerializer):
    """JSON Schemas (2020-12) of documents' and chunks' metadata; null: none."""

    document = serializers.JSONField(required=False, allow_null=True)
    chunk = serializers.JSONField(required=False, allow_null=True)


class MetadataSchemaSerializer(serializers.ModelSerializer[MetadataSchema]):
    """A version of the schemas. Version 0: none was declared yet."""

    class Meta:
        model = MetadataSchema
        fields: tuple[str, ...] = (
            "version",
            "document",
            "chunk",
            "sha256",
            "created_by",
            "created_at",
        )
        read_only_fields: tuple[str, ...] = fields


class DeclaredSerializer(MetadataSchemaSerializer):
    """The schemas in force, and how many of the `checked` documents here would not fit them."""

    would_not_fit = serializers.IntegerField()
    checked = serializers.IntegerField()
    documents = serializers.IntegerField()

    class Meta(MetadataSchemaSerializer.Meta):
        fields = (*MetadataSchemaSerializer.Meta.fields, "would_not_fit", "checked", "documents")
        read_only_fields = fields


class MetadataSchemaView(GenericAPIView[Any]):
    """The schemas in force."""

    required_scope: ClassVar = {
        "GET": (Scope.INGEST.value, Scope.QUERY.value),
        "PUT": Scope.INGEST.value,
        "PATCH": Scope.INGEST.value,
    }
    throttle_scope: ClassVar = {"GET": "query", "PUT": "intake", "PATCH": "intake"}
    serializer_class = MetadataSchemaSerializer
    further_problems: ClassVar = {"PUT": (412, 422), "PATCH": (412, 422)}
    pagination_class = None
    parser_classes = (BoundedJSONParser, MergePatchParser)

    @extend_schema(operation_id="metadata_schema_get", tags=TAGS)
    def get(self, _request: Request) -> Response:
        """Return the schemas for custom metadata that are in force; the ETag is their version."""
        return _told(MetadataSchemaSerializer(metadata_schema_in_force()).data)

    @extend_schema(
        operation_id="metadata_schema_put",
        tags=TAGS,
        request=SchemasSerializer,
        responses={200: DeclaredSerializer},
        parameters=[IF_MATCH],
        examples=[EXAMPLE],
    )
    def put(self, request: Request) -> Response:
        """Declare the schemas; what is left out is no schema.

        Documents that are here stay, and are counted where they would not fit.
        """
        declared = metadata_schema_declare(
            tenant=require_tenant(request),
            schemas=_body(request),
            actor=actor_of(request),
            expected_version=_expected(request),
        )
        return _answer(declared)

    @extend_schema(
        operation_id="metadata_schema_patch",
        tags=TAGS,
        request=SchemasSerializer,
        responses={200: DeclaredSerializer},
        parameters=[IF_MATCH],
    )
    def patch(self, request: Request) -> Response:
        """Change the schemas by a JSON Merge Patch (RFC 7396): null takes a member away."""
        declared = metadata_schema_patch(
            tenant=require_tenant(request),
            patch=_body(request),
            actor=actor_of(request),
            expected_version=_expected(request),
        )
        return _answer(declared)


class MetadataSchemaVersionsView(GenericAPIView[MetadataSchema]):
    """What was in force."""

    required_scope = (Scope.INGEST.value, Scope.AUDIT.value)
    throttle_scope = "query"
    serializer_class = MetadataSchemaSerializer
    cursor_ordering = ("-version",)

    @extend_schema(
        operation_id="metadata_schema_versions",
        tags=TAGS,
        responses=MetadataSchemaSerializer(many=True),
    )
    def get(self, _request: Request) -> Response:
        """List every version of the schemas, newest first."""
        page = self.paginate_queryset(metadata_schema_list())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


def _body(request: Request) -> dict[str, Any]:
    if not isinstance(request.data, dict):
        raise ValidationError(
            "The body is no JSON object.",
            remediation=f"Send an object with {' and '.join(PARTS)}.",
            extra={"errors": [{"field": "", "constraint": "A JSON object."}]},
        )
    return request.data


def _expected(request: Request) -> int | None:
    """Return the version that `If-Match` names; `*` and nothing mean any."""
    header = request.headers.get("If-Match", "*").strip()
    if header == "*":
        return None
    found = _ETAG.fullmatch(header)
    # A tag that no version ever had matches none.
    return int(found[1]) if found else -1


def _answer(declared: Declared) -> Response:
    schema = MetadataSchemaSerializer(declared.schema).data
    counts = {
        "would_not_fit": declared.would_not_fit,
        "checked": declared.checked,
        "documents": declared.documents,
    }
    return _told({**schema, **counts})


def _told(data: Any) -> Response:
    return Response(data, headers={"ETag": f'"{data["version"]}"'})
