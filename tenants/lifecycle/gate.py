"""Who may begin and who must wait: one process at a time works on a tenant's life, no stage begins
unless the tenant is active at that moment, and removal waits for writers to come to an end.

Two PostgreSQL advisory locks a tenant, both of the session: a process that is killed lets go of
them at once, so nothing has to expire.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, cast

from django.db import DatabaseError, connection, transaction
from django.db.utils import OperationalError

from tenants.context import registry_context
from tenants.errors import TenantBusyError, TenantStoppedError, TenantSuspendedError
from tenants.lifecycle.states import TenantState
from tenants.models import Tenant

if TYPE_CHECKING:
    from tenants.database.base import DatabaseWrapper

_LIFE: Final = 0x66726F73
_WRITERS: Final = 0x66726F74
"""First of the two keys of each lock; the second is the tenant's row id."""
DRAIN_SECONDS: Final = 60


@contextmanager
def exclusive(tenant: Tenant) -> Iterator[None]:
    """Hold the tenant's life alone; raises `TenantBusyError` while another process has it.

    The lock has a connection of its own: the work's own is closed by migrations, and closing lets
    go of a lock.
    """
    holder = cast("DatabaseWrapper", connection.copy())
    holder.set_schema_to_public()
    try:
        with holder.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_LIFE, tenant.pk])
            if not cursor.fetchone()[0]:
                raise TenantBusyError(
                    f"The tenant '{tenant.slug}' is being set up, removed or given a new key.",
                    remediation="Look again in a moment: `manage.py tenant show` tells how far.",
                )
        try:
            yield
        finally:
            _let_go(holder, tenant)
    finally:
        holder.close()


def _let_go(holder: "DatabaseWrapper", tenant: Tenant) -> None:
    """Unlock now: closing alone lets go a moment later, when the server's process ends.

    A connection that was lost has let go already.
    """
    with suppress(DatabaseError), holder.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_LIFE, tenant.pk])


def tenants_in_work() -> frozenset[int]:
    """Return the row ids of the tenants that some process is setting up or removing just now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND classid = %s "
            "AND objsubid = 2 AND granted AND database = "
            "(SELECT oid FROM pg_database WHERE datname = current_database())",
            [_LIFE],
        )
        return frozenset(row[0] for row in cursor.fetchall())


@contextmanager
def writing(tenant: Tenant) -> Iterator[None]:
    """Keep removal waiting while the block puts objects into the tenant's bucket.

    Raises `TenantStoppedError` when removal has begun. A tenant that is suspended may finish what
    was begun before.
    """
    _ask("SELECT pg_advisory_lock_shared(%s, %s)", _WRITERS, tenant.pk)
    try:
        if tenant_is_going(tenant):
            raise TenantStoppedError(
                "This tenant is being removed; nothing more is taken in.",
                remediation="Ask the platform's operator.",
            )
        yield
    finally:
        _ask("SELECT pg_advisory_unlock_shared(%s, %s)", _WRITERS, tenant.pk)


def may_begin(tenant: Tenant) -> bool:
    """Return whether the tenant is active now, and keep removal waiting until the transaction ends.

    Asked of the registry each time: what was read a moment ago may be a suspension ago.
    """
    _ask("SELECT pg_advisory_xact_lock_shared(%s, %s)", _WRITERS, tenant.pk)
    return Tenant.objects.filter(pk=tenant.pk, state=TenantState.ACTIVE).exists()


def drain_writers(tenant: Tenant) -> None:
    """Return once nobody puts objects any more; nobody new begins when the state forbids it.

    Raises `TenantBusyError` after `DRAIN_SECONDS`.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{DRAIN_SECONDS}s"])
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_WRITERS, tenant.pk])
    except OperationalError as error:
        raise TenantBusyError(
            "A request of the tenant is still handing a file in.",
            remediation="Try again when it has ended, or stop the web servers first.",
        ) from error


def require_active(tenant: Tenant) -> None:
    """Raise `TenantSuspendedError` unless the registry says now that the tenant is active."""
    state = Tenant.objects.values_list("state", flat=True).get(pk=tenant.pk)
    if state != TenantState.ACTIVE:
        raise TenantSuspendedError(
            f"The tenant '{tenant.slug}' is {state}: no work of it begins.",
            remediation="What was handed over is kept and goes on after `manage.py tenant resume`.",
        )


def tenant_was_removed(tenant: Tenant) -> bool:
    """Return whether removal has begun, asked as the platform: the tenant's role may be gone."""
    with registry_context():
        return tenant_is_going(tenant)


def tenant_is_going(tenant: Tenant) -> bool:
    """Return whether removal has begun or is over, asked of the registry now."""
    going = (TenantState.DEPROVISIONING, TenantState.DEPROVISIONED, TenantState.FAILED)
    return not Tenant.objects.filter(pk=tenant.pk).exclude(state__in=going).exists()


def _ask(statement: str, key: int, tenant_id: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, [key, tenant_id])
        row = cursor.fetchone()
        return bool(row and row[0])
