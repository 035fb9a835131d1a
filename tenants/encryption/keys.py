"""A tenant's data keys in the registry: made, found, unwrapped, destroyed."""

import functools
import secrets

from django.db import connection, transaction
from django.utils import timezone

from audit.events import EventType
from audit.services import record_event
from tenants.encryption import master
from tenants.encryption.sealed import SECRET_BYTES, DataKey
from tenants.errors import DataKeyUnavailableError
from tenants.models import DataKeyVersion, SigningKey, Tenant

CACHED_KEYS = 1024


def data_key_ensure(*, tenant: Tenant, actor: str) -> None:
    """Make the tenant's first data key, or the next where the last was destroyed."""
    with transaction.atomic():
        Tenant.objects.select_for_update().get(pk=tenant.pk)
        if not tenant.data_keys.filter(retired_at=None).exists():
            row = data_key_add(tenant)
            _record(tenant, EventType.DATA_KEY_CREATED, actor, row.version)


def data_key_add(tenant: Tenant) -> DataKeyVersion:
    """Make the next version and retire the current one, in the caller's transaction."""
    hold_wrapping(exclusive=False)
    last = tenant.data_keys.order_by("-version").first()
    version = last.version + 1 if last else 1
    tenant.data_keys.filter(retired_at=None).update(retired_at=timezone.now())
    secret = secrets.token_bytes(SECRET_BYTES)
    wrapped, recipient = master.wrap(_label(tenant.pk, version) + secret)
    return DataKeyVersion.objects.create(
        tenant=tenant, version=version, wrapped=wrapped, recipient=recipient
    )


def data_keys_destroy(*, tenant: Tenant, actor: str) -> None:
    """Destroy every version: whatever was sealed with them can never be opened again.

    The rows stay as a record, without the wrapped keys. Doing it twice changes nothing.
    """
    with transaction.atomic():
        for row in tenant.data_keys.select_for_update().filter(destroyed_at=None):
            data_key_destroy(row)
            _record(tenant, EventType.DATA_KEY_DESTROYED, actor, row.version)


def data_key_destroy(row: DataKeyVersion) -> None:
    """Overwrite the wrapped key of one version with nothing."""
    now = timezone.now()
    row.wrapped, row.destroyed_at = b"", now
    row.retired_at = row.retired_at or now
    row.save(update_fields=["wrapped", "destroyed_at", "retired_at"])


def data_keys_count(tenant: Tenant) -> int:
    """Return how many versions of the tenant's key are not destroyed."""
    return DataKeyVersion.objects.filter(tenant=tenant, destroyed_at=None).count()


def key_rewrap(row: DataKeyVersion | SigningKey) -> None:
    """Wrap a key for the newest identity of the master key, unless it is or was destroyed."""
    wrapped, recipient = master.wrap(master.unwrap(bytes(row.wrapped)))
    table = SigningKey.objects if isinstance(row, SigningKey) else DataKeyVersion.objects
    same = table.filter(pk=row.pk, recipient=row.recipient).exclude(wrapped=b"")
    same.update(wrapped=wrapped, recipient=recipient)


def hold_wrapping(*, exclusive: bool) -> None:
    """Keep new keys and the end of a master key's rotation apart, until the commit."""
    mode = "SHARE ROW EXCLUSIVE" if exclusive else "ROW EXCLUSIVE"
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE tenants_datakeyversion, tenants_signingkey IN {mode} MODE")


def no_data_key() -> DataKeyUnavailableError:
    """Return the error for a key that is not to be had."""
    return DataKeyUnavailableError(
        "The data key of this tenant is not here: destroyed, never made, or another tenant's.",
        remediation="`manage.py keys rotate --tenant SLUG` makes one where there never was one; "
        "`manage.py keys status` lists those that there are.",
    )


@functools.lru_cache(maxsize=CACHED_KEYS)
def data_key_open(tenant_id: int, version: int, wrapped: bytes) -> DataKey:
    """Unwrap a key, and see that it was wrapped for this tenant and version.

    Raises `DataKeyUnavailableError` or `MasterKeyError`.
    """
    label, opened = _label(tenant_id, version), master.unwrap(wrapped)
    if not opened.startswith(label) or len(opened) != len(label) + SECRET_BYTES:
        raise DataKeyUnavailableError("The wrapped data key is not this tenant's, or is damaged.")
    return DataKey(version, opened[len(label) :])


def _label(tenant_id: int, version: int) -> bytes:
    return b"frostbyte data key" + tenant_id.to_bytes(8) + version.to_bytes(4)


def _record(tenant: Tenant, event: EventType, actor: str, version: int) -> None:
    record_event(
        tenant=tenant.slug,
        event_type=event,
        actor=actor,
        resource_type="data_key",
        resource_id=str(version),
    )
