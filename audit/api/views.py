"""The tenant's own history, read only."""

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from audit.api.serializers import AuditEventSerializer, EventFilterSerializer
from audit.models import AuditEvent
from audit.selectors import event_get, event_list

TAGS = ["audit"]


class AuditView(GenericAPIView[AuditEvent]):
    """What both views have in common. The tenant is a name here: history outlives the tenant."""

    required_scope = "audit"
    throttle_scope = "audit"
    serializer_class = AuditEventSerializer

    @property
    def tenant(self) -> str:
        """The slug of the request's tenant."""
        slug: str = self.request.tenant.slug  # type: ignore[attr-defined]
        return slug


class EventsView(AuditView):
    """The chain of the tenant's events."""

    cursor_ordering = ("sequence",)

    @extend_schema(
        operation_id="audit_event_list",
        tags=TAGS,
        parameters=[EventFilterSerializer],
        responses=AuditEventSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """List the tenant's events in the order of its chain."""
        wanted = EventFilterSerializer(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        page = self.paginate_queryset(self._events(**wanted.validated_data))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def _events(
        self, *, resource_id: str | None = None, event_type: str | None = None
    ) -> QuerySet[AuditEvent]:
        events = event_list(tenant=self.tenant, resource_id=resource_id)
        return events.filter(event_type=event_type) if event_type else events


class EventView(AuditView):
    """One event."""

    @extend_schema(operation_id="audit_event_get", tags=TAGS)
    def get(self, _request: Request, event_id: UUID) -> Response:
        """Return one event."""
        return Response(self.get_serializer(event_get(tenant=self.tenant, event_id=event_id)).data)
