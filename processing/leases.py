"""Who works on a stage: claimed for a while, kept by a heartbeat, lost when the worker dies.

A lease is a token on the stage's row. Whatever a worker writes, it writes in a transaction that
first finds its own token there (`fence`); a worker that was thought dead and comes back finds
another and writes nothing. Leases and due times are set and judged by PostgreSQL's clock alone:
where a worker's own clock stands changes nothing.
"""

import threading
from datetime import timedelta
from types import TracebackType
from typing import Final
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Now

from frostbyte.kernel.errors import FrostbyteError
from frostbyte.kernel.ids import new_id
from processing.models import OPEN_STATES, Run, RunState, StageRun, StageState
from tenants.context import tenant_context
from tenants.lifecycle.gate import may_begin
from tenants.models import Tenant
from tenants.workload.pauses import stages_paused

log = structlog.get_logger("frostbyte.processing")

MAX_LOST_LEASES: Final = 3
"""After so many workers have died on one stage, the file is taken to be the cause."""


class LeaseLostError(FrostbyteError):
    """Another worker has taken the stage over, or the run was cancelled; the result is dropped."""

    code = "LEASE_LOST"


def is_held() -> Q:
    """Return the condition for a stage that some worker holds at this moment."""
    return Q(state=StageState.RUNNING, lease_expires_at__gt=Now())


@transaction.atomic
def claim_stage(run_id: UUID, *, tenant: Tenant) -> StageRun | None:
    """Take the run's next stage if it is due and nobody holds it; None otherwise.

    None, too, unless the registry says at this moment that the tenant is active and the stage not
    paused: no stage begins after a suspension or a pause, whoever asks.
    """
    if not may_begin(tenant):
        return None
    paused = stages_paused(tenant)
    run = Run.objects.select_for_update(skip_locked=True).filter(pk=run_id).first()
    return _claim(run, paused) if run and not run.is_final else None


@transaction.atomic
def claim_next(*, tenant: Tenant) -> StageRun | None:
    """Take the next stage of that run of the tenant which is first in order: priority, then age.

    None when nothing is due, when the tenant has its number of runs in work, or where
    `claim_stage` would refuse.
    """
    if not may_begin(tenant):
        return None
    paused = stages_paused(tenant)
    if StageRun.objects.filter(is_held()).count() >= settings.PIPELINE_RUNS_IN_FLIGHT_PER_TENANT:
        return None
    due = _due(paused)
    run = _first_of(due.filter(~_is_suspected())) or _first_of(due)
    return _claim(run, paused) if run else None


def _first_of(due: QuerySet[Run]) -> Run | None:
    ordered = due.order_by("-priority", "created_at", "pk")
    return ordered.select_for_update(skip_locked=True, of=("self",)).first()


def _is_suspected() -> Exists:
    """Return the condition for a run that two workers have died on: all others go before it.

    If it is the cause, it ends the least of their work; if it is not, it meets other circumstances.
    """
    lost = Q(lost_leases__gte=2) | Q(lost_leases=1, state=StageState.RUNNING)
    return Exists(StageRun.objects.filter(lost, run=OuterRef("pk")))


def _due(paused: frozenset[str]) -> QuerySet[Run]:
    """Return the runs that could go on now. One between two stages is still its worker's."""
    of_run = StageRun.objects.filter(run=OuterRef("pk"))
    between = timedelta(seconds=settings.PIPELINE_HEARTBEAT_SECONDS)
    not_now = of_run.filter(
        is_held()
        | Q(state=StageState.WAITING, due_at__gt=Now())
        | Q(state=StageState.DONE, finished_at__gt=Now() - between) & Q(run__state=RunState.RUNNING)
    )
    due = Run.objects.filter(~Exists(not_now), state__in=OPEN_STATES)
    if not paused:
        return due
    following = of_run.exclude(state=StageState.DONE).order_by("position").values("stage")[:1]
    return due.annotate(following=Subquery(following)).exclude(following__in=paused)


def _claim(run: Run, paused: frozenset[str]) -> StageRun | None:
    """Take the stage. Locks are tried only: whoever ends a stage locks it before its run."""
    following = run.stages.exclude(state=StageState.DONE).order_by("position")
    stage_run = following.select_for_update(skip_locked=True).first()
    if stage_run is None or stage_run.pk != _first_id(following) or stage_run.stage in paused:
        return None
    token = new_id()
    ready = ~is_held() & Q(due_at__lte=Now())
    taken = StageRun.objects.filter(ready, pk=stage_run.pk).update(
        lost_leases=stage_run.lost_leases + (stage_run.state == StageState.RUNNING),
        attempt=stage_run.attempt + 1,
        state=StageState.RUNNING,
        lease_token=token,
        lease_expires_at=Now() + timedelta(seconds=settings.PIPELINE_LEASE_SECONDS),
        started_at=Now(),
        finished_at=None,
    )
    if not taken:
        return None
    if run.state != RunState.RUNNING:
        Run.objects.filter(pk=run.pk).update(state=RunState.RUNNING, changed_at=Now())
    return StageRun.objects.get(pk=stage_run.pk)


def _first_id(stages: QuerySet[StageRun]) -> int | None:
    return stages.values_list("pk", flat=True).first()


def run_rest(run_id: UUID) -> None:
    """Let a run that nobody works on be queued again: its next stage may not begin yet."""
    held = StageRun.objects.filter(run=OuterRef("pk"), state=StageState.RUNNING)
    resting = Run.objects.filter(~Exists(held), pk=run_id, state=RunState.RUNNING)
    resting.update(state=RunState.QUEUED, changed_at=Now())


def fence(stage_run: StageRun) -> StageRun:
    """Lock the stage's row and return it; raises `LeaseLostError` unless the lease is ours."""
    held = (
        StageRun.objects.select_for_update()
        .filter(pk=stage_run.pk, lease_token=stage_run.lease_token)
        .first()
    )
    if held is None:
        raise LeaseLostError("The stage was taken over by another worker, or its run cancelled.")
    return held


def renew(stage_run: StageRun) -> bool:
    """Extend the lease; returns whether it is still ours."""
    expires = Now() + timedelta(seconds=settings.PIPELINE_LEASE_SECONDS)
    held = StageRun.objects.filter(pk=stage_run.pk, lease_token=stage_run.lease_token)
    return held.update(lease_expires_at=expires) == 1


class Heartbeat(threading.Thread):
    """Renews a lease from a thread of its own, with a connection of its own, until stopped."""

    def __init__(self, tenant: Tenant, stage_run: StageRun) -> None:
        super().__init__(name=f"heartbeat-{stage_run.stage}", daemon=True)
        self._tenant = tenant
        self._stage_run = stage_run
        # Not `_stop`: a thread has a method of that name.
        self._ended = threading.Event()

    def run(self) -> None:
        """Renew every few seconds; a database that is away for a moment is tried again."""
        try:
            while not self._ended.wait(settings.PIPELINE_HEARTBEAT_SECONDS):
                if not self._beat():
                    return
        finally:
            connection.close()

    def _beat(self) -> bool:
        try:
            with tenant_context(self._tenant):
                return renew(self._stage_run)
        except DatabaseError as error:
            log.warning("heartbeat missed", error=type(error).__name__)
            connection.close()
            # Whatever else the database says, the tenant's rows are not there any more.
            return isinstance(error, OperationalError)

    def __enter__(self) -> None:
        self.start()

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self.join()
