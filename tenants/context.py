"""The only way into a tenant: its schema, its role, who reads, its name on log lines. And out."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from django.db import connection
from django_tenants.utils import tenant_context as _schema_and_role

from tenants.access.readers import EVERYTHING
from tenants.models import Tenant


@contextmanager
def tenant_context(tenant: Tenant) -> Iterator[None]:
    """Run the block inside `tenant`, and return to where the connection was before.

    Whoever comes from outside reads every collection: tasks, commands, onboarding. Within the
    same tenant the reader stays who it was, so that a request never sees more by a nested block.
    """
    before = connection.reader  # type: ignore[attr-defined]
    is_inside = connection.schema_name == tenant.schema_name  # type: ignore[attr-defined]
    with structlog.contextvars.bound_contextvars(tenant=tenant.slug):
        try:
            with _schema_and_role(tenant), reading(before if is_inside else EVERYTHING):
                yield
        finally:
            connection.set_reader(before)  # type: ignore[attr-defined]


@contextmanager
def reading(reader: str) -> Iterator[None]:
    """Run the block as this reader (`tenants.access.readers`), inside a tenant's context.

    `reading(EVERYTHING)` is for what the platform does on behalf of all: handing out work,
    managing who may read. Nothing that it finds goes to the caller unchecked.
    """
    before = connection.reader  # type: ignore[attr-defined]
    connection.set_reader(reader)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        connection.set_reader(before)  # type: ignore[attr-defined]


@contextmanager
def registry_context() -> Iterator[None]:
    """Run the block as the platform itself, in the public schema, and return to where it was."""
    before, reader = connection.tenant, connection.reader  # type: ignore[attr-defined]
    connection.set_schema_to_public()  # type: ignore[attr-defined]
    try:
        yield
    finally:
        connection.set_tenant(before)  # type: ignore[attr-defined]
        connection.set_reader(reader)  # type: ignore[attr-defined]
