"""Intake's own periodic work: uploads whose process or whose sender went away."""

from typing import Final

import structlog
from celery import shared_task

from intake.uploads.services import uploads_sweep
from tenants.lifecycle.states import TenantState
from tenants.models import Tenant
from tenants.selectors import tenant_list
from tenants.tasks import PeriodicTask, TenantTask

log = structlog.get_logger("frostbyte.intake")

SETTLE_TASK: Final = "intake.settle_uploads"


@shared_task(base=TenantTask, name=SETTLE_TASK)
def settle_uploads(tenant: Tenant) -> None:
    """Finish one tenant's uploads that are whole, and remove those whose time is over."""
    swept = uploads_sweep(tenant=tenant)
    if swept.finished or swept.expired:
        log.info("uploads swept", finished=swept.finished, expired=swept.expired)


@shared_task(base=PeriodicTask, name="intake.sweep_uploads")
def sweep_uploads() -> None:
    """Hand out that work for every active tenant: a task each, between other work."""
    for slug in tenant_list().filter(state=TenantState.ACTIVE).values_list("slug", flat=True):
        settle_uploads.delay(slug)
