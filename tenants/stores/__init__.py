"""The one door to a tenant's objects and vectors: `for_tenant(tenant)`.

A handle is bound to one bucket and one table and takes no tenant argument. Nothing outside this
package imports boto3, django-storages, qdrant-client or pgvector's query helpers.
"""

from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings

from frostbyte.kernel.errors import ServiceUnavailableError
from tenants.errors import StoreRefusedError
from tenants.models import Tenant
from tenants.naming import bucket_name
from tenants.stores.buckets import bucket_exists
from tenants.stores.credentials import probe_bucket
from tenants.stores.objects import ObjectInfo, ObjectStore, S3Objects
from tenants.stores.vectors import Match, PgVectors, Point, VectorStore

__all__ = [
    "Match", "ObjectInfo", "ObjectStore", "PgVectors", "Point", "S3Objects", "TenantStores",
    "VectorStore", "for_tenant", "ping",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class TenantStores:
    """A tenant's two stores."""

    objects: S3Objects
    vectors: PgVectors


def for_tenant(tenant: Tenant) -> TenantStores:
    """Return handles that are bound to this tenant's bucket and vector table."""
    return TenantStores(
        objects=_objects(
            bucket_name(tenant.slug, prefix=settings.BUCKET_PREFIX),
            tenant.pk,
            tenant.schema_name,
            settings.S3_ENDPOINT_URL,
        ),
        vectors=PgVectors(tenant.schema_name),
    )


@lru_cache(maxsize=1024)
def _objects(bucket: str, tenant_id: int, schema: str, _endpoint_url: str) -> S3Objects:
    """Return the one handle of a bucket in this process; its threads share connections."""
    return S3Objects(bucket, tenant_id=tenant_id, schema=schema)


def ping() -> None:
    """Make one authenticated call to the object store; raises `ServiceUnavailableError`."""
    try:
        bucket_exists(probe_bucket())
    except StoreRefusedError as error:
        raise ServiceUnavailableError(error.message, remediation=error.remediation) from error
