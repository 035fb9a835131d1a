"""Reading history."""

from uuid import UUID

from django.db.models import QuerySet

from audit.models import AuditEvent
from frostbyte.kernel.errors import NotFoundError


def event_list(*, tenant: str, resource_id: str | None = None) -> QuerySet[AuditEvent]:
    """Return the tenant's events in order, of one resource or of all."""
    events = AuditEvent.objects.filter(tenant=tenant).order_by("sequence")
    return events.filter(resource_id=resource_id) if resource_id else events


def event_get(*, tenant: str, event_id: UUID) -> AuditEvent:
    """Return one event of the tenant; raises `NotFoundError`."""
    event = AuditEvent.objects.filter(tenant=tenant, event_id=event_id).first()
    if event is None:
        raise NotFoundError("There is no such audit event.")
    return event


def chain_names() -> list[str]:
    """Return every chain there is: the tenants', past ones too, and the platform's."""
    names = AuditEvent.objects.order_by("tenant").values_list("tenant", flat=True)
    return list(names.distinct())
