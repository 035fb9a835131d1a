"""A tenant's API keys, in the operators' part of the API."""

from typing import ClassVar

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.api.callers import actor_of
from tenants.api.serializers import (
    ApiKeySerializer,
    IssuedApiKeySerializer,
    NewApiKeySerializer,
)
from tenants.api.views import TAGS, OperatorView
from tenants.models import ApiKey
from tenants.selectors import api_key_get, tenant_get
from tenants.services import api_key_issue, api_key_revoke


class TenantKeysView(OperatorView):
    """The keys of one tenant."""

    serializer_class = ApiKeySerializer
    cursor_ordering = ("-created_at", "-id")
    further_problems: ClassVar = {"POST": (409,)}

    @extend_schema(operation_id="tenant_key_list", tags=TAGS, responses=ApiKeySerializer(many=True))
    def get(self, _request: Request, slug: str) -> Response:
        """List the tenant's keys, newest first, those that are revoked too."""
        page = self.paginate_queryset(ApiKey.objects.filter(tenant=tenant_get(slug=slug)))  # type: ignore[arg-type]
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        operation_id="tenant_key_issue",
        tags=TAGS,
        request=NewApiKeySerializer,
        responses={201: IssuedApiKeySerializer},
        examples=[
            OpenApiExample("To ask only", {"name": "ERP", "scopes": ["query"]}, request_only=True)
        ],
    )
    def post(self, request: Request, slug: str) -> Response:
        """Issue a key; its full text is in this answer and nowhere else."""
        wanted = NewApiKeySerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        key, text = api_key_issue(
            tenant=tenant_get(slug=slug), actor=actor_of(request), **wanted.validated_data
        )
        context = {**self.get_serializer_context(), "api_key": text}
        told = IssuedApiKeySerializer(key, context=context).data
        return Response(told, status=status.HTTP_201_CREATED)


class TenantKeyRevokeView(OperatorView):
    """The end of a key."""

    serializer_class = ApiKeySerializer

    @extend_schema(operation_id="tenant_key_revoke", tags=TAGS, request=None)
    def post(self, request: Request, slug: str, key_id: str) -> Response:
        """Revoke a key at once and for good; doing it twice changes nothing."""
        key = api_key_get(key_id=key_id, tenant=tenant_get(slug=slug))
        return Response(self.get_serializer(api_key_revoke(key=key, actor=actor_of(request))).data)
