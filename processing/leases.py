"""Who works on a stage: claimed for a while, kept by a heartbeat, lost when the worker dies.

A lease is a token on the stage's row. Whatever a worker writes, it writes in a transaction that
first finds its own token there (`fence`); a worker that was thought dead and comes back finds
another and writes nothing.
"""

import threading
from datetime import timedelta
from types import TracebackType
from typing import Final
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, OperationalError, connection, transaction

from frostbyte.kernel.errors import FrostbyteError
from frostbyte.kernel.ids import new_id
from processing.clock import database_now
from processing.models import Run, RunState, StageRun, StageState
from tenants.context import tenant_context
from tenants.lifecycle.gate import may_begin
from tenants.models import Tenant

log = structlog.get_logger("frostbyte.processing")

MAX_LOST_LEASES: Final = 3
"""After so many workers have died on one stage, the file is taken to be the cause."""


class LeaseLostError(FrostbyteError):
    """Another worker has taken the stage over; this one's result is dropped."""

    code = "LEASE_LOST"


@transaction.atomic
def claim_stage(run_id: UUID, *, tenant: Tenant) -> StageRun | None:
    """Take the run's next stage if it is due and nobody holds it; None otherwise.

    None, too, unless the registry says at this moment that the tenant is active: no stage begins
    after a suspension, whoever asks.
    """
    if not may_begin(tenant):
        return None
    run = Run.objects.select_for_update(skip_locked=True).filter(pk=run_id).first()
    if run is None or run.is_final:
        return None
    stage_run = (
        run.stages.select_for_update().exclude(state=StageState.DONE).order_by("position").first()
    )
    now = database_now()
    if stage_run is None or _is_held(stage_run) or stage_run.due_at > now:
        return None
    if stage_run.state == StageState.RUNNING:
        stage_run.lost_leases += 1
    stage_run.attempt += 1
    stage_run.state = StageState.RUNNING
    stage_run.lease_token = new_id()
    stage_run.lease_expires_at = now + timedelta(seconds=settings.PIPELINE_LEASE_SECONDS)
    stage_run.started_at = now
    stage_run.finished_at = None
    stage_run.save()
    if run.state != RunState.RUNNING:
        run.state = RunState.RUNNING
        run.save(update_fields=["state", "changed_at"])
    return stage_run


def fence(stage_run: StageRun) -> StageRun:
    """Lock the stage's row and return it; raises `LeaseLostError` unless the lease is ours."""
    held = (
        StageRun.objects.select_for_update()
        .filter(pk=stage_run.pk, lease_token=stage_run.lease_token)
        .first()
    )
    if held is None:
        raise LeaseLostError("The stage was taken over by another worker.")
    return held


def renew(stage_run: StageRun) -> bool:
    """Extend the lease; returns whether it is still ours."""
    expires = database_now() + timedelta(seconds=settings.PIPELINE_LEASE_SECONDS)
    held = StageRun.objects.filter(pk=stage_run.pk, lease_token=stage_run.lease_token)
    return held.update(lease_expires_at=expires) == 1


def _is_held(stage_run: StageRun) -> bool:
    expires = stage_run.lease_expires_at
    return (
        stage_run.state == StageState.RUNNING and expires is not None and expires > database_now()
    )


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
