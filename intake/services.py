"""Taking a file in: checked, stored unchanged, receipted, announced once all is on record."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any, BinaryIO, Final
from uuid import UUID

from django.db import transaction

from audit.events import EventType
from audit.services import record_event
from frostbyte.kernel.ids import new_id
from intake.batches.settling import file_require_awaited, file_settle
from intake.checks.checking import NO_CLAIM, Claim, check_file
from intake.errors import FileRejectedError, MalwareDetectedError
from intake.locks import hold_collection, lock_content
from intake.metadata.checking import metadata_check
from intake.models import (
    DEFAULT_COLLECTION,
    BatchFile,
    Collection,
    Document,
    Outcome,
    Receipt,
    Scan,
)
from intake.quotas import quota_check, quota_check_and_hold
from intake.receipts import receipt_issue
from intake.selectors import collection_get, metadata_schema_in_force, same_content
from intake.signals import announce_on_commit, document_received
from intake.versions import version_take
from tenants.lifecycle.gate import writing
from tenants.models import Tenant
from tenants.stores import for_tenant

_BLOCK: Final = 1024 * 1024
_NAME_LIMIT: Final = 255


@dataclass(frozen=True, slots=True)
class Submission:
    """A file at the door: name without folders, seekable bytes, their count and SHA-256.

    `batch_file` is what a manifest says of it; `media_type` and `scan` are what the checks found,
    once they have been made.
    """

    collection: Collection
    filename: str
    stream: BinaryIO
    size: int
    sha256: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    batch_file: BatchFile | None = None
    media_type: str = ""
    scan: Scan = Scan.SKIPPED
    receipt_id: UUID = field(default_factory=new_id)


def document_receive(
    *,
    tenant: Tenant,
    filename: str,
    stream: BinaryIO,
    actor: str,
    collection: str = DEFAULT_COLLECTION,
    metadata: Mapping[str, Any] | None = None,
    batch_file: BatchFile | None = None,
    receipt_id: UUID | None = None,
) -> Receipt:
    """Check and store one file of the tenant, inside its context; always returns a receipt.

    A refused file leaves a receipt with code and remediation and nothing else. A file whose bytes
    are in the collection already gets a receipt that points at the first; what is in another is
    not looked at. An accepted one is stored at `raw/<file id>/<sha256>`, and its first run is
    announced when the transaction commits. A file of a batch is held against its manifest as well.
    Raises `CollectionNotFoundError` for a collection that
    the reader does not see, `ServiceUnavailableError` when a store cannot be reached,
    `TenantStoppedError` when the tenant is being removed, `BatchNotOpenError` for a file that its
    batch no longer awaits; nothing is kept then. Nor is it when a receipt of the id `receipt_id`
    is there already (`IntegrityError`): somebody else was faster.
    """
    if batch_file is not None:
        file_require_awaited(batch_file)
    measured = _measure(filename, stream, collection_get(name=collection))
    submission = replace(
        measured,
        metadata=metadata or {},
        batch_file=batch_file,
        receipt_id=receipt_id or new_id(),
    )
    with writing(tenant):
        try:
            submission = _checked(tenant, submission)
            schema = metadata_schema_in_force()
            metadata_check(submission.metadata, schema=schema.document)
            return _store(tenant, submission, schema.version, actor)
        except FileRejectedError as error:
            return _reject(tenant, submission, error, actor)


def file_reject(
    *, tenant: Tenant, file: BatchFile, error: FileRejectedError, actor: str
) -> Receipt:
    """Write the receipt of a file of a batch that never came: no bytes, and the reason."""
    nothing = Submission(
        file.batch.collection, file.filename, io.BytesIO(), 0, "", file.metadata, file
    )
    return _reject(tenant, nothing, error, actor)


def safe_filename(filename: str) -> str:
    """Return the last part of a file name without control characters, at most 255 long."""
    name = PurePath(filename.replace("\\", "/")).name
    printable = "".join(c for c in name if c.isprintable()).strip()
    if not printable.strip("."):
        return "unnamed"
    if len(printable) <= _NAME_LIMIT:
        return printable
    suffix = PurePath(printable).suffix[:20]
    return printable[: _NAME_LIMIT - len(suffix)] + suffix


def _measure(filename: str, stream: BinaryIO, collection: Collection) -> Submission:
    stream = _plain_file(stream)
    digest, size = hashlib.sha256(), 0
    stream.seek(0)
    while block := stream.read(_BLOCK):
        digest.update(block)
        size += len(block)
    return Submission(collection, safe_filename(filename), stream, size, digest.hexdigest())


def _plain_file(stream: BinaryIO) -> BinaryIO:
    """Return the file inside the wrappers of a request: not every library reads through them."""
    while not isinstance(stream, io.IOBase):
        stream = stream.file  # type: ignore[attr-defined]
    return stream


def _checked(tenant: Tenant, submission: Submission) -> Submission:
    found = check_file(
        submission.stream,
        filename=submission.filename,
        size=submission.size,
        sha256=submission.sha256,
        settings=tenant.settings,
        claim=_claim(submission.batch_file),
    )
    return replace(submission, media_type=found.media_type, scan=found.scan)


def _claim(file: BatchFile | None) -> Claim:
    if file is None:
        return NO_CLAIM
    return Claim(media_type=file.media_type, size_bytes=file.size_bytes, sha256=file.sha256)


@transaction.atomic
def _reject(
    tenant: Tenant, submission: Submission, error: FileRejectedError, actor: str
) -> Receipt:
    is_malware = isinstance(error, MalwareDetectedError)
    receipt = _receipt(
        tenant,
        submission,
        actor,
        outcome=Outcome.QUARANTINED if is_malware else Outcome.REJECTED,
        scan=Scan.QUARANTINED if is_malware else Scan.SKIPPED,
        code=error.code,
        reason=error.reason,
        message=error.message,
        remediation=error.remediation,
        http_status=error.http_status,
        details=error.extra,
    )
    event = EventType.DOCUMENT_QUARANTINED if is_malware else EventType.DOCUMENT_REJECTED
    _record(tenant, event, receipt, actor, {"code": error.code})
    return receipt


def _store(tenant: Tenant, submission: Submission, schema_version: int, actor: str) -> Receipt:
    """Put the bytes first, outside any lock, and take them back where no row points at them.

    When the commit itself fails, its outcome is not known: then the bytes stay, and the
    reconciliation of the stores removes what nothing points at.
    """
    existing = same_content(submission.collection, submission.sha256)
    if existing:
        return _duplicate(tenant, submission, existing, actor)
    quota_check(tenant=tenant, adds_bytes=submission.size)
    document = Document(
        collection=submission.collection,
        filename=submission.filename,
        media_type=submission.media_type,
        size_bytes=submission.size,
        sha256=submission.sha256,
        uploaded_by=actor,
        metadata=submission.metadata,
        metadata_schema_version=schema_version,
    )
    document.raw_key = f"raw/{document.pk}/{submission.sha256}"
    _put(tenant, submission, document)
    entered = False
    try:
        with transaction.atomic():
            receipt = _enter(tenant, submission, document, actor)
            entered = receipt.document_id == document.pk
    finally:
        if not entered:
            for_tenant(tenant).objects.delete(document.raw_key)
    return receipt


def _enter(tenant: Tenant, submission: Submission, document: Document, actor: str) -> Receipt:
    hold_collection(submission.collection)
    lock_content(submission.collection, submission.sha256)
    existing = same_content(submission.collection, submission.sha256)
    if existing:
        return _duplicate(tenant, submission, existing, actor)
    quota_check_and_hold(tenant=tenant, adds_bytes=submission.size)
    version_take(document)
    document.save(force_insert=True)
    receipt = _receipt(
        tenant,
        submission,
        actor,
        document=document,
        media_type=document.media_type,
        version=document.version,
    )
    details = {
        "output_hash": submission.sha256,
        "size_bytes": submission.size,
        "media_type": document.media_type,
    }
    _record(tenant, EventType.DOCUMENT_INGESTED, receipt, actor, details)
    batch = submission.batch_file.batch if submission.batch_file else None
    of_batch = {"batch_id": batch.pk, "priority": batch.priority} if batch else {}
    announce_on_commit(
        document_received, Document, tenant=tenant, document_id=document.pk, **of_batch
    )
    return receipt


def _put(tenant: Tenant, submission: Submission, document: Document) -> None:
    submission.stream.seek(0)
    for_tenant(tenant).objects.put(
        document.raw_key, submission.stream, content_type=document.media_type
    )


@transaction.atomic
def _duplicate(tenant: Tenant, submission: Submission, existing: Document, actor: str) -> Receipt:
    receipt = _receipt(
        tenant,
        submission,
        actor,
        document=existing,
        version=existing.version,
        media_type=existing.media_type,
        is_duplicate=True,
        http_status=200,
        message="The same bytes are here already; this receipt points at the first.",
    )
    _record(tenant, EventType.DOCUMENT_INGESTED, receipt, actor, {"duplicate": True})
    return receipt


def _receipt(tenant: Tenant, submission: Submission, actor: str, **fields: object) -> Receipt:
    file = submission.batch_file
    receipt = receipt_issue(
        tenant=tenant,
        id=submission.receipt_id,
        collection=submission.collection,
        batch=file.batch if file else None,
        file_id=file.file_id if file else "",
        filename=submission.filename,
        size_bytes=submission.size,
        sha256=submission.sha256,
        received_from=actor,
        **{"outcome": Outcome.ACCEPTED, "scan": submission.scan, **fields},
    )
    if file is not None:
        file_settle(tenant=tenant, file=file, receipt=receipt, actor=actor)
    return receipt


def _record(
    tenant: Tenant, event: EventType, receipt: Receipt, actor: str, details: dict[str, object]
) -> None:
    record_event(
        tenant=tenant.slug,
        event_type=event,
        actor=actor,
        resource_type="document" if receipt.document_id else "receipt",
        resource_id=str(receipt.document_id or receipt.pk),
        details={"component": "intake", "receipt_id": str(receipt.pk), **details},
    )
