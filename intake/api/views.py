"""Receipts of the tenant, and what it has used of its quotas."""

from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from intake.api.serializers import PublicKeysSerializer, ReceiptSerializer
from intake.models import Receipt
from intake.quotas import quota_usage
from intake.selectors import receipt_get
from tenants.api.callers import actor_of, require_tenant
from tenants.api.permissions import granted_scopes
from tenants.api.quotas import QuotaSerializer
from tenants.encryption.signatures import public_keys
from tenants.errors import InsufficientPermissionsError
from tenants.limits.quotas import rates_used
from tenants.models import Scope

TAGS = ["intake"]


class ReceiptView(GenericAPIView[Receipt]):
    """One receipt."""

    required_scope = (Scope.INGEST.value, Scope.QUERY.value)
    throttle_scope = "query"
    serializer_class = ReceiptSerializer

    @extend_schema(operation_id="receipt_get", tags=TAGS)
    def get(self, request: Request, receipt_id: UUID) -> Response:
        """Return a receipt. People who may not hand files in see their own only."""
        receipt = receipt_get(receipt_id=receipt_id)
        _require_visible(request, receipt)
        return Response(self.get_serializer(receipt).data)


class ReceiptKeysView(GenericAPIView[Any]):
    """The keys that receipts are signed with."""

    required_scope = tuple(scope.value for scope in Scope)
    throttle_scope = "query"
    serializer_class = PublicKeysSerializer
    pagination_class = None

    @extend_schema(operation_id="receipt_keys", tags=TAGS)
    def get(self, _request: Request) -> Response:
        """Return the public keys that receipts are checked by, as a JSON Web Key Set.

        Keys that are not in use any more stay here, so that what they signed can be checked.
        """
        return Response({"keys": public_keys()})


class QuotaView(GenericAPIView[Any]):
    """Quotas and rates."""

    required_scope = (Scope.INGEST.value, Scope.QUERY.value, Scope.AUDIT.value)
    throttle_scope = "query"
    serializer_class = QuotaSerializer
    pagination_class = None

    @extend_schema(operation_id="quota_get", tags=TAGS)
    def get(self, request: Request) -> Response:
        """Tell what the tenant has used of its quotas and rates, before a request is refused."""
        tenant = require_tenant(request)
        usage = quota_usage(tenant=tenant)
        told = {
            "level": usage.level,
            "storage": usage.storage,
            "documents": usage.documents,
            "rates": rates_used(tenant=tenant),
        }
        return Response(QuotaSerializer(told).data)


def _require_visible(request: Request, receipt: Receipt) -> None:
    is_person = isinstance(request.user, User)
    if not is_person or Scope.INGEST in granted_scopes(request):
        return
    if receipt.received_from != actor_of(request):
        raise InsufficientPermissionsError("This receipt is another person's.")
