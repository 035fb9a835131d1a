"""The one loop that runs the pipeline: claim a stage, do its work, write down how it ended.

`run_advance` may be called for any run at any time by any number of workers. What a stage makes
goes to the object store at `derived/<run>/<stage>.json`; within one call it is also handed on in
memory.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from time import monotonic
from typing import Any, Final
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.db.models.functions import Now

from audit.events import EventType
from audit.services import record_event
from frostbyte.kernel.errors import FrostbyteError, ServiceUnavailableError
from frostbyte.kernel.hashing import sha256_hex
from processing.batches.settling import run_ended
from processing.canonical import decode, encode
from processing.errors import IndexWriteError
from processing.leases import (
    MAX_LOST_LEASES,
    Heartbeat,
    LeaseLostError,
    claim_next,
    claim_stage,
    fence,
    run_rest,
)
from processing.models import Run, RunState, StageRun, StageState
from processing.payloads import ClearedDocument, ReceivedFile
from processing.pipeline import PIPELINE, Stage, stage_named
from processing.stages.context import StageContext
from processing.stages.summary import stage_summary
from processing.undoing import derived_prefix, rows_undo
from tenants.configuration import TenantConfiguration
from tenants.lifecycle.gate import tenant_was_removed
from tenants.models import Tenant
from tenants.stores import for_tenant

log = structlog.get_logger("frostbyte.processing")

WORKER: Final = "worker"


class WorkerLostError(FrostbyteError):
    """The worker died on this file again and again."""

    code = "WORKER_LOST"
    http_status = 422


class StageFaultError(FrostbyteError):
    """A fault of our own: its kind and place are in the log, not its text."""

    code = "INTERNAL_ERROR"
    retryable = True


def run_advance(*, tenant: Tenant, run_id: UUID) -> Run:
    """Run every stage of the run that is due, inside the tenant's context; returns the run.

    Never raises for a stage that fails: the failure is on the row, with what comes next.
    """
    if stage_run := claim_stage(run_id, tenant=tenant):
        _advance(tenant, stage_run)
    return Run.objects.get(pk=run_id)


def next_advance(*, tenant: Tenant) -> Run | None:
    """Do the same for that run of the tenant which is first in order; None when none is due."""
    stage_run = claim_next(tenant=tenant)
    if stage_run is None:
        return None
    _advance(tenant, stage_run)
    return Run.objects.get(pk=stage_run.run_id)


def _advance(tenant: Tenant, claimed: StageRun) -> None:
    """Run the claimed stage and those after it, each with what the one before it made."""
    payload: Any = None
    stage_run: StageRun | None = claimed
    while stage_run:
        payload = _run_stage(tenant, stage_run, payload)
        stage_run = claim_stage(claimed.run_id, tenant=tenant) if payload is not None else None
    run_rest(claimed.run_id)


def payload_key(run_id: UUID, stage: str) -> str:
    """Return the object key of what a stage of a run made."""
    return f"{derived_prefix(run_id)}{stage}.json"


def _run_stage(tenant: Tenant, stage_run: StageRun, payload: Any) -> Any:
    """Return the stage's output, or None when it did not end well."""
    stage = stage_named(stage_run.stage)
    started = monotonic()
    try:
        if stage_run.lost_leases >= MAX_LOST_LEASES:
            raise WorkerLostError(
                "Processing this file has ended the worker several times.",
                remediation="Open the file, save it anew in its program, and send that.",
            )
        with Heartbeat(tenant, stage_run):
            return _work(stage, tenant, stage_run, payload, started)
    except LeaseLostError:
        log.warning("lease lost", run=str(stage_run.run_id), stage=stage.name)
    except FrostbyteError as error:
        _fail(stage, tenant, stage_run, error)
    except (OperationalError, InterfaceError) as error:
        _log_fault(stage, stage_run, error)
        connection.close_if_unusable_or_obsolete()
        _fail(stage, tenant, stage_run, _database_away())
    except Exception as error:
        if isinstance(error, DatabaseError) and tenant_was_removed(tenant):
            raise
        # Any other fault must leave the run resumable.
        _log_fault(stage, stage_run, error)
        _fail(stage, tenant, stage_run, StageFaultError("The stage failed with an internal fault."))
    return None


def _database_away() -> ServiceUnavailableError:
    return ServiceUnavailableError(
        "The database was away for a moment.",
        remediation="It is tried again by itself; if it lasts, look at the database's log.",
    )


def _work(stage: Stage, tenant: Tenant, stage_run: StageRun, payload: Any, started: float) -> Any:
    run = Run.objects.select_related("document").get(pk=stage_run.run_id)
    value, input_hash = _input(stage, tenant, run, payload)
    context = _context(stage, tenant, run, input_hash)
    with _writing(stage_run) if stage.writes_rows else nullcontext():
        output = stage.work(value, context)
        _finish(stage, tenant, stage_run, output, input_hash, started)
    return output


@contextmanager
def _writing(stage_run: StageRun) -> Iterator[None]:
    """Write rows under the lease and all at once; what the database refuses is undone."""
    try:
        with transaction.atomic():
            fence(stage_run)
            yield
    except DatabaseError as error:
        raise IndexWriteError(
            "The database refused the write; nothing of it was kept.",
            remediation="It is tried again by itself; if it lasts, look at the database's log.",
        ) from error


def _context(stage: Stage, tenant: Tenant, run: Run, input_hash: str) -> StageContext:
    return StageContext(
        tenant=tenant,
        run_id=run.pk,
        document_id=run.document_id,
        configuration=TenantConfiguration.model_validate(run.configuration),
        configuration_version=run.configuration_version,
        input_hash=input_hash,
        limits=stage.limits,
    )


def _input(stage: Stage, tenant: Tenant, run: Run, payload: Any) -> tuple[Any, str]:
    """Return the stage's input and its hash: from memory, or from the stage before's object."""
    position = PIPELINE.index(stage)
    if position == 0:
        return _received(run), run.document.sha256
    before = PIPELINE[position - 1]
    expected = run.stages.get(stage=before.name).output_hash
    # Another worker may have done a stage in between: then what is in memory is older.
    if isinstance(payload, before.output_type):
        return payload, expected
    data = for_tenant(tenant).objects.get(payload_key(run.pk, before.name))
    if sha256_hex(data) != expected:
        raise StageFaultError("The stored result of the stage before is not the one it wrote.")
    return decode(data, before.output_type), expected


def _received(run: Run) -> ReceivedFile:
    document = run.document
    return ReceivedFile(
        document_id=document.pk,
        raw_key=document.raw_key,
        raw_sha256=document.sha256,
        size_bytes=document.size_bytes,
        media_type=document.media_type,
        filename=document.filename,
    )


def _finish(
    stage: Stage,
    tenant: Tenant,
    stage_run: StageRun,
    output: Any,
    input_hash: str,
    started: float,
) -> None:
    data = encode(output)
    output_hash = sha256_hex(data)
    with transaction.atomic():
        held = fence(stage_run)
        # Under the lease: when it is lost, to another worker or to the tenant's removal, nothing
        # is put.
        for_tenant(tenant).objects.put(
            payload_key(stage_run.run_id, stage.name), data, content_type="application/json"
        )
        held.state = StageState.DONE
        held.version = stage.version
        held.input_hash, held.output_hash = input_hash, output_hash
        held.summary = stage_summary(output, stage.details(output))
        held.error_code = held.error_message = ""
        held.finished_at = Now()
        held.save()
        _end_run_if_last(stage, tenant, held)
        _record_done(stage, tenant, held, output, round((monotonic() - started) * 1000))


def _end_run_if_last(stage: Stage, tenant: Tenant, stage_run: StageRun) -> None:
    if stage is PIPELINE[-1]:
        Run.objects.filter(pk=stage_run.run_id).update(
            state=RunState.PUBLISHED,
            error_code="",
            error_message="",
            remediation="",
            finished_at=Now(),
            changed_at=Now(),
        )
        run_ended(tenant, stage_run.run.document_id)


def _record_done(
    stage: Stage, tenant: Tenant, stage_run: StageRun, output: Any, duration_ms: int
) -> None:
    common = {
        "component": f"processing.{stage.name}",
        "run_id": str(stage_run.run_id),
        "version": stage_run.version,
        "input_hash": stage_run.input_hash,
        "output_hash": stage_run.output_hash,
        "duration_ms": duration_ms,
        "attempt": stage_run.attempt,
        "status": "done",
    }
    _record(tenant, stage.event, stage_run, {**common, **stage.details(output)})
    counts = _pii_counts(output)
    if counts:
        _record(tenant, EventType.PII_DETECTED, stage_run, {"counts": counts})


def _pii_counts(output: Any) -> dict[str, int]:
    if not isinstance(output, ClearedDocument):
        return {}
    return {
        kind: n for gate in output.gates if gate.gate == "pii" for kind, n in gate.counts.items()
    }


def _fail(stage: Stage, tenant: Tenant, stage_run: StageRun, error: FrostbyteError) -> None:
    """Write the failure down: a next try with its time, or the end with what a person can do."""
    try:
        with transaction.atomic():
            held = fence(stage_run)
            wait = _next_wait(stage, held, error)
            if wait is None:
                _give_up(stage, tenant, held, error)
            else:
                _wait(held, error, seconds=wait)
    except LeaseLostError:
        log.warning("lease lost", run=str(stage_run.run_id), stage=stage.name)


def _next_wait(stage: Stage, stage_run: StageRun, error: FrostbyteError) -> int | None:
    """Return the seconds before the next try, or None at the end; counts a look at an outage."""
    if not error.retryable:
        return None
    if stage.outage_waits and not isinstance(error, StageFaultError):
        stage_run.outages += 1
        return stage.outage_waits[min(stage_run.outages, len(stage.outage_waits)) - 1]
    tried = stage_run.attempt - stage_run.lost_leases - stage_run.outages
    return stage.waits[tried - 1] if tried <= len(stage.waits) else None


def _wait(stage_run: StageRun, error: FrostbyteError, *, seconds: int) -> None:
    _end_try(stage_run, StageState.WAITING, error)
    stage_run.due_at = Now() + timedelta(seconds=seconds)
    stage_run.save()
    _set_run(stage_run, RunState.WAITING, error, finished=False)


def _give_up(stage: Stage, tenant: Tenant, stage_run: StageRun, error: FrostbyteError) -> None:
    """Make the run a dead letter, with nothing half-written left in tables and vectors."""
    _end_try(stage_run, StageState.FAILED, error)
    stage_run.save()
    rows_undo(tenant=tenant, run_id=stage_run.run_id)
    held_back = stage.verdict == RunState.QUARANTINED
    state = RunState.QUARANTINED if held_back else RunState.FAILED
    _set_run(stage_run, state, error, finished=True)
    event = EventType.DOCUMENT_QUARANTINED if held_back else stage.failure_event
    details = {
        "component": f"processing.{stage.name}",
        "run_id": str(stage_run.run_id),
        "code": error.code,
        "attempt": stage_run.attempt,
        "status": stage.verdict,
    }
    _record(tenant, event, stage_run, details)
    run_ended(tenant, stage_run.run.document_id)


def _end_try(stage_run: StageRun, state: StageState, error: FrostbyteError) -> None:
    stage_run.state = state
    stage_run.error_code = error.code
    stage_run.error_message = error.message
    stage_run.lease_token = None
    stage_run.lease_expires_at = None
    stage_run.finished_at = Now()


def _set_run(
    stage_run: StageRun, state: RunState, error: FrostbyteError, *, finished: bool
) -> None:
    Run.objects.filter(pk=stage_run.run_id).update(
        state=state,
        error_code=error.code,
        error_message=error.message,
        remediation=error.remediation,
        finished_at=Now() if finished else None,
        changed_at=Now(),
    )


def _record(tenant: Tenant, event: EventType, stage_run: StageRun, details: dict[str, Any]) -> None:
    record_event(
        tenant=tenant.slug,
        event_type=event,
        actor=WORKER,
        resource_type="document",
        resource_id=str(stage_run.run.document_id),
        details=details,
    )


def _log_fault(stage: Stage, stage_run: StageRun, error: Exception) -> None:
    """Log kinds and places of a fault; the log leaves its text out, which may quote content."""
    log.error("stage fault", run=str(stage_run.run_id), stage=stage.name, exc_info=error)
