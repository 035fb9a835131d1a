"""Uploads that come in pieces: begun, added to, finished into a document, ended.

What came is in the tenant's bucket, a few megabytes an object, and in the rows how far it is, so
any process can go on where another one was killed. One request at a time works on an upload: it
holds a lock of its database session, which ends with the process.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, BinaryIO
from uuid import UUID

import structlog
from django.db import DatabaseError, IntegrityError
from django.db.models import F, Sum
from django.utils import timezone

from frostbyte.kernel.bodies import Read
from frostbyte.kernel.errors import FrostbyteError
from intake.batches.settling import file_require_awaited
from intake.checks.sizes import check_size
from intake.errors import BatchNotOpenError, StorageQuotaError
from intake.locks import try_lock, unlock
from intake.models import (
    DEFAULT_COLLECTION,
    BatchFile,
    Receipt,
    Upload,
)
from intake.quotas import quota_check
from intake.selectors import collection_get
from intake.services import document_receive, safe_filename
from intake.uploads.appending import PREFIX, Appending, elsewhere, too_long, upload_expiry
from intake.uploads.errors import (
    UploadLockedError,
    UploadSizeError,
)
from intake.uploads.protocol import Checksum
from intake.uploads.selectors import upload_get, upload_receipt
from tenants.access.readers import EVERYTHING
from tenants.context import reading
from tenants.models import Tenant
from tenants.stores import for_tenant
from tenants.workspace import workspace_file

log = structlog.get_logger("frostbyte.intake")


def upload_create(
    *,
    tenant: Tenant,
    filename: str,
    size: int,
    actor: str,
    collection: str = DEFAULT_COLLECTION,
    metadata: Mapping[str, Any] | None = None,
    header: str = "",
) -> Upload:
    """Begin an upload of a file by itself. An empty one is finished at once.

    Raises `SizeExceededError` or `QuotaExceededError` before anything is sent, or
    `CollectionNotFoundError`.
    """
    target = collection_get(name=collection)
    _require_room(tenant, size)
    return _begun(
        tenant,
        Upload(
            collection=target,
            filename=safe_filename(filename),
            metadata=dict(metadata or {}),
            header=header,
            size_bytes=size,
            created_by=actor,
        ),
    )


def upload_create_for_batch(
    *, tenant: Tenant, batch_file: BatchFile, size: int, actor: str, header: str = ""
) -> Upload:
    """Begin the upload of a file that a batch waits for; one that was begun before is given up.

    Raises `BatchNotOpenError`, `UploadSizeError` for another size than the manifest says,
    `UploadLockedError` while a request works on the earlier one, and what `upload_create` does.
    """
    _require_awaited(batch_file, size)
    for earlier in batch_file.uploads.filter(finished_at=None):
        with held(earlier.pk):
            _remove(tenant, earlier)
    _require_room(tenant, size)
    return _begun(
        tenant,
        Upload(
            collection=batch_file.batch.collection,
            batch_file=batch_file,
            filename=batch_file.filename,
            metadata=batch_file.metadata,
            header=header,
            size_bytes=size,
            created_by=actor,
        ),
    )


def upload_append(
    *,
    tenant: Tenant,
    upload_id: UUID,
    offset: int,
    read: Read,
    announced: int | None = None,
    checksum: Checksum | None = None,
) -> Upload:
    """Add what `read` gives at `offset`, and finish the upload when that was the last of it.

    Without a checksum, what came before a broken connection is kept; with one, all of it or
    nothing. `announced` is the size of the body in bytes, where it is known. Raises
    `UploadNotFoundError`, `UploadLockedError`, `UploadOffsetError`, `UploadTooLongError`,
    `UploadChecksumError`, `TenantSuspendedError`, `ServiceUnavailableError`.
    """
    with held(upload_id):
        upload = upload_get(upload_id=upload_id)
        _require_place(upload, offset, announced or 0)
        if not upload.is_whole:
            Appending(tenant, upload, checksum).take(read)
        if upload.is_whole:
            upload_finish(tenant=tenant, upload=upload)
    return upload


def upload_finish(*, tenant: Tenant, upload: Upload) -> Receipt:
    """Make a document of an upload that is whole, and drop its parts; the caller holds its lock.

    Whoever was killed in the middle has left either nothing or the receipt: its id is given with
    the upload, so a second one cannot be stored.
    """
    receipt = upload_receipt(upload=upload)
    if receipt is None:
        with _whole(tenant, upload) as stream:
            receipt = _received(tenant, upload, stream)
    if upload.finished_at is None:
        upload.receipt_id, upload.finished_at = receipt.pk, timezone.now()
        upload.save(update_fields=["receipt_id", "finished_at"])
    _drop_parts(tenant, upload)
    return receipt


def upload_settle(*, tenant: Tenant, upload: Upload) -> Upload:
    """Finish an upload whose last bytes came to a process that died then; else do nothing."""
    if upload.is_whole and upload.finished_at is None:
        with suppress(UploadLockedError), held(upload.pk):
            upload.refresh_from_db()
            upload_finish(tenant=tenant, upload=upload)
    return upload


def upload_terminate(*, tenant: Tenant, upload_id: UUID) -> None:
    """End an upload and remove what came of it; a receipt that it has stays.

    Raises `UploadNotFoundError` or `UploadLockedError`.
    """
    with held(upload_id):
        _remove(tenant, upload_get(upload_id=upload_id))


@dataclass(frozen=True, slots=True)
class Swept:
    """How many uploads were finished, and how many were removed since their time was over."""

    finished: int
    expired: int


def uploads_sweep(*, tenant: Tenant) -> Swept:
    """Finish what is whole and has no receipt, and remove what is past its time.

    One that fails is told of in the log and does not hold up the others.
    """
    now = timezone.now()
    whole = Upload.objects.filter(offset=F("size_bytes"), finished_at=None, expires_at__gt=now)
    over = Upload.objects.filter(expires_at__lte=now)
    finished = sum(_swept(upload_settle, tenant, upload) for upload in whole)
    return Swept(finished, sum(_swept(_expire, tenant, upload) for upload in over))


@contextmanager
def held(upload_id: UUID) -> Iterator[None]:
    """Work on an upload alone; raises `UploadLockedError` while somebody else does."""
    name = f"upload {upload_id}"
    if not try_lock(name):
        raise UploadLockedError(
            "Another request is at work on this upload.",
            remediation="Ask by HEAD in a moment how far it is, and go on from there.",
        )
    try:
        yield
    finally:
        # A session that was lost has let go already.
        with suppress(DatabaseError):
            unlock(name)


def _begun(tenant: Tenant, upload: Upload) -> Upload:
    upload.expires_at = upload_expiry(upload)
    upload.save(force_insert=True)
    return upload_settle(tenant=tenant, upload=upload)


def _require_room(tenant: Tenant, size: int) -> None:
    """Refuse what is too large, or what the quota has no room for beside what is on its way."""
    if size:
        check_size(size, limit_mb=tenant.settings.max_file_size_mb)
    quota_check(tenant=tenant, adds_bytes=size)
    with reading(EVERYTHING):
        pending = Upload.objects.filter(finished_at=None).aggregate(sum=Sum("size_bytes"))["sum"]
    if not pending:
        return
    try:
        quota_check(tenant=tenant, adds_bytes=size + pending)
    except StorageQuotaError as error:
        raise StorageQuotaError(
            "The quota would be exceeded, together with the uploads that are on their way.",
            remediation="Wait until they have ended, or end them; or ask the platform's operator.",
            extra={**error.extra, "adds": size, "on_their_way": pending},
        ) from error


def _require_awaited(batch_file: BatchFile, size: int) -> None:
    file_require_awaited(batch_file)
    if size != batch_file.size_bytes:
        raise UploadSizeError(
            f"The manifest says {batch_file.size_bytes} bytes, Upload-Length {size}.",
            remediation="Send the file that the manifest names, or a new manifest.",
            extra={"size_bytes": batch_file.size_bytes, "upload_length": size},
        )


def _require_place(upload: Upload, offset: int, announced: int) -> None:
    if offset != upload.offset:
        raise elsewhere(upload.offset)
    if offset + announced > upload.size_bytes:
        raise too_long(upload)


@contextmanager
def _whole(tenant: Tenant, upload: Upload) -> Iterator[BinaryIO]:
    """Give all parts as one file, on disk and without a name."""
    objects = for_tenant(tenant).objects
    with workspace_file(tenant.schema_name) as target:
        for part in upload.parts.order_by("offset"):
            target.write(objects.get(part.key))
        target.seek(0)
        yield target


def _received(tenant: Tenant, upload: Upload, stream: BinaryIO) -> Receipt:
    try:
        return document_receive(
            tenant=tenant,
            filename=upload.filename,
            stream=stream,
            actor=upload.created_by,
            collection=upload.collection.name,
            metadata=upload.metadata,
            batch_file=upload.batch_file,
            receipt_id=upload.receipt_id,
        )
    except (IntegrityError, BatchNotOpenError):
        receipt = upload_receipt(upload=upload)
        if receipt is None:
            raise
        return receipt


def _drop_parts(tenant: Tenant, upload: Upload) -> None:
    objects = for_tenant(tenant).objects
    for key in list(objects.list(f"{PREFIX}{upload.pk}/")):
        objects.delete(key)
    upload.parts.all().delete()


def _remove(tenant: Tenant, upload: Upload) -> None:
    """Remove the objects first: as long as the row is there, somebody knows of them."""
    _drop_parts(tenant, upload)
    upload.delete()


def _expire(*, tenant: Tenant, upload: Upload) -> None:
    with held(upload.pk):
        upload.refresh_from_db()
        if upload.expires_at <= timezone.now():
            _remove(tenant, upload)


def _swept(work: Any, tenant: Tenant, upload: Upload) -> bool:
    """Return whether the work on one upload was done."""
    try:
        work(tenant=tenant, upload=upload)
    except UploadLockedError:
        return False
    except (FrostbyteError, Upload.DoesNotExist) as error:
        log.warning("upload not settled", upload=str(upload.pk), error=type(error).__name__)
        return False
    return True
