"""Changing a tenant's state: the row locked, the change permitted, and one audit event with it."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from audit.events import EventType
from audit.services import record_event
from tenants.lifecycle.states import TenantState, require_transition
from tenants.models import Tenant


def state_hold(*, tenant: Tenant, target: TenantState) -> None:
    """Lock the tenant's row until the transaction ends, and see that it may become `target`.

    Raises `InvalidStateTransitionError` by its state on record.
    """
    locked = Tenant.objects.select_for_update().get(pk=tenant.pk)
    tenant.state = locked.state
    require_transition(TenantState(locked.state), target)


@transaction.atomic
def state_change(
    *,
    tenant: Tenant,
    target: TenantState,
    event: EventType,
    actor: str,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Bring the tenant to `target`; raises `InvalidStateTransitionError` by its state on record."""
    state_hold(tenant=tenant, target=target)
    tenant.state = target
    tenant.save(update_fields=["state"])
    tenant_event(tenant=tenant, event=event, actor=actor, details=details)


def tenant_event(
    *, tenant: Tenant, event: EventType, actor: str, details: Mapping[str, Any] | None = None
) -> None:
    """Record an event about the tenant itself in its own chain."""
    record_event(
        tenant=tenant.slug,
        event_type=event,
        actor=actor,
        resource_type="tenant",
        resource_id=tenant.slug,
        details={"component": "tenants", **(details or {})},
    )
