"""Bringing the tenants' schemas to this version, one after the other, whatever becomes of one.

How each is migrated is in `tenants.database.applying`.
"""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import TextChoices

from frostbyte.kernel.errors import FrostbyteError
from tenants.context import tenant_context
from tenants.database.applying import Key, SchemaMigrations, applied_migrations
from tenants.lifecycle.gate import exclusive
from tenants.lifecycle.states import TenantState
from tenants.models import Tenant
from tenants.selectors import tenant_get, tenant_list

LOCK_KEY: Final = 0x66726F7374
"""One upgrade at a time for a database: the key of a session's advisory lock."""

GOING_OR_GONE: Final = (TenantState.DEPROVISIONING, TenantState.DEPROVISIONED)


class MigrationOutcome(TextChoices):
    """What became of one tenant's schema."""

    CURRENT = "current"
    MIGRATED = "migrated"
    PENDING = "pending"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class SchemaMigrated:
    """One tenant's schema: what became of it, which migrations, how long; why not, and its code."""

    slug: str
    outcome: MigrationOutcome
    migrations: tuple[str, ...] = ()
    seconds: float = 0.0
    code: str = ""
    reason: str = ""


Report = Callable[[SchemaMigrated, int, int], None]
"""Called after each tenant with its result, the number that are done, and the number of all."""


def tenants_migrate(
    *,
    slugs: Sequence[str] = (),
    apply: bool = True,
    report: Report = lambda _result, _done, _all: None,
) -> list[SchemaMigrated]:
    """Bring the schemas of all tenants, or of those named, to this version; one fails alone.

    Suspended tenants are migrated as well. With `apply=False` nothing is changed, and what would
    be is PENDING. Raises `TenantNotFoundError` for a slug that is no tenant's.
    """
    wanted = [tenant_get(slug=slug) for slug in slugs] or list(tenant_list())
    schemas, known = _existing_schemas(), known_migrations()
    migrations, results = SchemaMigrations(), []
    for done, tenant in enumerate(wanted, start=1):
        result = _skipped(tenant, schemas) or _migrate(tenant, known, migrations, apply=apply)
        report(result, done, len(wanted))
        results.append(result)
    return results


def known_migrations() -> frozenset[Key]:
    """Return every migration that there is on disk, as (application, name)."""
    return frozenset(MigrationLoader(None).disk_migrations)


def shared_is_current() -> bool:
    """Return whether the shared schema has every migration."""
    return known_migrations() <= set(MigrationRecorder(connection).applied_migrations())


@contextmanager
def upgrade_lock() -> Iterator[None]:
    """Let one process at a time migrate a database.

    Held on a connection of its own, since migrating closes the usual one; a process that dies
    lets it go.
    """
    keeper = connection.copy()
    try:
        with keeper.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK_KEY])
        yield
    finally:
        keeper.close()


def _existing_schemas() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace")
        return {name for (name,) in cursor.fetchall()}


def _skipped(tenant: Tenant, schemas: Collection[str]) -> SchemaMigrated | None:
    if tenant.state in GOING_OR_GONE:
        reason = f"the tenant is {tenant.state}"
    elif tenant.schema_name not in schemas:
        reason = f"there is no schema; the tenant is {tenant.state}"
    else:
        return None
    return SchemaMigrated(tenant.slug, MigrationOutcome.SKIPPED, reason=reason)


def _migrate(
    tenant: Tenant, known: frozenset[Key], migrations: SchemaMigrations, *, apply: bool
) -> SchemaMigrated:
    started = time.monotonic()
    try:
        with tenant_context(tenant):
            names = _missing(tenant, known)
        if not names:
            return SchemaMigrated(tenant.slug, MigrationOutcome.CURRENT)
        if not apply:
            return SchemaMigrated(tenant.slug, MigrationOutcome.PENDING, names)
        with exclusive(tenant):
            if gone := _gone_meanwhile(tenant):
                return gone
            with tenant_context(tenant):
                migrations.apply(applied_migrations(tenant))
    except Exception as error:  # noqa: BLE001 - the other tenants go on, and this one is told of
        connection.close_if_unusable_or_obsolete()
        return _gone_meanwhile(tenant) or SchemaMigrated(
            tenant.slug, MigrationOutcome.FAILED, seconds=time.monotonic() - started,
            code=_code_of(error), reason=type(error).__name__,
        )  # fmt: skip
    seconds = time.monotonic() - started
    return SchemaMigrated(tenant.slug, MigrationOutcome.MIGRATED, names, seconds)


def _missing(tenant: Tenant, known: frozenset[Key]) -> tuple[str, ...]:
    applied = applied_migrations(tenant)
    return tuple(".".join(key) for key in sorted(known - set(applied or ())))


def _gone_meanwhile(tenant: Tenant) -> SchemaMigrated | None:
    """Return that there is nothing to migrate where a removal or an undoing was faster."""
    try:
        tenant.refresh_from_db(fields=["state"])
        return _skipped(tenant, _existing_schemas())
    except DatabaseError:
        return None


def _code_of(error: Exception) -> str:
    """Return our own code, PostgreSQL's SQLSTATE, or the kind: a message may quote a row."""
    if isinstance(error, FrostbyteError):
        return error.code
    return getattr(error.__cause__, "sqlstate", None) or type(error).__name__
