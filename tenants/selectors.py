"""Reading the registry."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from audit.events import EventType
from audit.selectors import event_list
from tenants.errors import TenantNotFoundError
from tenants.models import Domain, Tenant


def tenant_list() -> QuerySet[Tenant]:
    """Return every tenant by slug, in whatever state."""
    return Tenant.objects.order_by("slug")


def tenant_get(*, slug: str) -> Tenant:
    """Return the tenant with this slug; raises `TenantNotFoundError`."""
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise TenantNotFoundError(
            f"There is no tenant '{slug[:31]}'.",
            remediation="`manage.py tenant list` shows the tenants.",
        )
    return tenant


@dataclass(frozen=True, slots=True)
class ConfigurationChange:
    """One version of a configuration: what it changed, who made it and when.

    `changed` holds `old` and `new` of each field by name.
    """

    version: int
    at: datetime
    actor: str
    changed: Mapping[str, Mapping[str, Any]]


def configuration_history(*, tenant: Tenant) -> list[ConfigurationChange]:
    """Return the changes of a tenant's configuration, newest first, as the audit trail has them.

    Version 1 is what every tenant begins with, and is no change.
    """
    events = event_list(tenant=tenant.slug).filter(
        event_type=EventType.TENANT_CONFIG_UPDATED, resource_id=tenant.slug
    )
    changes = [
        ConfigurationChange(version, event.timestamp, event.actor, event.details["changed"])
        for version, event in enumerate(events, start=2)
    ]
    return changes[::-1]


def tenant_for_host(*, host: str) -> Tenant | None:
    """Return the tenant that answers on this host name (no port), or None."""
    domain = Domain.objects.select_related("tenant").filter(domain=host.lower()).first()
    return domain.tenant if domain else None
