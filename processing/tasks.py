"""What the broker carries: "there is work", and the sweep that finds what is due."""

from typing import Final

import structlog
from celery import shared_task
from django.db import DatabaseError

from intake.batches.services import batches_expire
from intake.idempotency import idempotency_clear
from processing.batches.settling import WORKER, batches_settle_due
from processing.clock import database_now
from processing.handing import WORK_TASK, message_send, work_announce, work_next
from processing.services import start_missing_runs
from processing.storage import storage_measure
from processing.sweeping import tenants_with_work
from tenants.context import tenant_context
from tenants.lifecycle.gate import tenant_was_removed
from tenants.lifecycle.states import TenantState
from tenants.models import Tenant
from tenants.selectors import tenant_list
from tenants.tasks import CleanTask, PeriodicTask, TenantTask

log = structlog.get_logger("frostbyte.processing")

MEASURE_TASK: Final = "processing.measure"


@shared_task(base=CleanTask, name=WORK_TASK)
def work() -> None:
    """Advance one run, of the tenant whose turn it is, and leave a message for what is next."""
    if work_next():
        message_send()


@shared_task(base=PeriodicTask, name="processing.sweep")
def sweep() -> None:
    """Put every active tenant that has something to do in the round: nothing waits unseen.

    A tenant whose database part fails does not hold up the others.
    """
    found = tenants_with_work(tenant_list().filter(state=TenantState.ACTIVE))
    for tenant in found:
        try:
            with tenant_context(tenant):
                start_missing_runs(tenant=tenant)
                batches_settle_due(tenant)
        except DatabaseError:
            if not tenant_was_removed(tenant):
                log.exception("tenant not swept", tenant=tenant.slug)
    if found:
        work_announce(found)


@shared_task(base=TenantTask, name=MEASURE_TASK)
def measure(tenant: Tenant) -> None:
    """Count what one tenant has in its stores."""
    storage_measure(tenant=tenant)


@shared_task(base=TenantTask, name="processing.close_batches")
def close_batches(tenant: Tenant) -> None:
    """Close one tenant's batches whose files did not come in time; forget old idempotency keys."""
    closed = batches_expire(tenant=tenant, now=database_now(), actor=WORKER)
    forgotten = idempotency_clear()
    if closed or forgotten:
        log.info("batches closed", count=closed, keys_forgotten=forgotten)


@shared_task(base=PeriodicTask, name="processing.close_batches_all")
def close_batches_all() -> None:
    """Hand that out for every active tenant."""
    for slug in tenant_list().filter(state=TenantState.ACTIVE).values_list("slug", flat=True):
        close_batches.delay(slug)


@shared_task(base=PeriodicTask, name="processing.measure_all")
def measure_all() -> None:
    """Hand out the counting of every active tenant's stores: a task each, between other work."""
    for slug in tenant_list().filter(state=TenantState.ACTIVE).values_list("slug", flat=True):
        measure.delay(slug)
