"""Onboarding: every step recorded, each safe to repeat, all undone in reverse when one fails."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from audit.events import EventType
from frostbyte.kernel.errors import FrostbyteError
from frostbyte.kernel.ids import new_id
from tenants.context import tenant_context
from tenants.database.schemas import (
    role_create,
    role_drop,
    role_exists,
    rows_in_schema,
    schema_create,
    schema_drop,
    schema_exists,
    table_exists,
    tenant_role,
)
from tenants.encryption.keys import (
    data_key_ensure,
    data_keys_count,
    data_keys_destroy,
)
from tenants.encryption.signatures import signing_key_ensure
from tenants.errors import ProvisioningError, TenantAlreadyExistsError
from tenants.lifecycle.gate import exclusive
from tenants.lifecycle.runs import code_of, last_run, run_begin, run_end, step_recorded
from tenants.lifecycle.states import TenantState, require_transition
from tenants.lifecycle.transitions import state_change, tenant_event
from tenants.models import (
    ApiKey,
    Domain,
    LifecycleKind,
    LifecycleOutcome,
    LifecycleRun,
    StepAction,
    Tenant,
)
from tenants.naming import domain_name, schema_name, validate_slug
from tenants.selectors import tenant_for_host
from tenants.services import FIRST_SCOPES, api_key_issue, api_keys_withdraw
from tenants.stores import for_tenant, vectors
from tenants.stores.credentials import (
    credential_check,
    credential_create,
    credential_is_gone,
    credential_remove,
)
from tenants.stores.keyring import keyring

log = structlog.get_logger("frostbyte.tenants")

SET_UP: Final = "platform"
"""Who makes and takes away keys as a part of setting up and removing."""


class HealthCheckError(FrostbyteError):
    """A part of a new tenant was made and does not work as it must."""

    code = "HEALTH_CHECK_FAILED"
    http_status = 503
    retryable = True


def _nothing(_tenant: Tenant) -> None:
    """The step has nothing to check."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a tenant needs: how to make it, take it away again, and see that it is gone.

    Each may be called at any time, in any order of what is there, and again: `make` completes
    what is half made, `undo` removes what there is, `is_gone` asks the store itself. `check`
    raises unless what was made works, `count` says how many things lie in it.
    """

    name: str
    make: Callable[[Tenant], None]
    undo: Callable[[Tenant], None]
    is_gone: Callable[[Tenant], bool]
    check: Callable[[Tenant], None] = _nothing
    count: Callable[[Tenant], int] | None = None


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise HealthCheckError(f"{what}.", remediation="See the state of that service, then retry.")


def _role_is_gone(tenant: Tenant) -> bool:
    return not role_exists(tenant_role(tenant))


def _check_role(tenant: Tenant) -> None:
    """The role can be taken, and what it sees first is its own schema."""
    with tenant_context(tenant), connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_schema()")
        _require(
            cursor.fetchone() == (tenant_role(tenant), tenant.schema_name),
            "The tenant's role does not see its own schema",
        )


def _schema_is_gone(tenant: Tenant) -> bool:
    return not schema_exists(tenant.schema_name)


def _check_schema(tenant: Tenant) -> None:
    """The tables are there, and the tenant's role may read them."""
    with tenant_context(tenant), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_migrations")
        row = cursor.fetchone()
    _require(bool(row and row[0]), "The tenant's schema has no migrations applied")


def _make_data_key(tenant: Tenant) -> None:
    data_key_ensure(tenant=tenant, actor=SET_UP)
    signing_key_ensure(actor=SET_UP)


def _destroy_data_keys(tenant: Tenant) -> None:
    data_keys_destroy(tenant=tenant, actor=SET_UP)


def _data_keys_are_gone(tenant: Tenant) -> bool:
    return data_keys_count(tenant) == 0


def _check_data_key(tenant: Tenant) -> None:
    """The master key opens it."""
    keyring(tenant.pk).current()


def _make_bucket(tenant: Tenant) -> None:
    for_tenant(tenant).objects.create()


def _drop_bucket(tenant: Tenant) -> None:
    for_tenant(tenant).objects.destroy()


def _bucket_is_gone(tenant: Tenant) -> bool:
    return not for_tenant(tenant).objects.exists()


def _count_objects(tenant: Tenant) -> int:
    return for_tenant(tenant).objects.count()


def _check_bucket(tenant: Tenant) -> None:
    """An object can be put, read as it was, and deleted."""
    objects, key = for_tenant(tenant).objects, f"health/{new_id()}"
    objects.put(key, key.encode())
    held = objects.get(key)
    objects.delete(key)
    _require(held == key.encode(), "The bucket did not give back what was put")
    _require(not list(objects.list(key)), "The bucket did not delete what was put")


def _make_vectors(tenant: Tenant) -> None:
    with tenant_context(tenant):
        for_tenant(tenant).vectors.create()


def _drop_vectors(tenant: Tenant) -> None:
    if not _vectors_are_gone(tenant):
        with tenant_context(tenant):
            for_tenant(tenant).vectors.destroy()


def _vectors_are_gone(tenant: Tenant) -> bool:
    return not table_exists(tenant.schema_name, vectors.TABLE)


def _count_vectors(tenant: Tenant) -> int:
    if _vectors_are_gone(tenant):
        return 0
    with tenant_context(tenant):
        return for_tenant(tenant).vectors.count()


def _check_vectors(tenant: Tenant) -> None:
    """The vector table answers."""
    _count_vectors(tenant)


def _make_key(tenant: Tenant) -> None:
    """Issue the first key; one of an earlier try, which nobody saw, is withdrawn."""
    api_keys_withdraw(tenant=tenant, actor=SET_UP)
    _key, tenant.issued_key = api_key_issue(
        tenant=tenant, name="first key", scopes=FIRST_SCOPES, actor=SET_UP
    )


def _drop_keys(tenant: Tenant) -> None:
    api_keys_withdraw(tenant=tenant, actor=SET_UP)
    tenant.api_keys.all().delete()


def _count_keys(tenant: Tenant) -> int:
    return ApiKey.objects.filter(tenant=tenant).count()


def _keys_are_gone(tenant: Tenant) -> bool:
    return not tenant.api_keys.exists()


def _check_key(tenant: Tenant) -> None:
    """The key that was issued is the one that the registry holds."""
    secret = tenant.issued_key.rsplit("_", 1)[-1]
    held = tenant.api_keys.filter(secret_hash=ApiKey.hash_secret(secret), revoked_at=None)
    _require(held.count() == 1, "The first key is not in force")


def _make_domain(tenant: Tenant) -> None:
    host = domain_name(tenant.slug, base_domain=settings.BASE_DOMAIN)
    Domain.objects.get_or_create(domain=host, defaults={"tenant": tenant, "is_primary": True})


def _drop_domain(tenant: Tenant) -> None:
    Domain.objects.filter(tenant=tenant).delete()


def _check_domain(tenant: Tenant) -> None:
    """The host name leads to this tenant."""
    host = domain_name(tenant.slug, base_domain=settings.BASE_DOMAIN)
    found = tenant_for_host(host=host)
    _require(found is not None and found.pk == tenant.pk, "The host name leads elsewhere")


def _domain_is_gone(tenant: Tenant) -> bool:
    return not Domain.objects.filter(tenant=tenant).exists()


STEPS: Final = (
    Step("role", role_create, role_drop, _role_is_gone, _check_role),
    Step("schema", schema_create, schema_drop, _schema_is_gone, _check_schema, rows_in_schema),
    Step(
        "vectors", _make_vectors, _drop_vectors, _vectors_are_gone, _check_vectors, _count_vectors
    ),
    Step(
        *("data_key", _make_data_key, _destroy_data_keys, _data_keys_are_gone, _check_data_key),
        data_keys_count,
    ),
    Step("bucket", _make_bucket, _drop_bucket, _bucket_is_gone, _check_bucket, _count_objects),
    Step("credential", credential_create, credential_remove, credential_is_gone, credential_check),
    Step("key", _make_key, _drop_keys, _keys_are_gone, _check_key, _count_keys),
    Step("domain", _make_domain, _drop_domain, _domain_is_gone, _check_domain),
)
"""What every tenant has, in the order of making; undone in reverse.

Removal takes the same steps in the order of `tenants.lifecycle.deprovisioning`.
"""


def tenant_provision(*, slug: str, name: str, actor: str) -> Tenant:
    """Register a tenant and make everything it needs; returns it ACTIVE, with `issued_key`.

    Raises `InvalidSlugError`, `TenantAlreadyExistsError`, or `ProvisioningError` after undoing
    what was made; the registry row then stays, FAILED, for `tenant_provision_retry`.
    """
    tenant = _register(validate_slug(slug), name, actor)
    with exclusive(tenant):
        return _provision(tenant, actor)


def tenant_provision_retry(*, tenant: Tenant, actor: str) -> Tenant:
    """Set a tenant up again: its provisioning failed, was interrupted, or never began."""
    with exclusive(tenant):
        tenant.refresh_from_db(fields=["state"])
        settle(tenant=tenant, actor=actor)
        require_transition(TenantState(tenant.state), TenantState.PROVISIONING)
        if tenant.state == TenantState.FAILED:
            tenant_event(tenant=tenant, event=EventType.TENANT_PROVISION_RETRY, actor=actor)
        return _provision(tenant, actor)


def settle(*, tenant: Tenant, actor: str) -> bool:
    """Bring a tenant whose process died in the middle to FAILED; returns whether it was one.

    Call it with the tenant's life held (`exclusive`), which proves that nobody works on it. What
    a broken set-up left is undone; a broken removal keeps what it had not yet removed.
    """
    run = last_run(tenant)
    if tenant.state == TenantState.PROVISIONING:
        left = _undo(run, tenant) if run else []
        _fail(tenant, run, actor, {"code": "INTERRUPTED", "left": left})
    elif tenant.state == TenantState.DEPROVISIONING:
        _interrupt(run)
        state_change(
            tenant=tenant,
            target=TenantState.FAILED,
            event=EventType.TENANT_DEPROVISION_FAILED,
            actor=actor,
            details={"code": "INTERRUPTED"},
        )
    else:
        return False
    return True


def _register(slug: str, name: str, actor: str) -> Tenant:
    if taken := Tenant.objects.filter(slug=slug).first():
        raise _taken(taken)
    try:
        with transaction.atomic():
            tenant = Tenant.objects.create(
                slug=slug, name=name or slug, schema_name=schema_name(slug)
            )
            tenant_event(tenant=tenant, event=EventType.TENANT_CREATED, actor=actor)
    except (IntegrityError, ValidationError):
        # Another process was faster: the database says so, or django-tenants does.
        raise _taken(Tenant.objects.get(slug=slug)) from None
    return tenant


def _taken(tenant: Tenant) -> TenantAlreadyExistsError:
    if tenant.state == TenantState.DEPROVISIONED:
        return TenantAlreadyExistsError(
            f"The slug '{tenant.slug}' belonged to a tenant that was removed.",
            remediation="A slug is never given out again, since the history bears it. "
            "Choose another.",
        )
    return TenantAlreadyExistsError(
        f"There is a tenant '{tenant.slug}' already.", remediation="Choose another slug."
    )


@transaction.atomic
def _begin(tenant: Tenant, actor: str) -> LifecycleRun:
    run = run_begin(tenant=tenant, kind=LifecycleKind.PROVISION, actor=actor)
    state_change(
        tenant=tenant,
        target=TenantState.PROVISIONING,
        event=EventType.TENANT_PROVISION_STARTED,
        actor=actor,
        details={"attempt": run.attempt},
    )
    return run


def _provision(tenant: Tenant, actor: str) -> Tenant:
    run = _begin(tenant, actor)
    for action in (StepAction.MAKE, StepAction.CHECK):
        for step in STEPS:
            try:
                with step_recorded(run, step.name, action):
                    _act(step, action)(tenant)
            except Exception as error:
                raise _undone(run, tenant, actor, step, error) from error
    _finish(tenant, run, actor)
    return tenant


def _act(step: Step, action: StepAction) -> Callable[[Tenant], None]:
    return step.make if action == StepAction.MAKE else step.check


@transaction.atomic
def _finish(tenant: Tenant, run: LifecycleRun, actor: str) -> None:
    run_end(run=run, state=LifecycleOutcome.DONE)
    state_change(
        tenant=tenant,
        target=TenantState.ACTIVE,
        event=EventType.TENANT_PROVISIONED,
        actor=actor,
        details={"attempt": run.attempt, "steps": [step.name for step in STEPS]},
    )


def _undone(
    run: LifecycleRun, tenant: Tenant, actor: str, step: Step, error: Exception
) -> ProvisioningError:
    """Undo everything, bring the tenant to FAILED, and return the error that says so."""
    left = _undo(run, tenant)
    _fail(tenant, run, actor, {"code": code_of(error), "step": step.name, "left": left})
    outcome = f"not undone: {', '.join(left)}" if left else "everything was undone"
    return ProvisioningError(
        f"Setting up '{tenant.slug}' failed at the step '{step.name}'; {outcome}.",
        remediation="The log has the cause. Then retry, or remove the tenant.",
        extra={"step": step.name, "left": left},
    )


def _undo(run: LifecycleRun, tenant: Tenant) -> list[str]:
    """Undo every step in reverse, going on past failures; returns the names of what is left.

    All steps, not only those that were recorded: a step may have died after its work and before
    its record.
    """
    for step in reversed(STEPS):
        try:
            with step_recorded(run, step.name, StepAction.UNDO):
                step.undo(tenant)
        except Exception:
            log.exception("provisioning step not undone", step=step.name, tenant=tenant.slug)
    return [step.name for step in STEPS if not _seen_gone(step, tenant)]


def _seen_gone(step: Step, tenant: Tenant) -> bool:
    try:
        return step.is_gone(tenant)
    except Exception:
        log.exception("provisioning step not seen", step=step.name, tenant=tenant.slug)
        return False


@transaction.atomic
def _fail(tenant: Tenant, run: LifecycleRun | None, actor: str, details: dict[str, object]) -> None:
    tenant.issued_key = ""
    if details["code"] == "INTERRUPTED":
        _interrupt(run)
    elif run:
        run_end(run=run, state=LifecycleOutcome.FAILED)
    state_change(
        tenant=tenant,
        target=TenantState.FAILED,
        event=EventType.TENANT_PROVISION_FAILED,
        actor=actor,
        details=details,
    )


def _interrupt(run: LifecycleRun | None) -> None:
    if run and run.state == LifecycleOutcome.RUNNING:
        run_end(run=run, state=LifecycleOutcome.INTERRUPTED)
