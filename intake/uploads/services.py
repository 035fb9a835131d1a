"""Uploads that come in pieces: begun, added to, finished into a document, ended.

What came is in the tenant's bucket, a few megabytes an object, and in the rows how far it is, so
any process can go on where another one was killed. One request at a time works on an upload: it
holds a lock of its database session, which ends with the process.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from typing import Any, BinaryIO, Final, LiteralString
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F, Sum
from django.utils import timezone

from frostbyte.kernel.bodies import BodyInterruptedError, Read
from frostbyte.kernel.errors import FrostbyteError
from frostbyte.kernel.ids import new_id
from intake.batches.settling import file_require_awaited
from intake.checks.sizes import check_size
from intake.errors import BatchNotOpenError, StorageQuotaError
from intake.models import (
    DEFAULT_COLLECTION,
    BatchFile,
    Receipt,
    Upload,
    UploadPart,
)
from intake.quotas import quota_check
from intake.selectors import collection_get
from intake.services import document_receive, safe_filename
from intake.uploads.errors import (
    UploadChecksumError,
    UploadLockedError,
    UploadOffsetError,
    UploadSizeError,
    UploadTooLongError,
)
from intake.uploads.protocol import Checksum
from intake.uploads.selectors import upload_get, upload_receipt
from tenants.access.readers import EVERYTHING
from tenants.context import reading
from tenants.lifecycle.gate import require_active, writing
from tenants.models import Tenant
from tenants.stores import for_tenant
from tenants.workspace import workspace_file

PART_BYTES: Final = 2 * 1024 * 1024
"""So much is in memory of a request, and at most so much is lost when its process is killed."""
PREFIX: Final = "uploads/"
_BLOCK: Final = 64 * 1024
_SETTLED_AFTER: Final = timedelta(minutes=1)

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
            _Appending(tenant, upload, checksum).take(read)
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
    if not _ask("pg_try_advisory_lock", upload_id):
        raise UploadLockedError(
            "Another request is at work on this upload.",
            remediation="Ask by HEAD in a moment how far it is, and go on from there.",
        )
    try:
        yield
    finally:
        # A session that was lost has let go already.
        with suppress(DatabaseError):
            _ask("pg_advisory_unlock", upload_id)


@dataclass
class _Appending:
    """The bytes of one request on their way into parts of the upload."""

    tenant: Tenant
    upload: Upload
    checksum: Checksum | None
    buffer: bytearray = field(default_factory=bytearray)
    written: list[UploadPart] = field(default_factory=list)
    """Parts that are stored, and not on record yet."""
    replaced: UploadPart | None = None
    """The last part on record where it is a small one: its bytes go into the next."""

    def take(self, read: Read) -> None:
        """Take everything in; what is refused is removed again.

        After other failures parts that are not on record stay until the upload ends: whether a
        commit that was cut off went through is not known.
        """
        self._begin()
        hasher = self.checksum.hasher() if self.checksum else None
        try:
            is_complete = self._read(read, hasher)
            if self.checksum and hasher is not None:
                self._require(is_complete, hasher.digest() == self.checksum.digest)
        except (UploadChecksumError, UploadTooLongError):
            self._discard()
            raise
        self._store()
        self._record()

    def _begin(self) -> None:
        last = self.upload.parts.order_by("-offset").first()
        if last is not None and last.size_bytes < PART_BYTES:
            self.replaced = last
            self.buffer += for_tenant(self.tenant).objects.get(last.key)

    def _read(self, read: Read, hasher: Any) -> bool:
        """Return whether the body came to its end."""
        missing = self.upload.size_bytes - self.upload.offset
        try:
            while block := read(min(_BLOCK, PART_BYTES - len(self.buffer))):
                missing -= len(block)
                if missing < 0:
                    raise _too_long(self.upload)
                if hasher is not None:
                    hasher.update(block)
                self.buffer += block
                if len(self.buffer) == PART_BYTES:
                    self._store()
                    if self.checksum is None:
                        self._record()
        except BodyInterruptedError:
            return False
        return True

    def _require(self, is_complete: bool, is_right: bool) -> None:
        if is_complete and is_right:
            return
        raise UploadChecksumError(
            "The bytes that came are not those of Upload-Checksum; none of them was kept.",
            remediation="Send them again from the same offset.",
            extra={"offset": self.upload.offset},
        )

    def _store(self) -> None:
        """Put what is in memory into the bucket as a part; no two parts ever share a name."""
        if self._place() + len(self.buffer) == self._reached():
            return
        require_active(self.tenant)
        part = UploadPart(
            upload=self.upload,
            offset=self._place(),
            size_bytes=len(self.buffer),
            key=f"{PREFIX}{self.upload.pk}/{new_id()}",
        )
        with writing(self.tenant):
            for_tenant(self.tenant).objects.put(part.key, BytesIO(self.buffer))
        self.written.append(part)
        self.buffer = bytearray()

    def _place(self) -> int:
        """Return where the bytes in memory belong."""
        if self.written:
            return self.written[-1].offset + self.written[-1].size_bytes
        return self.replaced.offset if self.replaced else self.upload.offset

    def _reached(self) -> int:
        """Return up to where bytes are stored, on record or not."""
        return self._place() if self.written else self.upload.offset

    def _record(self) -> None:
        """Put the stored parts on record, unless the upload went on without this request."""
        if not self.written:
            return
        reached, expires_at = self._reached(), _expiry(self.upload)
        with transaction.atomic():
            same = Upload.objects.filter(pk=self.upload.pk, offset=self.upload.offset)
            if not same.update(offset=reached, expires_at=expires_at):
                raise _elsewhere(self.upload.offset)
            if self.replaced is not None:
                UploadPart.objects.filter(pk=self.replaced.pk).delete()
            UploadPart.objects.bulk_create(self.written)
        self.upload.offset, self.upload.expires_at = reached, expires_at
        self.written = []
        if self.replaced is not None:
            for_tenant(self.tenant).objects.delete(self.replaced.key)
            self.replaced = None

    def _discard(self) -> None:
        """Remove parts that came to nothing; what cannot be now goes with the upload."""
        with suppress(FrostbyteError):
            for part in self.written:
                for_tenant(self.tenant).objects.delete(part.key)


def _begun(tenant: Tenant, upload: Upload) -> Upload:
    upload.expires_at = _expiry(upload)
    upload.save(force_insert=True)
    return upload_settle(tenant=tenant, upload=upload)


def _expiry(upload: Upload) -> Any:
    """Return until when the upload is kept without a sign of its sender."""
    expires_at = timezone.now() + timedelta(hours=settings.UPLOAD_HOURS)
    batch_ends = upload.batch_file.batch.expires_at if upload.batch_file else None
    return min(expires_at, batch_ends) if batch_ends else expires_at


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
        raise _elsewhere(upload.offset)
    if offset + announced > upload.size_bytes:
        raise _too_long(upload)


def _elsewhere(offset: int) -> UploadOffsetError:
    return UploadOffsetError(
        "The upload does not stand where these bytes belong.",
        remediation="Ask by HEAD how far it is, and go on from there.",
        extra={"offset": offset},
    )


def _too_long(upload: Upload) -> UploadTooLongError:
    return UploadTooLongError(
        f"The upload was announced with {upload.size_bytes} bytes, and more are sent.",
        remediation="Begin a new upload with the size that the file has.",
        extra={"size_bytes": upload.size_bytes},
    )


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


def _ask(function: LiteralString, upload_id: UUID) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {function}(hashtextextended(current_schema() || %s, 0))", [str(upload_id)]
        )
        row = cursor.fetchone()
        return bool(row and row[0])
