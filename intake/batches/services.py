"""Batches as they change: opened by a manifest, filled file by file, closed, cancelled, expired.

Files come in one request with the manifest or one by one later; both end in
`batch_file_receive`, and a batch is `received` when every file has its receipt.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import BinaryIO

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.events import EventType
from intake.batches.manifest import Manifest, ManifestFile
from intake.batches.settling import batch_record
from intake.errors import (
    BatchExistsError,
    BatchNotOpenError,
    FileCancelledError,
    FileMissingError,
    FileRejectedError,
    UploadExpiredError,
)
from intake.models import Batch, BatchFile, BatchState, Receipt
from intake.selectors import collection_get
from intake.services import document_receive, file_reject, safe_filename
from tenants.models import Tenant


def batch_require_new(manifest: Manifest) -> None:
    """Raise `CollectionNotFoundError` or `BatchExistsError`: what can be said before files come."""
    collection = collection_get(name=manifest.collection)
    existing = Batch.objects.filter(collection=collection, reference=manifest.batch_id).first()
    if existing is not None:
        raise _exists(existing)


def batch_require_new_or_resumable(manifest: Manifest) -> None:
    """The same, but an open batch of the same manifest may be gone on with."""
    if batch_resumable(manifest) is None:
        batch_require_new(manifest)


def batch_open(*, tenant: Tenant, manifest: Manifest, actor: str) -> Batch:
    """Put a batch on record, `open` until every file has come or `expires_at` has.

    Raises `CollectionNotFoundError`, and `BatchExistsError` for a reference that the collection
    has already.
    """
    batch_require_new(manifest)
    try:
        with transaction.atomic():
            return _create(tenant, manifest, actor)
    except IntegrityError:
        # Another request of the same reference was first.
        batch_require_new(manifest)
        raise


def batch_open_or_resume(*, tenant: Tenant, manifest: Manifest, actor: str) -> Batch:
    """The same, but the same manifest again goes on with a batch that is still open.

    A request that was cut off is sent again as it was: what has its receipt keeps it.
    """
    try:
        return batch_open(tenant=tenant, manifest=manifest, actor=actor)
    except BatchExistsError:
        resumed = batch_resumable(manifest)
        if resumed is None:
            raise
        return resumed


def batch_resumable(manifest: Manifest) -> Batch | None:
    """Return the open batch that was made by the same manifest, if there is one."""
    collection = collection_get(name=manifest.collection)
    return Batch.objects.filter(
        collection=collection,
        reference=manifest.batch_id,
        state=BatchState.OPEN,
        manifest_sha256=manifest.digest,
    ).first()


def batch_file_receive(
    *, tenant: Tenant, batch_file: BatchFile, stream: BinaryIO, actor: str
) -> Receipt:
    """Take in one file of an open batch as the manifest describes it; returns its receipt.

    Raises what `document_receive` does, and `BatchNotOpenError` for a file that is no longer
    awaited.
    """
    return document_receive(
        tenant=tenant,
        filename=batch_file.filename,
        stream=stream,
        actor=actor,
        collection=batch_file.batch.collection.name,
        metadata=batch_file.metadata,
        batch_file=batch_file,
    )


def batch_close(*, tenant: Tenant, batch: Batch, actor: str) -> None:
    """Reject every file of the batch that did not come with its request."""
    _reject_awaited(tenant, batch, actor, _missing)


def batch_expire(*, tenant: Tenant, batch: Batch, actor: str) -> None:
    """Reject every file of the batch whose upload did not come in time."""
    _reject_awaited(tenant, batch, actor, _expired)


def batches_expire(*, tenant: Tenant, now: datetime, actor: str) -> int:
    """Close the tenant's open batches that are past their time; returns how many."""
    overdue = list(Batch.objects.filter(state=BatchState.OPEN, expires_at__lte=now)[:100])
    for batch in overdue:
        batch_expire(tenant=tenant, batch=batch, actor=actor)
    return len(overdue)


@transaction.atomic
def batch_cancel(*, tenant: Tenant, batch: Batch, actor: str) -> Batch:
    """End a batch: what has not come is rejected, and no more is taken in.

    Runs that it began are for `processing` to cancel. Raises `BatchNotOpenError` for one that is
    over.
    """
    locked = Batch.objects.select_for_update(of=("self",)).get(pk=batch.pk)
    if locked.is_final:
        raise BatchNotOpenError(
            f"The batch is {locked.state}: there is nothing left to cancel.",
            remediation="Read the batch to see what became of each file.",
            extra={"batch": str(locked.pk), "state": locked.state},
        )
    for file in locked.files.filter(receipt=None).select_related("batch__collection"):
        file_reject(tenant=tenant, file=file, error=_cancelled(), actor=actor)
    locked.refresh_from_db()
    locked.state, locked.completed_at = BatchState.CANCELLED, timezone.now()
    locked.save(update_fields=["state", "completed_at"])
    batch_record(tenant, EventType.BATCH_CANCELLED, locked, actor, {})
    return locked


def _create(tenant: Tenant, manifest: Manifest, actor: str) -> Batch:
    batch = Batch.objects.create(
        reference=manifest.batch_id,
        collection=collection_get(name=manifest.collection),
        priority=manifest.priority,
        file_count=manifest.file_count,
        manifest_sha256=manifest.digest,
        created_by=actor,
        expires_at=timezone.now() + timedelta(hours=settings.BATCH_OPEN_HOURS),
    )
    BatchFile.objects.bulk_create(
        _file(batch, position, file) for position, file in enumerate(manifest.files, start=1)
    )
    batch_record(tenant, EventType.BATCH_OPENED, batch, actor, {"priority": batch.priority})
    return batch


def _file(batch: Batch, position: int, file: ManifestFile) -> BatchFile:
    return BatchFile(
        batch=batch,
        position=position,
        file_id=file.file_id,
        filename=safe_filename(file.filename),
        media_type=file.mime_type,
        size_bytes=file.size_bytes,
        sha256=file.sha256,
        metadata=file.metadata,
    )


@transaction.atomic
def _reject_awaited(
    tenant: Tenant, batch: Batch, actor: str, reason: Callable[[], FileRejectedError]
) -> None:
    """Reject what is still awaited; a file that comes at the same moment is one or the other."""
    locked = Batch.objects.select_for_update(of=("self",)).get(pk=batch.pk)
    if locked.state != BatchState.OPEN:
        return
    for file in locked.files.filter(receipt=None).select_related("batch__collection"):
        file_reject(tenant=tenant, file=file, error=reason(), actor=actor)


def _exists(batch: Batch) -> BatchExistsError:
    return BatchExistsError(
        "The collection has a batch of this batch_id already.",
        remediation="Read that batch for its receipts; a new delivery needs a batch_id of its own.",
        extra={"batch": str(batch.pk), "state": batch.state},
    )


def _missing() -> FileMissingError:
    return FileMissingError(
        "The manifest names this file, and the request did not bring it.",
        remediation="Send it in a new batch, in a part whose name is its file_id.",
    )


def _expired() -> UploadExpiredError:
    return UploadExpiredError(
        "The file was announced and did not come in time.",
        remediation="Announce it in a new batch and send it before that batch expires.",
    )


def _cancelled() -> FileCancelledError:
    return FileCancelledError(
        "The batch was cancelled before this file came.",
        remediation="Send it in a new batch if it is wanted after all.",
    )
