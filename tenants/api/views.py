"""Tokens for keys on any host, and the life of tenants for operators on the public one."""

from typing import ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.authentication import SessionAuthentication
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.api.authentication import BearerAuthentication
from tenants.api.callers import actor_of
from tenants.api.permissions import HoldsKey, IsOperator
from tenants.api.serializers import (
    NewTenantSerializer,
    NewTokenSerializer,
    TenantSerializer,
    TenantWithKeySerializer,
    TokenSerializer,
)
from tenants.credentials import Credential
from tenants.models import Scope, Tenant
from tenants.naming import PLATFORM
from tenants.provisioning import tenant_provision
from tenants.selectors import tenant_get, tenant_list
from tenants.services import tenant_resume, tenant_suspend
from tenants.tokens import narrowed, token_issue

TAGS = ["admin"]


class TokenView(GenericAPIView[Tenant]):
    """A token in the place of a key."""

    authentication_classes = (BearerAuthentication,)
    permission_classes = (HoldsKey,)
    required_scope = tuple(Scope.values)
    throttle_scope = "auth"
    serializer_class = NewTokenSerializer

    @extend_schema(
        operation_id="token_create",
        tags=["auth"],
        request=NewTokenSerializer,
        responses={200: TokenSerializer},
        examples=[OpenApiExample("To ask only", {"scopes": ["query"]}, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        """Exchange the key for a token of 15 minutes; revoking the key ends the token as well."""
        wanted = self.get_serializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        credential: Credential = request.auth  # type: ignore[assignment]
        token = token_issue(
            key_id=credential.key.key_id,
            tenant=credential.tenant.slug if credential.tenant else PLATFORM,
            scopes=narrowed(credential.scopes, wanted.validated_data.get("scopes")),
            key_expires_at=credential.key.expires_at,
        )
        return Response(
            {
                "access_token": token.text,
                "token_type": "Bearer",
                "expires_in": token.expires_in,
                "scopes": list(token.scopes),
            },
            headers={"Cache-Control": "no-store"},
        )


class OperatorView(GenericAPIView[Tenant]):
    """What every view of this part has in common."""

    authentication_classes = (BearerAuthentication, SessionAuthentication)
    permission_classes = (IsOperator,)
    required_scope = Scope.ADMIN.value
    throttle_scope = "admin"
    serializer_class = TenantSerializer
    further_problems: ClassVar[dict[str, tuple[int, ...]]] = {}

    def get_queryset(self) -> QuerySet[Tenant]:
        """Return the registry, with the host names."""
        return tenant_list().prefetch_related("domains")

    def tell(self, tenant: Tenant, *, code: int = status.HTTP_200_OK) -> Response:
        """Return the tenant as it stands."""
        return Response(self.get_serializer(tenant).data, status=code)

    def tell_with_key(self, tenant: Tenant, *, code: int = status.HTTP_200_OK) -> Response:
        """Return the tenant with the key that it was just given, which is not shown again."""
        context = self.get_serializer_context()
        return Response(TenantWithKeySerializer(tenant, context=context).data, status=code)


class TenantsView(OperatorView):
    """The list of tenants, and onboarding."""

    cursor_ordering = ("slug",)
    further_problems: ClassVar = {"POST": (409, 503)}

    @extend_schema(operation_id="tenant_list", tags=TAGS, responses=TenantSerializer(many=True))
    def get(self, _request: Request) -> Response:
        """List the tenants by slug, in whatever state."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        operation_id="tenant_create",
        tags=TAGS,
        request=NewTenantSerializer,
        responses={201: TenantWithKeySerializer},
        examples=[
            OpenApiExample("A tenant", {"slug": "acme", "name": "Acme Ltd"}, request_only=True)
        ],
    )
    def post(self, request: Request) -> Response:
        """Onboard a tenant: schema, role, bucket, vectors, host, and a first API key."""
        wanted = NewTenantSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        tenant = tenant_provision(**wanted.validated_data, actor=actor_of(request))
        response = self.tell_with_key(tenant, code=status.HTTP_201_CREATED)
        response["Location"] = response.data["links"]["self"]
        return response


class TenantView(OperatorView):
    """One tenant."""

    @extend_schema(operation_id="tenant_get", tags=TAGS)
    def get(self, _request: Request, slug: str) -> Response:
        """Return one tenant."""
        return self.tell(tenant_get(slug=slug))


class TenantSuspendView(OperatorView):
    """The kill switch."""

    further_problems: ClassVar = {"POST": (409,)}

    @extend_schema(operation_id="tenant_suspend", tags=TAGS, request=None)
    def post(self, request: Request, slug: str) -> Response:
        """Stop a tenant: no request is served, no stage runs, and its keys are revoked."""
        return self.tell(tenant_suspend(tenant=tenant_get(slug=slug), actor=actor_of(request)))


class TenantResumeView(OperatorView):
    """The way back."""

    further_problems: ClassVar = {"POST": (409,)}

    @extend_schema(
        operation_id="tenant_resume",
        tags=TAGS,
        request=None,
        responses={200: TenantWithKeySerializer},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Let a stopped tenant work again, with a new key; the old ones stay revoked."""
        tenant = tenant_resume(tenant=tenant_get(slug=slug), actor=actor_of(request))
        return self.tell_with_key(tenant)
