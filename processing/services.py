"""Starting runs, and handing out what is due: a few of each tenant at a time."""

from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from celery import current_app
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from kombu.exceptions import OperationalError

from intake.models import Document
from processing.clock import database_now
from processing.models import OPEN_STATES, Run, RunState, StageRun, StageState
from processing.pipeline import PIPELINE
from tenants.models import Tenant

log = structlog.get_logger("frostbyte.processing")

ADVANCE_TASK: Final = "processing.advance"
DISPATCH_PATIENCE: Final = timedelta(seconds=60)
"""A run that was handed out and not begun for so long is handed out again."""


@transaction.atomic
def run_start(*, tenant: Tenant, document: Document) -> Run:
    """Create a queued run of the document under the tenant's present configuration."""
    now = database_now()
    run = Run.objects.create(
        document=document,
        configuration=tenant.settings.model_dump(mode="json"),
        configuration_version=tenant.config_version,
        created_at=now,
    )
    StageRun.objects.bulk_create(
        StageRun(run=run, stage=stage.name, position=position, due_at=now)
        for position, stage in enumerate(PIPELINE)
    )
    return run


@transaction.atomic
def run_start_first(*, tenant: Tenant, document_id: UUID) -> Run | None:
    """Create the document's first run; None where it has one, or is gone.

    Its announcement and the sweep may come at once: the document's row lets one go first.
    """
    locked = Document.objects.select_for_update(no_key=True).filter(pk=document_id)
    document = locked.first()
    if document is None or document.runs.exists():
        return None
    return run_start(tenant=tenant, document=document)


@transaction.atomic
def run_retry(*, run: Run) -> Run:
    """Let a failed or quarantined run try its failed stage again, with all its tries."""
    run.stages.filter(state=StageState.FAILED).update(
        state=StageState.PENDING, attempt=0, lost_leases=0, due_at=database_now()
    )
    run.state, run.finished_at, run.dispatched_at = RunState.QUEUED, None, None
    run.error_code = run.error_message = run.remediation = ""
    run.save()
    return run


def start_missing_runs(*, tenant: Tenant) -> int:
    """Start a run for each document that has none: its announcement was lost. Returns how many."""
    orphans = list(Document.objects.filter(runs=None).values_list("pk", flat=True)[:100])
    runs = [run_start_first(tenant=tenant, document_id=pk) for pk in orphans]
    return sum(run is not None for run in runs)


def dispatch_due(*, tenant: Tenant) -> int:
    """Send the tenant's due runs to the workers, up to its limit in flight; returns how many.

    A broker that is away costs nothing: the rows stay due, and the next sweep finds them.
    """
    sent = 0
    for run_id in _take_due():
        if not _send(tenant, run_id):
            break
        sent += 1
    return sent


@transaction.atomic
def _take_due() -> list[UUID]:
    now = database_now()
    held = Q(stages__state=StageState.RUNNING, stages__lease_expires_at__gt=now)
    fresh = Q(dispatched_at__gt=now - DISPATCH_PATIENCE, state=RunState.QUEUED)
    in_flight = Run.objects.filter(state__in=OPEN_STATES).filter(held | fresh).distinct().count()
    room = settings.PIPELINE_RUNS_IN_FLIGHT_PER_TENANT - in_flight
    if room <= 0:
        return []
    return _mark_dispatched(room)


def _mark_dispatched(room: int) -> list[UUID]:
    now = database_now()
    not_due = Q(stages__state=StageState.WAITING, stages__due_at__gt=now)
    held = Q(stages__state=StageState.RUNNING, stages__lease_expires_at__gt=now)
    recent = Q(dispatched_at__gt=now - DISPATCH_PATIENCE, state=RunState.QUEUED)
    busy = Run.objects.filter(not_due | held | recent).values("pk")
    due = (
        Run.objects.select_for_update(skip_locked=True)
        .filter(state__in=OPEN_STATES)
        .exclude(pk__in=busy)
        .order_by("created_at")[:room]
    )
    run_ids = [run.pk for run in due]
    Run.objects.filter(pk__in=run_ids).update(dispatched_at=now)
    return run_ids


def _send(tenant: Tenant, run_id: UUID) -> bool:
    try:
        current_app.send_task(ADVANCE_TASK, (tenant.slug, str(run_id)), retry=False)
    except (OperationalError, OSError) as error:
        log.warning("broker away", error=type(error).__name__)
        Run.objects.filter(pk=run_id).update(dispatched_at=None)
        return False
    return True
