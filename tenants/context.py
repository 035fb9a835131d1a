"""The only way into a tenant: its schema, its role, its name on every log line."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from django_tenants.utils import tenant_context as _schema_and_role

from tenants.models import Tenant


@contextmanager
def tenant_context(tenant: Tenant) -> Iterator[None]:
    """Run the block inside `tenant`, and return to where the connection was before."""
    with structlog.contextvars.bound_contextvars(tenant=tenant.slug), _schema_and_role(tenant):
        yield
