"""What a person decides over runs that came to no good end: try again, set aside, close for good.

A run that failed or was quarantined is a dead letter until then. Whoever reads the document may
decide over it, and nobody else sees that there is one.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from audit.events import EventType
from audit.services import record_event
from frostbyte.kernel.errors import FrostbyteError, NotFoundError
from processing.handing import work_announce
from processing.models import DEAD_STATES, Resolution, Run, RunState, StageRun, StageState
from processing.pipeline import stage_named
from processing.undoing import derived_remove_on_commit, rows_undo
from tenants.models import Tenant

REASON_LIMIT: Final = 200


class Decision(StrEnum):
    """What can be done with a dead letter."""

    RETRY = "retry"
    SKIP = "skip"
    ABANDON = "abandon"


class DecisionNotPossibleError(FrostbyteError):
    """The run is in no state in which that can be decided."""

    code = "INVALID_STATE_TRANSITION"
    http_status = 409


_EVENTS: Final = {
    Decision.RETRY: EventType.DEAD_LETTER_RETRIED,
    Decision.SKIP: EventType.DEAD_LETTER_SKIPPED,
    Decision.ABANDON: EventType.DEAD_LETTER_ABANDONED,
}
_RESOLUTIONS: Final = {
    Decision.RETRY: Resolution.OPEN,
    Decision.SKIP: Resolution.SKIPPED,
    Decision.ABANDON: Resolution.ABANDONED,
}


def dead_letter_list(*, resolution: Resolution = Resolution.OPEN) -> QuerySet[Run]:
    """Return the dead letters that the reader may see, with document and stages, newest first."""
    dead = Run.objects.filter(state__in=DEAD_STATES, resolution=resolution)
    ordered = dead.order_by("-finished_at", "-pk")
    return ordered.select_related("document").prefetch_related("stages")


def failed_stage(run: Run) -> StageRun | None:
    """Return the stage at which a dead letter (stages prefetched) came to its end."""
    return next((stage for stage in run.stages.all() if stage.state == StageState.FAILED), None)


def letter_facts(run: Run) -> dict[str, Any]:
    """Return what is told of a dead letter, for API, command and page alike.

    `outcome` is the verdict of the stage that the document did not get past.
    """
    stage = failed_stage(run)
    return {
        "id": run.pk,
        "document_id": run.document_id,
        "filename": run.document.filename,
        "batch_id": run.batch_id,
        "stage": stage.stage if stage else "",
        "outcome": stage_named(stage.stage).verdict if stage else run.state,
        "code": run.error_code,
        "message": run.error_message,
        "remediation": run.remediation,
        "attempts": stage.attempt if stage else 0,
        "failed_at": run.finished_at,
        "resolution": run.resolution,
        "resolved_by": run.resolved_by,
        "resolved_at": run.resolved_at,
        "reason": run.resolution_reason,
    }


def is_possible(run: Run, decision: Decision) -> bool:
    """Whether this can be decided over a run as it stands."""
    if decision is Decision.RETRY and run.state == RunState.CANCELLED:
        return True
    if run.state not in DEAD_STATES or run.resolution == Resolution.ABANDONED:
        return False
    return decision is not Decision.SKIP or run.resolution == Resolution.OPEN


def dead_letters_decide(
    *, tenant: Tenant, decision: Decision, run_ids: Iterable[UUID], actor: str, reason: str = ""
) -> int:
    """Decide the same over many, and return over how many it was still to be decided."""
    decided = 0
    for run_id in run_ids:
        try:
            dead_letter_decide(
                tenant=tenant, decision=decision, run_id=run_id, actor=actor, reason=reason
            )
        except (NotFoundError, DecisionNotPossibleError):
            continue
        decided += 1
    return decided


@transaction.atomic
def dead_letter_decide(
    *, tenant: Tenant, decision: Decision, run_id: UUID, actor: str, reason: str = ""
) -> Run:
    """Try a run again with all its tries, set it aside, or close it for good; on record.

    One that is set aside can be tried again later. What a closed one derived is removed; the file
    as it was received stays, with its receipt. A cancelled run can be tried again, too. Raises
    `NotFoundError`, `DecisionNotPossibleError`.
    """
    run = Run.objects.select_for_update(of=("self",)).select_related("document")
    found = run.filter(pk=run_id).first()
    if found is None or found.state not in (*DEAD_STATES, RunState.CANCELLED):
        raise NotFoundError("There is no such dead letter.")
    if not is_possible(found, decision):
        raise DecisionNotPossibleError(
            f"What is {found.resolution if found.is_final else found.state} cannot be changed so.",
            remediation="Look at the list of dead letters again: somebody decided meanwhile.",
        )
    code = found.error_code
    found.resolution = _RESOLUTIONS[decision]
    found.resolution_reason = reason[:REASON_LIMIT]
    found.resolved_by, found.resolved_at = actor, Now()
    found.changed_at = Now()
    if decision is Decision.RETRY:
        _queue_again(found)
    elif decision is Decision.ABANDON:
        rows_undo(tenant=tenant, run_id=run_id)
        derived_remove_on_commit(tenant=tenant, run_id=run_id)
    found.save()
    _record(tenant, _EVENTS[decision], found, actor, {"code": code, "reason": reason})
    if decision is Decision.RETRY:
        transaction.on_commit(lambda: _announce(tenant))
    return found


def _announce(tenant: Tenant) -> None:
    work_announce([tenant])


def _queue_again(run: Run) -> None:
    run.stages.filter(state=StageState.FAILED).update(
        state=StageState.PENDING, attempt=0, lost_leases=0, outages=0, due_at=Now()
    )
    run.state, run.finished_at = RunState.QUEUED, None
    run.error_code = run.error_message = run.remediation = ""


def _record(
    tenant: Tenant, event: EventType, run: Run, actor: str, details: dict[str, str]
) -> None:
    record_event(
        tenant=tenant.slug,
        event_type=event,
        actor=actor,
        resource_type="document",
        resource_id=str(run.document_id),
        details={
            "component": "pipeline",
            "run_id": str(run.pk),
            **{name: value for name, value in details.items() if value},
        },
    )
