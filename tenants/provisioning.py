"""Onboarding: every step recorded, each safe to repeat, all undone in reverse when one fails."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog
from django.conf import settings
from django.db import transaction

from audit.events import EventType
from audit.services import record_event
from frostbyte.kernel.errors import FrostbyteError
from tenants.context import tenant_context
from tenants.database.schemas import (
    role_create,
    role_drop,
    role_exists,
    schema_create,
    schema_drop,
    schema_exists,
    table_exists,
    tenant_role,
)
from tenants.errors import ProvisioningError, TenantAlreadyExistsError
from tenants.lifecycle import TenantState, require_transition
from tenants.models import Domain, ProvisioningStep, Tenant
from tenants.naming import domain_name, schema_name, validate_slug
from tenants.stores import for_tenant, vectors

log = structlog.get_logger("frostbyte.tenants")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a tenant needs: how to make it, take it away again, and see that it is gone.

    Each may be called at any time, in any order of what is there, and again: `make` completes
    what is half made, `undo` removes what there is, `is_gone` asks the store itself.
    """

    name: str
    make: Callable[[Tenant], None]
    undo: Callable[[Tenant], None]
    is_gone: Callable[[Tenant], bool]


def _role_is_gone(tenant: Tenant) -> bool:
    return not role_exists(tenant_role(tenant))


def _schema_is_gone(tenant: Tenant) -> bool:
    return not schema_exists(tenant.schema_name)


def _make_bucket(tenant: Tenant) -> None:
    for_tenant(tenant).objects.create()


def _drop_bucket(tenant: Tenant) -> None:
    for_tenant(tenant).objects.destroy()


def _bucket_is_gone(tenant: Tenant) -> bool:
    return not for_tenant(tenant).objects.exists()


def _make_vectors(tenant: Tenant) -> None:
    with tenant_context(tenant):
        for_tenant(tenant).vectors.create()


def _drop_vectors(tenant: Tenant) -> None:
    if not _vectors_are_gone(tenant):
        with tenant_context(tenant):
            for_tenant(tenant).vectors.destroy()


def _vectors_are_gone(tenant: Tenant) -> bool:
    return not table_exists(tenant.schema_name, vectors.TABLE)


def _make_domain(tenant: Tenant) -> None:
    host = domain_name(tenant.slug, base_domain=settings.BASE_DOMAIN)
    Domain.objects.get_or_create(domain=host, defaults={"tenant": tenant, "is_primary": True})


def _drop_domain(tenant: Tenant) -> None:
    Domain.objects.filter(tenant=tenant).delete()


def _domain_is_gone(tenant: Tenant) -> bool:
    return not Domain.objects.filter(tenant=tenant).exists()


STEPS: Final = (
    Step("role", role_create, role_drop, _role_is_gone),
    Step("schema", schema_create, schema_drop, _schema_is_gone),
    Step("vectors", _make_vectors, _drop_vectors, _vectors_are_gone),
    Step("bucket", _make_bucket, _drop_bucket, _bucket_is_gone),
    Step("domain", _make_domain, _drop_domain, _domain_is_gone),
)
"""What every tenant has, in the order of making; taken away in reverse."""


def tenant_provision(*, slug: str, name: str, actor: str) -> Tenant:
    """Register a tenant and make everything it needs; returns it ACTIVE.

    Raises `InvalidSlugError`, `TenantAlreadyExistsError`, or `ProvisioningError` after undoing
    what was made; the registry row then stays, FAILED, for `tenant_provision_retry`.
    """
    tenant = _register(validate_slug(slug), name, actor)
    return _provision(tenant, actor)


def tenant_provision_retry(*, tenant: Tenant, actor: str) -> Tenant:
    """Provision a tenant again whose provisioning failed."""
    require_transition(TenantState(tenant.state), TenantState.PROVISIONING)
    _record(tenant, EventType.TENANT_PROVISION_RETRY, actor)
    return _provision(tenant, actor)


@transaction.atomic
def _register(slug: str, name: str, actor: str) -> Tenant:
    if Tenant.objects.filter(slug=slug).exists():
        raise TenantAlreadyExistsError(
            f"There is a tenant '{slug}' already.", remediation="Choose another slug."
        )
    tenant = Tenant.objects.create(slug=slug, name=name or slug, schema_name=schema_name(slug))
    _record(tenant, EventType.TENANT_CREATED, actor)
    return tenant


def _provision(tenant: Tenant, actor: str) -> Tenant:
    _set_state(tenant, TenantState.PROVISIONING, EventType.TENANT_PROVISION_STARTED, actor)
    done: list[Step] = []
    for step in STEPS:
        done.append(step)
        try:
            _run(step, tenant)
        except Exception as error:
            _undo(done, tenant)
            _set_state(tenant, TenantState.FAILED, EventType.TENANT_PROVISION_FAILED, actor)
            raise ProvisioningError(
                f"Provisioning '{tenant.slug}' failed at step '{step.name}'; it was undone.",
                remediation="See the log for the cause, then retry.",
                extra={"step": step.name},
            ) from error
    _set_state(tenant, TenantState.ACTIVE, EventType.TENANT_PROVISIONED, actor)
    return tenant


def _run(step: Step, tenant: Tenant) -> None:
    started = time.monotonic()
    try:
        step.make(tenant)
    except Exception as error:
        code = error.code if isinstance(error, FrostbyteError) else type(error).__name__
        _note(step, tenant, "failed", started, code)
        raise
    _note(step, tenant, "done", started)


def _note(step: Step, tenant: Tenant, state: str, started: float, code: str = "") -> None:
    ProvisioningStep.objects.create(
        tenant=tenant,
        name=step.name,
        state=state,
        error_code=code[:60],
        duration_ms=round((time.monotonic() - started) * 1000),
    )


def _undo(done: list[Step], tenant: Tenant) -> None:
    for step in reversed(done):
        try:
            step.undo(tenant)
        except Exception:
            # The other steps must still be undone; a retry makes or meets this one again.
            log.exception("provisioning step not undone", step=step.name, tenant=tenant.slug)


@transaction.atomic
def _set_state(tenant: Tenant, state: TenantState, event: EventType, actor: str) -> None:
    require_transition(TenantState(tenant.state), state)
    tenant.state = state
    tenant.save(update_fields=["state"])
    _record(tenant, event, actor)


def _record(tenant: Tenant, event: EventType, actor: str) -> None:
    record_event(
        tenant=tenant.slug,
        event_type=event,
        actor=actor,
        resource_type="tenant",
        resource_id=tenant.slug,
    )
