"""A batch with its last receipt: it is `received`, in the transaction of that receipt."""

from typing import Any

from django.utils import timezone

from audit.events import EventType
from audit.services import record_event
from intake.errors import BatchNotOpenError
from intake.models import Batch, BatchFile, BatchState, Receipt
from intake.signals import announce_on_commit, batch_received
from tenants.models import Tenant


def file_require_awaited(file: BatchFile) -> None:
    """Raise `BatchNotOpenError` unless the batch is open and the file has no receipt yet."""
    now = BatchFile.objects.select_related("batch").get(pk=file.pk)
    if now.receipt_id is not None or now.batch.state != BatchState.OPEN:
        raise _no_longer(now)


def file_settle(*, tenant: Tenant, file: BatchFile, receipt: Receipt, actor: str) -> None:
    """Give a file of a batch its receipt; the last one makes the batch `received`.

    Runs in the transaction that made the receipt. The batch's row is locked, so that of two last
    files one sees the other. Raises `BatchNotOpenError` where another request was first.
    """
    batch = Batch.objects.select_for_update(of=("self",)).get(pk=file.batch_id)
    given = BatchFile.objects.filter(pk=file.pk, receipt=None).update(receipt=receipt)
    if batch.state != BatchState.OPEN or not given:
        raise _no_longer(file)
    file.receipt = receipt
    if not batch.files.filter(receipt=None).exists():
        _receive(tenant, batch, actor)


def _receive(tenant: Tenant, batch: Batch, actor: str) -> None:
    batch.state, batch.received_at, batch.expires_at = BatchState.RECEIVED, timezone.now(), None
    batch.save(update_fields=["state", "received_at", "expires_at"])
    outcomes = list(batch.receipts.values_list("outcome", flat=True))
    counts = {outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))}
    batch_record(tenant, EventType.BATCH_RECEIVED, batch, actor, {"outcomes": counts})
    announce_on_commit(batch_received, Batch, tenant=tenant, batch_id=batch.pk)


def batch_record(
    tenant: Tenant, event: EventType, batch: Batch, actor: str, details: dict[str, Any]
) -> None:
    """Record an event of a batch: ids and counts, never names that a sender chose."""
    record_event(
        tenant=tenant.slug,
        event_type=event,
        actor=actor,
        resource_type="batch",
        resource_id=str(batch.pk),
        details={
            "component": "intake",
            "files": batch.file_count,
            "manifest_sha256": batch.manifest_sha256,
            **details,
        },
    )


def _no_longer(file: BatchFile) -> BatchNotOpenError:
    return BatchNotOpenError(
        "The file is no longer awaited: it has a receipt, or its batch is closed.",
        remediation="Read the batch to see the receipt of each file; send more in a new batch.",
        extra={"batch": str(file.batch_id), "file_id": file.file_id},
    )
