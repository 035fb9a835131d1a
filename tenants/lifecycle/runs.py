"""The record of a tenant's set-up and removal: runs, and what each did, step by step."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.models import Max
from django.utils import timezone

from frostbyte.kernel.errors import FrostbyteError
from tenants.models import (
    LifecycleKind,
    LifecycleOutcome,
    LifecycleRun,
    LifecycleStep,
    StepAction,
    Tenant,
)


def run_begin(*, tenant: Tenant, kind: LifecycleKind, actor: str) -> LifecycleRun:
    """Open the next run of its kind."""
    earlier = tenant.lifecycle_runs.filter(kind=kind).aggregate(last=Max("attempt"))
    return LifecycleRun.objects.create(
        tenant=tenant, kind=kind, attempt=(earlier["last"] or 0) + 1, actor=actor
    )


def run_end(*, run: LifecycleRun, state: LifecycleOutcome) -> None:
    """Close a run that is open."""
    run.state, run.finished_at = state, timezone.now()
    run.save(update_fields=["state", "finished_at"])


def last_run(tenant: Tenant) -> LifecycleRun | None:
    """Return the tenant's latest run, or None when nothing was begun."""
    return LifecycleRun.objects.filter(tenant=tenant).order_by("-started_at", "-id").first()


@contextmanager
def step_recorded(run: LifecycleRun, name: str, action: StepAction) -> Iterator[dict[str, Any]]:
    """Record how the block ends and how long it takes; what it puts into the dict goes along.

    The record is written after the block, outside any transaction of it, and the error goes on.
    """
    details: dict[str, Any] = {}
    started = time.monotonic()
    error_code = ""
    state = LifecycleOutcome.DONE
    try:
        yield details
    except BaseException as error:
        error_code, state = code_of(error), LifecycleOutcome.FAILED
        raise
    finally:
        LifecycleStep.objects.create(
            run=run,
            name=name,
            action=action,
            state=state,
            error_code=error_code,
            details=details,
            duration_ms=round((time.monotonic() - started) * 1000),
        )


def code_of(error: BaseException) -> str:
    """Return the error's code, or its kind: never its text, which may quote a secret."""
    code = error.code if isinstance(error, FrostbyteError) else type(error).__name__
    return code[:60]
