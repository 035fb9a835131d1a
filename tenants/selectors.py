"""Reading the registry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from audit.events import EventType
from audit.selectors import event_list
from frostbyte.kernel.errors import NotFoundError
from tenants.errors import TenantNotFoundError
from tenants.lifecycle.states import TenantState
from tenants.models import ApiKey, DataKeyVersion, Domain, LifecycleRun, Tenant


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


def tenants_with_keys(*, states: Sequence[str] = (), search: str = "") -> QuerySet[Tenant]:
    """Return tenants with their hosts and `keys`, the count of those in force, by slug."""
    endless, later = Q(api_keys__expires_at=None), Q(api_keys__expires_at__gt=timezone.now())
    in_force = Q(api_keys__revoked_at=None) & (endless | later)
    working = Count("api_keys", filter=in_force, distinct=True)
    tenants: QuerySet[Tenant] = tenant_list().annotate(keys=working).prefetch_related("domains")
    if states:
        tenants = tenants.filter(state__in=states)
    if search:
        tenants = tenants.filter(Q(slug__icontains=search) | Q(name__icontains=search))
    return tenants


def tenants_by_state() -> dict[TenantState, int]:
    """Return how many tenants are in each state, in the order of a tenant's life."""
    counted = Tenant.objects.order_by().values_list("state").annotate(n=Count("pk"))
    found = dict(counted)
    return {state: found.get(state, 0) for state in TenantState}


def api_key_get(*, key_id: str, tenant: Tenant | None = None) -> ApiKey:
    """Return a key, of one tenant where it is named; raises `NotFoundError`."""
    keys = ApiKey.objects.select_related("tenant").filter(key_id=key_id)
    key = (keys.filter(tenant=tenant) if tenant else keys).first()
    if key is None:
        raise NotFoundError(
            "There is no such key.", remediation="The tenant's page and `key list` show its keys."
        )
    return key


def lifecycle_runs(*, tenant: Tenant) -> list[LifecycleRun]:
    """Return the tenant's set-ups and removals with their steps, the latest first."""
    runs = LifecycleRun.objects.filter(tenant=tenant).order_by("-started_at", "-id")
    return list(runs.prefetch_related("steps"))


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


def data_keys_in_use() -> QuerySet[DataKeyVersion]:
    """Return every version of a data key that is not destroyed, by tenant and version."""
    live = DataKeyVersion.objects.filter(destroyed_at=None).select_related("tenant")
    return live.order_by("tenant__slug", "version")
