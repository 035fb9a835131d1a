"""Cancelling runs: what waits ends at once, what runs has its lease taken away.

A worker that is in the middle of a stage then writes nothing any more: it finds its lease gone when
it comes to an end, or before, when its heartbeat does.
"""

from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from audit.events import EventType
from audit.services import record_event
from frostbyte.kernel.errors import NotFoundError
from processing.batches.settling import run_ended
from processing.models import OPEN_STATES, Run, RunState, StageRun, StageState
from processing.undoing import derived_remove_on_commit, rows_undo
from tenants.access.readers import EVERYTHING
from tenants.context import reading
from tenants.models import Tenant

CANCELLED: Final = "CANCELLED"


def batch_cancel_runs(*, tenant: Tenant, batch_id: UUID, actor: str) -> int:
    """Cancel the runs of a batch that are not final, inside the tenant's context; return how many.

    Each by itself: when the call is cut off, calling again goes on. Whoever may cancel the batch
    may cancel all of it, wherever its documents have been moved to.
    """
    with reading(EVERYTHING):
        of_batch = Run.objects.filter(batch_id=batch_id, state__in=OPEN_STATES)
        ids = list(of_batch.values_list("pk", flat=True))
        return sum(_cancel(tenant, run_id, actor) for run_id in ids)


def run_cancel(*, tenant: Tenant, run_id: UUID, actor: str) -> bool:
    """Cancel one run; returns False where it was final already. Raises `NotFoundError`."""
    if not Run.objects.filter(pk=run_id).exists():
        raise NotFoundError("There is no such run.")
    return _cancel(tenant, run_id, actor)


@transaction.atomic
def _cancel(tenant: Tenant, run_id: UUID, actor: str) -> bool:
    """Stages are locked first, as by whoever ends one: what is being written now is waited for."""
    list(StageRun.objects.select_for_update().filter(run_id=run_id).order_by("position"))
    run = Run.objects.select_for_update().filter(pk=run_id, state__in=OPEN_STATES).first()
    if run is None:
        return False
    rows_undo(tenant=tenant, run_id=run_id)
    StageRun.objects.filter(run_id=run_id).update(
        state=StageState.PENDING,
        lease_token=None,
        lease_expires_at=None,
        attempt=0,
        lost_leases=0,
        outages=0,
        summary={},
        due_at=Now(),
    )
    Run.objects.filter(pk=run_id).update(
        state=RunState.CANCELLED,
        error_code=CANCELLED,
        error_message="It was cancelled before it was searchable.",
        remediation="Let it be tried again, if it was cancelled by mistake.",
        finished_at=Now(),
        changed_at=Now(),
        resolved_by=actor,
        resolved_at=Now(),
    )
    derived_remove_on_commit(tenant=tenant, run_id=run_id)
    _record(tenant, run, actor)
    run_ended(tenant, run.document_id)
    return True


def _record(tenant: Tenant, run: Run, actor: str) -> None:
    batch = {"batch_id": str(run.batch_id)} if run.batch_id else {}
    record_event(
        tenant=tenant.slug,
        event_type=EventType.RUN_CANCELLED,
        actor=actor,
        resource_type="document",
        resource_id=str(run.document_id),
        details={"component": "pipeline", "run_id": str(run.pk), **batch},
    )
