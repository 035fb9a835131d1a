"""The end of a batch: found whenever a file of it is over, and by the sweep; told exactly once.

Settling looks at rows that are committed, so it is called after a commit, and any number of times.
Whatever call is lost with its process, the next sweep makes up for it.
"""

from uuid import UUID

import structlog
from django.db import DatabaseError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit.events import EventType
from audit.services import record_event
from frostbyte.kernel.errors import FrostbyteError
from frostbyte.kernel.hashing import canonical_json, sha256_hex
from intake.models import Batch, BatchState
from processing.batches.building import report_build
from processing.batches.outcomes import unfinished_files
from processing.batches.report import Report, report_document
from processing.models import BatchReport
from tenants.access.readers import EVERYTHING
from tenants.context import reading
from tenants.encryption.signatures import sign
from tenants.models import Tenant
from tenants.stores import for_tenant

log = structlog.get_logger("frostbyte.processing")

WORKER = "worker"
SETTLED_FROM = (BatchState.RECEIVED, BatchState.CANCELLED)


def report_key(batch_id: UUID) -> str:
    """Return the object key of a batch's acceptance report."""
    return f"derived/batches/{batch_id}/report.json"


def batch_settle(tenant: Tenant, batch_id: UUID) -> bool:
    """End the batch if all of its files are over, inside the tenant's context; whether it did.

    A received batch becomes completed; a cancelled one stays what it is. Either gets its report,
    which is stored before the row that names it, and the event that binds the report's hash.
    """
    with reading(EVERYTHING):
        if unfinished_files(Batch.objects.filter(pk=batch_id)).exists():
            return False
        with transaction.atomic():
            return _settle(tenant, batch_id)


def batches_settle_due(tenant: Tenant) -> int:
    """End every batch of the tenant that is over and was not told so; returns how many."""
    with reading(EVERYTHING):
        due = Batch.objects.filter(state__in=SETTLED_FROM, report=None)
        return _settle_each(tenant, due)


def run_ended(tenant: Tenant, document_id: UUID) -> None:
    """Settle, on commit, the batches that wait for the document whose run is over."""
    transaction.on_commit(lambda: _settle_those_of(tenant, document_id))


def _settle_those_of(tenant: Tenant, document_id: UUID) -> None:
    with reading(EVERYTHING):
        waiting = Batch.objects.filter(
            state__in=SETTLED_FROM, report=None, files__receipt__document_id=document_id
        )
        _settle_each(tenant, waiting)


def _settle_each(tenant: Tenant, batches: QuerySet[Batch]) -> int:
    """Settle each by itself: one whose report cannot be stored now is left to the next sweep."""
    settled = 0
    for batch_id in list(batches.order_by().values_list("pk", flat=True).distinct()):
        try:
            settled += batch_settle(tenant, batch_id)
        except (FrostbyteError, DatabaseError) as error:
            log.warning("batch not settled", batch=str(batch_id), error=type(error).__name__)
    return settled


def _settle(tenant: Tenant, batch_id: UUID) -> bool:
    batch = (
        Batch.objects.select_for_update(of=("self",))
        .select_related("collection")
        .filter(pk=batch_id, state__in=SETTLED_FROM, report=None)
        .first()
    )
    # Looked at again under the lock: a cancelled batch and a retried file may have come between.
    if batch is None or unfinished_files([batch]).exists():
        return False
    if batch.state == BatchState.RECEIVED:
        batch.state, batch.completed_at = BatchState.COMPLETED, timezone.now()
        batch.save(update_fields=["state", "completed_at"])
    report = report_build(
        tenant=tenant, batch=batch, completed_at=batch.completed_at or timezone.now()
    )
    kept = _keep(tenant, batch, report)
    _record(tenant, batch, report, kept)
    log.info("batch settled", batch=str(batch.pk), state=batch.state, files=report.totals.files)
    return True


def _keep(tenant: Tenant, batch: Batch, report: Report) -> BatchReport:
    document = report_document(report)
    data, signature = canonical_json(document), sign(document)
    for_tenant(tenant).objects.put(report_key(batch.pk), data, content_type="application/json")
    return BatchReport.objects.create(
        batch=batch,
        sha256=sha256_hex(data),
        size_bytes=len(data),
        signature=signature.value,
        signing_key=signature.key_id,
    )


def _record(tenant: Tenant, batch: Batch, report: Report, kept: BatchReport) -> None:
    record_event(
        tenant=tenant.slug,
        event_type=EventType.BATCH_COMPLETED,
        actor=WORKER,
        resource_type="batch",
        resource_id=str(batch.pk),
        details={
            "component": "processing.batches",
            "status": batch.state,
            "report_sha256": kept.sha256,
            "outcomes": {each.outcome: each.files for each in report.outcomes},
        },
    )
