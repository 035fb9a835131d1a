"""Tokens for keys on any host, and the life of tenants for operators on the public one."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from tenants.access.credentials import Credential
from tenants.access.tokens import narrowed, token_issue
from tenants.api.authentication import BearerAuthentication, PersonAuthentication
from tenants.api.callers import actor_of
from tenants.api.permissions import HoldsKey, IsOperator
from tenants.api.serializers import (
    NewTenantSerializer,
    NewTokenSerializer,
    RemovalSerializer,
    TenantChangeSerializer,
    TenantDetailSerializer,
    TenantFilterSerializer,
    TenantSerializer,
    TenantWithKeySerializer,
    TokenSerializer,
)
from tenants.lifecycle.deprovisioning import tenant_deprovision
from tenants.lifecycle.provisioning import tenant_provision
from tenants.lifecycle.recovery import tenant_retry
from tenants.models import Scope, Tenant
from tenants.naming import PLATFORM
from tenants.selectors import tenant_get, tenant_list, tenants_with_keys
from tenants.services import tenant_resume, tenant_suspend, tenant_update

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
            }
        )


class OperatorView(GenericAPIView[Tenant]):
    """What every view of this part has in common."""

    authentication_classes = (BearerAuthentication, PersonAuthentication)
    permission_classes = (IsOperator,)
    required_scope = Scope.ADMIN.value
    throttle_scope = "admin"
    serializer_class: type[BaseSerializer[Any]] = TenantSerializer
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
        told = TenantWithKeySerializer(tenant, context=context).data
        return Response(told, status=code)


class TenantsView(OperatorView):
    """The list of tenants, and onboarding."""

    cursor_ordering = ("slug",)
    further_problems: ClassVar = {"POST": (409, 503)}

    @extend_schema(
        operation_id="tenant_list",
        tags=TAGS,
        parameters=[TenantFilterSerializer],
        responses=TenantSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """List the tenants by slug, in whatever state, or those that are asked for."""
        wanted = TenantFilterSerializer(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        state, search = wanted.validated_data.get("state"), wanted.validated_data.get("search", "")
        tenants = tenants_with_keys(states=[state] if state else (), search=search)
        page = self.paginate_queryset(tenants)
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

    serializer_class = TenantDetailSerializer
    further_problems: ClassVar = {"PATCH": (409,)}

    @extend_schema(operation_id="tenant_get", tags=TAGS)
    def get(self, _request: Request, slug: str) -> Response:
        """Return one tenant. `ETag` is the version of its configuration."""
        return self.tell(tenant_get(slug=slug))

    @extend_schema(
        operation_id="tenant_update",
        tags=TAGS,
        request=TenantChangeSerializer,
        parameters=[
            OpenApiParameter(
                "If-Match", OpenApiTypes.STR, OpenApiParameter.HEADER,
                description="The `ETag` that the change is meant for; 409 when it is over.",
            )
        ],
        examples=[
            OpenApiExample(
                "Two settings", {"configuration": {"pii_policy": "block", "retention_days": 365}},
                request_only=True,
            )
        ],
    )  # fmt: skip
    def patch(self, request: Request, slug: str) -> Response:
        """Change a tenant's name, or settings of it; either all of it or nothing."""
        wanted = TenantChangeSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        tenant = tenant_update(
            tenant=tenant_get(slug=slug),
            name=wanted.validated_data.get("name"),
            changes=wanted.validated_data.get("configuration", {}),
            actor=actor_of(request),
            expected_version=_matched_version(request),
        )
        return self.tell(tenant)

    def tell(self, tenant: Tenant, *, code: int = status.HTTP_200_OK) -> Response:
        """Return the tenant as it stands, with the version of its configuration as `ETag`."""
        response = super().tell(tenant, code=code)
        response["ETag"] = f'"{tenant.config_version}"'
        return response


def _matched_version(request: Request) -> int | None:
    """Return the version in `If-Match`, or None; raises DRF's `ValidationError` for no version."""
    sent = request.headers.get("If-Match", "*").removeprefix("W/").strip('"')
    if sent == "*":
        return None
    if not (sent.isascii() and sent.isdigit()):
        raise ValidationError({"If-Match": ["Must be the ETag of the tenant."]})
    return int(sent)


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


class TenantRetryView(OperatorView):
    """On, after a failure."""

    further_problems: ClassVar = {"POST": (409, 503)}

    @extend_schema(
        operation_id="tenant_retry",
        tags=TAGS,
        request=None,
        responses={200: TenantWithKeySerializer},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Go on with a set-up or a removal that failed or was cut off.

        A set-up answers with the first API key; after a removal `api_key` is empty.
        """
        tenant = tenant_retry(tenant=tenant_get(slug=slug), actor=actor_of(request))
        return self.tell_with_key(tenant)


class TenantDeprovisionView(OperatorView):
    """Removal."""

    serializer_class = TenantDetailSerializer
    further_problems: ClassVar = {"POST": (409, 503)}

    @extend_schema(
        operation_id="tenant_deprovision",
        tags=TAGS,
        request=RemovalSerializer,
        responses={200: TenantDetailSerializer},
        examples=[OpenApiExample("Confirmed", {"confirm": "acme"}, request_only=True)],
    )
    def post(self, request: Request, slug: str) -> Response:
        """Remove everything that the tenant has, for good; `confirm` is its slug again.

        Answers when all is gone: `lifecycle_runs` tells what each store held and that nothing is
        left. The history stays, and the slug is never given out again.
        """
        wanted = RemovalSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        tenant = tenant_deprovision(
            tenant=tenant_get(slug=slug),
            confirmation=wanted.validated_data["confirm"],
            actor=actor_of(request),
        )
        return self.tell(tenant)
