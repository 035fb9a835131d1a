"""What every tenant's task shares: it takes a slug, enters the tenant, and leaves it again."""

from typing import Any

import structlog
from celery import Task, shared_task
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError

from tenants.context import tenant_context
from tenants.lifecycle.gate import tenant_was_removed
from tenants.lifecycle.recovery import settle_interrupted
from tenants.selectors import tenant_get

log = structlog.get_logger("frostbyte.tenants")


class QuietTask(Task):  # type: ignore[type-arg]
    """A task whose failure is logged by kind and place; Celery itself would print the message."""

    def on_failure(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """Log a fault that the body let through."""
        del args, kwargs, einfo
        log.error("task failed", task=self.name, task_id=task_id, exc_info=exc)


class TenantTask(QuietTask):
    """A task whose first argument is a tenant's slug; the body gets the `Tenant` instead.

    A tenant that is not active is left alone: what waits stays in the database, and the sweeper
    sends it again once the tenant is back.
    """

    def __call__(self, slug: str, *args: Any, **kwargs: Any) -> Any:
        tenant = tenant_get(slug=slug)
        if not tenant.is_active:
            log.info("task left for later", tenant=slug, state=tenant.state)
            return None
        try:
            with tenant_context(tenant):
                return self.run(tenant, *args, **kwargs)
        except (DatabaseError, ObjectDoesNotExist):
            if tenant_was_removed(tenant):
                log.info("task ended with its tenant's removal", tenant=slug)
                return None
            raise


@shared_task(base=QuietTask, name="tenants.settle")
def settle() -> None:
    """Bring tenants whose set-up or removal was cut off to FAILED, so that they can be retried."""
    if settled := settle_interrupted():
        log.warning("interrupted tenants settled", count=settled)
