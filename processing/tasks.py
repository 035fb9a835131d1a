"""What the broker carries: "advance run N of tenant T", and the sweep that finds what is due."""

from typing import Final
from uuid import UUID

import structlog
from celery import shared_task
from django.conf import settings
from django.db import DatabaseError

from processing.batches.settling import batches_settle_due
from processing.runner import run_advance
from processing.services import ADVANCE_TASK, dispatch_due, start_missing_runs
from processing.storage import storage_measure
from processing.sweeping import tenants_with_work
from tenants.context import tenant_context
from tenants.lifecycle.gate import tenant_was_removed
from tenants.lifecycle.states import TenantState
from tenants.models import Tenant
from tenants.selectors import tenant_list
from tenants.tasks import QuietTask, TenantTask

log = structlog.get_logger("frostbyte.processing")

MEASURE_TASK: Final = "processing.measure"


@shared_task(base=TenantTask, name=ADVANCE_TASK)
def advance(tenant: Tenant, run_id: str) -> None:
    """Run what is due of one run, then let the tenant's next ones in."""
    run = run_advance(tenant=tenant, run_id=UUID(run_id))
    log.info("run advanced", run=run_id, state=run.state, code=run.error_code)
    dispatch_due(tenant=tenant)


@shared_task(base=QuietTask, name="processing.sweep")
def sweep() -> None:
    """Hand out what is due of every active tenant, a few of each: nothing waits unseen.

    A tenant whose database part fails does not hold up the others.
    """
    for tenant in tenants_with_work(tenant_list().filter(state=TenantState.ACTIVE)):
        try:
            with tenant_context(tenant):
                start_missing_runs(tenant=tenant)
                batches_settle_due(tenant)
                dispatch_due(tenant=tenant)
        except DatabaseError:
            if not tenant_was_removed(tenant):
                log.exception("tenant not swept", tenant=tenant.slug)


@shared_task(base=TenantTask, name=MEASURE_TASK)
def measure(tenant: Tenant) -> None:
    """Count what one tenant has in its stores."""
    storage_measure(tenant=tenant)


@shared_task(base=QuietTask, name="processing.measure_all")
def measure_all() -> None:
    """Hand out the counting of every active tenant's stores: a task each, between other work."""
    for slug in tenant_list().filter(state=TenantState.ACTIVE).values_list("slug", flat=True):
        measure.apply_async((slug,), expires=settings.STORAGE_MEASURE_SECONDS)
