"""The one way to write history."""

from collections.abc import Mapping
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from audit.events import EventType, hash_event, timestamp_text
from audit.models import GENESIS_HASH, AuditEvent
from frostbyte.kernel.ids import new_id


@transaction.atomic
def record_event(
    *,
    tenant: str,
    event_type: EventType,
    actor: str,
    resource_type: str,
    resource_id: str,
    details: Mapping[str, Any] | None = None,
) -> AuditEvent:
    """Append an event to the tenant's chain, in the transaction of the change it tells of.

    `details` holds component, hashes, counts, versions, durations (ms) and status: JSON values,
    never content, query text or secrets. The chain is locked until the transaction ends, so
    events of one tenant have no gap and one order.
    """
    previous = _lock_chain(tenant)
    event = AuditEvent(
        event_id=new_id(),
        tenant=tenant,
        sequence=previous.sequence + 1 if previous else 1,
        event_type=event_type.value,
        timestamp=timezone.now(),
        actor=actor,
        resource_type=resource_type,
        resource_id=resource_id,
        details=dict(details or {}),
        previous_hash=previous.event_hash if previous else GENESIS_HASH,
    )
    event.event_hash = hash_event(previous_hash=event.previous_hash, fields=hashed_fields(event))
    event.save(force_insert=True)
    return event


def hashed_fields(event: AuditEvent) -> dict[str, Any]:
    """Return the event's columns as the JSON values that its hash covers."""
    return {
        "event_id": str(event.event_id),
        "tenant": event.tenant,
        "sequence": event.sequence,
        "event_type": event.event_type,
        "timestamp": timestamp_text(event.timestamp),
        "actor": event.actor,
        "resource_type": event.resource_type,
        "resource_id": event.resource_id,
        "details": event.details,
    }


def _lock_chain(tenant: str) -> AuditEvent | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"audit:{tenant}"])
    return AuditEvent.objects.filter(tenant=tenant).order_by("-sequence").first()
