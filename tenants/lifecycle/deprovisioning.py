"""Removal: everything that a tenant has, store by store, each seen to be empty before the next.

What stays is the registry's row, as a tombstone that keeps the slug taken, the record of the runs,
and the tenant's audit chain.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from audit.events import EventType
from tenants.errors import (
    ConfirmationMismatchError,
    DeprovisioningError,
)
from tenants.lifecycle.gate import drain_writers, exclusive
from tenants.lifecycle.provisioning import STEPS, HealthCheckError, Step, settle
from tenants.lifecycle.runs import code_of, last_run, run_begin, run_end, step_recorded
from tenants.lifecycle.states import TenantState
from tenants.lifecycle.transitions import state_change, tenant_event
from tenants.lifecycle.work import tenant_work
from tenants.models import (
    LifecycleKind,
    LifecycleOutcome,
    LifecycleRun,
    LifecycleStep,
    StepAction,
    Tenant,
)
from tenants.workspace import workspace_remove


@dataclass(frozen=True, slots=True)
class Removal:
    """One thing to take away: how, how much of it there is, and whether it is gone."""

    name: str
    remove: Callable[[Tenant], None]
    is_gone: Callable[[Tenant], bool]
    count: Callable[[Tenant], int]

    @classmethod
    def of(cls, step: Step) -> "Removal":
        """Return the removal of what a provisioning step makes."""
        return cls(step.name, step.undo, step.is_gone, step.count or _one_or_none(step))


def _one_or_none(step: Step) -> Callable[[Tenant], int]:
    return lambda tenant: 0 if step.is_gone(tenant) else 1


def _stop_work(tenant: Tenant) -> None:
    """Wait for files that are being handed in, then drop what is not finished, and their folder."""
    drain_writers(tenant)
    tenant_work().cancel(tenant)
    workspace_remove(tenant.schema_name)


def _work_is_gone(tenant: Tenant) -> bool:
    return _count_work(tenant) == 0


def _count_work(tenant: Tenant) -> int:
    return tenant_work().count(tenant)


WORK: Final = Removal("work", _stop_work, _work_is_gone, _count_work)
ORDER: Final = (
    "key", "work", "vectors", "schema", "bucket", "data_key", "role", "domain", "credential",
)  # fmt: skip
"""The order of removal by name of step: nothing is taken away that a later one still needs."""


def removals() -> tuple[Removal, ...]:
    """Return everything that is taken away, in order; each provisioning step is among them.

    Raises `ImproperlyConfigured` for a step without a place in `ORDER`: it would be left behind.
    """
    known = {step.name: Removal.of(step) for step in STEPS} | {WORK.name: WORK}
    if missing := known.keys() - set(ORDER):
        raise ImproperlyConfigured(f"Removal knows no place for: {', '.join(sorted(missing))}.")
    return tuple(known[name] for name in ORDER if name in known)


def tenant_contents(*, tenant: Tenant) -> dict[str, int]:
    """Return how much there is to remove, by name, asked of each store now."""
    return {removal.name: removal.count(tenant) for removal in removals()}


def tenant_deprovision(*, tenant: Tenant, confirmation: str, actor: str) -> Tenant:
    """Remove everything that the tenant has, and return its tombstone, DEPROVISIONED.

    `confirmation` is the slug, typed again. Raises `ConfirmationMismatchError`,
    `InvalidStateTransitionError`, `TenantBusyError`, or `DeprovisioningError` when a step failed:
    the tenant is then FAILED, and `tenant_retry` goes on where this stopped.
    """
    if confirmation != tenant.slug:
        raise ConfirmationMismatchError(
            "What was typed is not the slug of the tenant; nothing was removed.",
            remediation="Type the slug exactly as it is shown.",
        )
    with exclusive(tenant):
        tenant.refresh_from_db(fields=["state"])
        settle(tenant=tenant, actor=actor)
        return _remove(tenant, _begin(tenant, actor), actor)


@transaction.atomic
def _begin(tenant: Tenant, actor: str) -> LifecycleRun:
    before = last_run(tenant)
    is_abandoned = (
        tenant.state == TenantState.FAILED
        and before is not None
        and before.kind == LifecycleKind.PROVISION
    )
    run = run_begin(tenant=tenant, kind=LifecycleKind.DEPROVISION, actor=actor)
    state_change(
        tenant=tenant,
        target=TenantState.DEPROVISIONING,
        event=EventType.TENANT_DEPROVISION_STARTED,
        actor=actor,
        details={"attempt": run.attempt},
    )
    if is_abandoned:
        tenant_event(tenant=tenant, event=EventType.TENANT_ABANDONED, actor=actor)
    return run


def _remove(tenant: Tenant, run: LifecycleRun, actor: str) -> Tenant:
    for removal in removals():
        try:
            with step_recorded(run, removal.name, StepAction.REMOVE) as details:
                _take_away(removal, tenant, details)
        except Exception as error:
            raise _stopped(tenant, run, actor, removal, error) from error
    _finish(tenant, run, actor)
    return tenant


def _take_away(removal: Removal, tenant: Tenant, details: dict[str, Any]) -> None:
    details["found"] = removal.count(tenant)
    removal.remove(tenant)
    details["left"] = removal.count(tenant)
    if details["left"] or not removal.is_gone(tenant):
        raise HealthCheckError(
            f"The store still holds something of '{removal.name}' after its removal.",
            remediation="Retry; if it stays, look at that store.",
        )


@transaction.atomic
def _stopped(
    tenant: Tenant, run: LifecycleRun, actor: str, removal: Removal, error: Exception
) -> DeprovisioningError:
    """Bring the tenant to FAILED and return the error that says so."""
    run_end(run=run, state=LifecycleOutcome.FAILED)
    state_change(
        tenant=tenant,
        target=TenantState.FAILED,
        event=EventType.TENANT_DEPROVISION_FAILED,
        actor=actor,
        details={"code": code_of(error), "step": removal.name, "removed": evidence(tenant)},
    )
    return DeprovisioningError(
        f"Removing '{tenant.slug}' stopped at '{removal.name}'; what came before is removed.",
        remediation="The log has the cause. `manage.py tenant retry` goes on from there.",
        extra={"step": removal.name},
    )


@transaction.atomic
def _finish(tenant: Tenant, run: LifecycleRun, actor: str) -> None:
    run_end(run=run, state=LifecycleOutcome.DONE)
    # The tombstone keeps no secret: its identity provider's goes with all else.
    tenant.sign_in = {}
    tenant.save(update_fields=["sign_in"])
    state_change(
        tenant=tenant,
        target=TenantState.DEPROVISIONED,
        event=EventType.TENANT_DEPROVISIONED,
        actor=actor,
        details={"attempt": run.attempt, "removed": evidence(tenant)},
    )


def evidence(tenant: Tenant) -> dict[str, dict[str, int]]:
    """Return what each finished step of removal deleted and left, over all attempts.

    What a broken attempt had deleted of a store counts with the attempt that finished it.
    """
    steps = LifecycleStep.objects.filter(
        run__tenant=tenant, action=StepAction.REMOVE, details__has_key="found"
    )
    found: dict[str, int] = {}
    done: dict[str, dict[str, int]] = {}
    for step in steps.order_by("at", "id"):
        first = found.setdefault(step.name, step.details["found"])
        if step.state == LifecycleOutcome.DONE:
            done[step.name] = {"deleted": first - step.details["left"], "left": 0}
    return done
