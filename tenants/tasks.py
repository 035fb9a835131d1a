"""What every tenant's task shares: it takes a slug, enters the tenant, and leaves it again."""

from typing import Any, Final

import structlog
from celery import Task, shared_task
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, connection

from tenants.access.readers import NOBODY
from tenants.access.sessions import sessions_clear
from tenants.context import tenant_context
from tenants.lifecycle.gate import tenant_was_removed
from tenants.lifecycle.recovery import settle_interrupted
from tenants.lifecycle.states import TenantState
from tenants.naming import PUBLIC_SCHEMA
from tenants.selectors import tenant_get, tenant_list

log = structlog.get_logger("frostbyte.tenants")

_SHARE: Final = 0.8
"""Of the time between two messages: the next one, a little early, is not taken for a late one."""


class QuietTask(Task):  # type: ignore[type-arg]
    """A task whose failure is logged by kind and place; Celery itself would print the message."""

    def on_failure(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """Log a fault that the body let through."""
        del args, kwargs, einfo
        log.error("task failed", task=self.name, task_id=task_id, exc_info=exc)


class CleanTask(QuietTask):
    """A task that enters tenants by itself, one after the other, in a process that is clean."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        begin_clean(self)
        return self.run(*args, **kwargs)


class PeriodicTask(CleanTask):
    """A task that beat sends every so many seconds: of those that waited, one is done.

    Valkey counts the time. An expiry would be judged by the worker's own clock: one that is ahead
    would drop every message.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if is_delivered(self) and not self._is_first():
            return None
        return super().__call__(*args, **kwargs)

    def _is_first(self) -> bool:
        entries = settings.CELERY_BEAT_SCHEDULE.values()
        seconds = next(entry["schedule"] for entry in entries if entry["task"] == self.name)
        return bool(cache.add(f"periodic:{self.name}", True, timeout=_SHARE * seconds))


class TenantTask(QuietTask):
    """A task whose first argument is a tenant's slug; the body gets the `Tenant` instead.

    A worker's process must be clean when the task begins; one that is not is made so, and told of.
    A tenant that is not active is left alone: what waits stays in the database, and the sweeper
    sends it again once the tenant is back.
    """

    def __call__(self, slug: str, *args: Any, **kwargs: Any) -> Any:
        begin_clean(self)
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


def begin_clean(task: QuietTask) -> None:
    """See that the process is clean; called within one, as tests do, the caller's place is none."""
    if is_delivered(task):
        process_clean(task=task.name)


def is_delivered(task: QuietTask) -> bool:
    """Return whether the broker brought the task, and nobody here called it."""
    return not (task.request.is_eager or task.request.called_directly)


def process_clean(*, task: str) -> list[str]:
    """Undo what an earlier task left in this process, and return what that was.

    Nothing should ever be found: every way into a tenant leads out again. Were one not to, the
    next task must not run with another tenant's rights or in its transaction.
    """
    found = _left_behind()
    if found:
        log.critical("task found its process unclean", task=task, left_behind=found)
        connection.close()
        # Connecting forgets a transaction that was open; closing alone keeps it in mind.
        connection.connect()
        connection.set_schema_to_public()  # type: ignore[attr-defined]
        structlog.contextvars.unbind_contextvars("tenant")
    return found


def _left_behind() -> list[str]:
    in_transaction = connection.in_atomic_block or (
        connection.connection is not None and not connection.autocommit
    )
    found = {
        "schema": connection.schema_name != PUBLIC_SCHEMA,  # type: ignore[attr-defined]
        "reader": connection.reader != NOBODY,  # type: ignore[attr-defined]
        "transaction": in_transaction,
        "log context": "tenant" in structlog.contextvars.get_contextvars(),
    }
    return [name for name, is_there in found.items() if is_there]


@shared_task(base=PeriodicTask, name="tenants.clear_sessions")
def clear_sessions() -> None:
    """Delete sessions that are over: the platform's, and each tenant's in its own context."""
    cleared = sessions_clear()
    for tenant in tenant_list().filter(state__in=(TenantState.ACTIVE, TenantState.SUSPENDED)):
        try:
            with tenant_context(tenant):
                cleared += sessions_clear()
        except DatabaseError:
            if not tenant_was_removed(tenant):
                log.exception("sessions not cleared", tenant=tenant.slug)
    log.info("sessions cleared", count=cleared)


@shared_task(base=PeriodicTask, name="tenants.settle")
def settle() -> None:
    """Bring tenants whose set-up or removal was cut off to FAILED, so that they can be retried."""
    if settled := settle_interrupted():
        log.warning("interrupted tenants settled", count=settled)
