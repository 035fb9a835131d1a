"""Going on after a failure, or after a process that died in the middle."""

import structlog

from tenants.errors import TenantBusyError
from tenants.lifecycle.deprovisioning import tenant_deprovision
from tenants.lifecycle.gate import exclusive, tenants_in_work
from tenants.lifecycle.provisioning import SET_UP, settle, tenant_provision_retry
from tenants.lifecycle.runs import last_run
from tenants.lifecycle.states import TenantState
from tenants.models import LifecycleKind, Tenant

log = structlog.get_logger("frostbyte.tenants")

IN_BETWEEN = (TenantState.PROVISIONING, TenantState.DEPROVISIONING)


def tenant_retry(*, tenant: Tenant, actor: str) -> Tenant:
    """Do again what failed or was interrupted: the tenant's set-up, or its removal.

    A removal was confirmed when it was begun, and needs no confirmation to go on.
    Raises `InvalidStateTransitionError` where nothing failed, `TenantBusyError` while a process
    is at it, and what the set-up or the removal raises.
    """
    run = last_run(tenant)
    if run is not None and run.kind == LifecycleKind.DEPROVISION and is_stuck(tenant):
        return tenant_deprovision(tenant=tenant, confirmation=tenant.slug, actor=actor)
    return tenant_provision_retry(tenant=tenant, actor=actor)


def is_stuck(tenant: Tenant) -> bool:
    """Return whether the tenant failed, or is between two states."""
    return tenant.state in {TenantState.FAILED, *IN_BETWEEN}


def tenants_interrupted() -> list[Tenant]:
    """Return the tenants between two states on which no process works any more."""
    between = list(Tenant.objects.filter(state__in=IN_BETWEEN))
    busy = tenants_in_work() if between else frozenset()
    return [tenant for tenant in between if tenant.pk not in busy]


def settle_interrupted() -> int:
    """Bring every interrupted tenant to FAILED, its set-up undone; returns how many there were."""
    settled = 0
    for tenant in tenants_interrupted():
        try:
            with exclusive(tenant):
                tenant.refresh_from_db(fields=["state"])
                settled += settle(tenant=tenant, actor=SET_UP)
        except TenantBusyError:
            log.info("tenant taken over by another process", tenant=tenant.slug)
    return settled
