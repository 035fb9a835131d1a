"""What every tenant's task shares: it takes a slug, enters the tenant, and leaves it again."""

from typing import Any

import structlog
from celery import Task

from tenants.context import tenant_context
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
        with tenant_context(tenant):
            return self.run(tenant, *args, **kwargs)
