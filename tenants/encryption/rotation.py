"""New keys in the place of old ones, while everything goes on: a tenant's data key, the master key.

Both may be killed at any time and are started again by the same command, which goes on where the
other stopped: what is sealed or wrapped with the newest key already is left as it is.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.db import connection, transaction
from pyrage import x25519

from audit.events import EventType
from audit.services import record_event
from frostbyte.embedded.home import write_private
from frostbyte.kernel.age import identity_lines
from tenants.encryption.keys import (
    data_key_add,
    data_key_destroy,
    data_key_ensure,
    hold_wrapping,
    key_rewrap,
)
from tenants.encryption.master import MasterKey, master_key, master_key_path
from tenants.errors import (
    DataKeyUnavailableError,
    MasterKeyError,
    ObjectDamagedError,
    RotationError,
    RotationRunningError,
)
from tenants.lifecycle.gate import exclusive
from tenants.lifecycle.states import TenantState
from tenants.models import DataKeyVersion, SigningKey, Tenant
from tenants.naming import PLATFORM
from tenants.stores import S3Objects, for_tenant
from tenants.stores.credentials import credential_check, credential_create, credential_reseal
from tenants.stores.keyring import keyring

Progress = Callable[[int, int], None]
"""Called with how many are done and how many there are."""
WITH_STORES = (TenantState.ACTIVE, TenantState.SUSPENDED)
_MASTER_LOCK = "frostbyte master key"


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation did: the version in force, objects sealed anew, versions destroyed."""

    version: int
    resealed: int
    destroyed: int


@dataclass(frozen=True, slots=True)
class MasterRotated:
    """What a master key's rotation did; `left` are old identities that stay in the file."""

    recipient: str
    rewrapped: int
    left: tuple[str, ...]


def data_key_rotate(*, tenant: Tenant, actor: str, progress: Progress = lambda *_: None) -> Rotated:
    """Seal everything of the tenant with a new data key, then destroy the old ones.

    New objects take the new key at once, in every process. Raises `RotationError` where objects
    are damaged: then the old keys stay, since what cannot be opened cannot be sealed anew.
    """
    with exclusive(tenant):
        _require_keys(tenant, actor)
        objects = for_tenant(tenant).objects
        objects.require_conditional_writes()
        version = _next_version(tenant, actor)
        credential_reseal(tenant)
        resealed = _reseal_all(objects, progress)
        destroyed = _destroy_retired(tenant, actor, resealed)
    return Rotated(version, resealed, destroyed)


def _require_keys(tenant: Tenant, actor: str) -> None:
    """Make what a tenant from before data keys, or before credentials, does not have.

    One whose keys were destroyed gets none: `DataKeyUnavailableError`.
    """
    if tenant.state in WITH_STORES and not tenant.data_keys.exists():
        data_key_ensure(tenant=tenant, actor=actor)
    keyring(tenant.pk).current()
    credential_create(tenant)
    credential_check(tenant)


@transaction.atomic
def _next_version(tenant: Tenant, actor: str) -> int:
    """Return the version in force, a new one unless a rotation was broken off."""
    rows = tenant.data_keys.select_for_update().filter(destroyed_at=None)
    current = next((row for row in rows if row.retired_at is None), None)
    if len(rows) > 1 and current is not None:
        return int(current.version)
    added = data_key_add(tenant)
    details = {"from": current.version if current else None, "to": added.version}
    _record(tenant.slug, EventType.DATA_KEY_ROTATED, actor, str(added.version), details)
    return int(added.version)


def _reseal_all(objects: S3Objects, progress: Progress) -> int:
    """Seal anew until a whole pass finds nothing that is sealed with an old key."""
    total = 0
    while True:
        resealed, damaged = _reseal_pass(objects, progress)
        total += resealed
        if damaged:
            raise RotationError(
                f"{len(damaged)} objects cannot be opened, the first is {damaged[0]}.",
                remediation="Restore or delete them, then rotate again; the old key is kept.",
                extra={"objects": damaged[:100]},
            )
        if resealed == 0:
            return total


def _reseal_pass(objects: S3Objects, progress: Progress) -> tuple[int, list[str]]:
    keys = list(objects.list())
    resealed, damaged = 0, []
    for done, key in enumerate(keys, start=1):
        try:
            resealed += objects.reseal(key)
        except (ObjectDamagedError, DataKeyUnavailableError):
            # Sealed with a key that is not there any more, it is as lost as a damaged one.
            damaged.append(key)
        progress(done, len(keys))
    return resealed, damaged


@transaction.atomic
def _destroy_retired(tenant: Tenant, actor: str, resealed: int) -> int:
    retired = tenant.data_keys.select_for_update().filter(destroyed_at=None)
    rows = list(retired.exclude(retired_at=None))
    for row in rows:
        data_key_destroy(row)
        details = {"resealed": resealed}
        _record(tenant.slug, EventType.DATA_KEY_DESTROYED, actor, str(row.version), details)
    return len(rows)


def master_key_rotate(*, actor: str, progress: Progress = lambda *_: None) -> MasterRotated:
    """Wrap every key for a new identity, then take the old ones out of the file.

    A file with two identities or more is one where that has begun, here or by hand: its last one
    is the new one. Processes go on working, since the file holds both until the end. Raises
    `MasterKeyError` or `RotationRunningError`.
    """
    with _alone():
        path, key = master_key_path(), master_key()
        _remove_partial_files(path)
        if len(key.identities) == 1:
            _write(path, f"{path.read_text().rstrip()}\n{_new_identity()}")
            key = master_key()
        target = key.recipients[-1]
        rewrapped = _rewrap_all(target, progress)
        with transaction.atomic():
            hold_wrapping(exclusive=True)
            rewrapped += _rewrap_all(target, progress)
            _record(PLATFORM, EventType.MASTER_KEY_ROTATED, actor, target, {"rewrapped": rewrapped})
        left = _old_identities_removed(path, key)
    return MasterRotated(target, rewrapped, left)


def _rewrap_all(target: str, progress: Progress) -> int:
    rows: list[DataKeyVersion | SigningKey] = [
        *DataKeyVersion.objects.filter(destroyed_at=None).exclude(recipient=target),
        *SigningKey.objects.filter(retired_at=None).exclude(recipient=target),
    ]
    for done, row in enumerate(rows, start=1):
        key_rewrap(row)
        progress(done, len(rows))
    return len(rows)


def _new_identity() -> str:
    return identity_lines(x25519.Identity.generate())


def _write(path: Path, text: str) -> None:
    try:
        write_private(path, text)
    except OSError as error:
        raise MasterKeyError(
            f"The master key file {path} cannot be written ({type(error).__name__}).",
            remediation="Add a line by `age-keygen` at its end, wherever it is kept; then again.",
        ) from error


def _remove_partial_files(path: Path) -> None:
    """Remove what processes left that were killed while they wrote the file: it holds secrets."""
    for partial in path.parent.glob(f".{path.name}.*"):
        if partial.suffix[1:].isdecimal():
            partial.unlink(missing_ok=True)


def _old_identities_removed(path: Path, key: MasterKey) -> tuple[str, ...]:
    """Leave the newest identity in the file; returns those that stay where it cannot be written."""
    try:
        write_private(path, identity_lines(key.identities[-1]))
    except OSError:
        return key.recipients[:-1]
    return ()


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the master key's rotation alone; a process that is killed lets go of it."""
    if not _ask("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"):
        raise RotationRunningError(
            "The master key is being rotated by another process.",
            remediation="Wait until it has ended; `manage.py keys status` shows how far it is.",
        )
    try:
        yield
    finally:
        _ask("SELECT pg_advisory_unlock(hashtextextended(%s, 0))")


def _ask(statement: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, [_MASTER_LOCK])
        row = cursor.fetchone()
    return bool(row and row[0])


def _record(
    tenant: str, event: EventType, actor: str, resource_id: str, details: Mapping[str, object]
) -> None:
    record_event(
        tenant=tenant,
        event_type=event,
        actor=actor,
        resource_type="master_key" if tenant == PLATFORM else "data_key",
        resource_id=resource_id,
        details=details,
    )
