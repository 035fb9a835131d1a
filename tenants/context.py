"""The only way into a tenant: its schema, its role, its name on every log line. And out of it."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from django.db import connection
from django_tenants.utils import tenant_context as _schema_and_role

from tenants.models import Tenant


@contextmanager
def tenant_context(tenant: Tenant) -> Iterator[None]:
    """Run the block inside `tenant`, and return to where the connection was before."""
    with structlog.contextvars.bound_contextvars(tenant=tenant.slug), _schema_and_role(tenant):
        yield


@contextmanager
def registry_context() -> Iterator[None]:
    """Run the block as the platform itself, in the public schema, and return to where it was."""
    before = connection.tenant  # type: ignore[attr-defined]
    connection.set_schema_to_public()  # type: ignore[attr-defined]
    try:
        yield
    finally:
        connection.set_tenant(before)  # type: ignore[attr-defined]
