"""Reading batches and their reports, inside the tenant's context."""

from dataclasses import dataclass
from uuid import UUID

from frostbyte.kernel.hashing import sha256_hex
from intake.errors import BatchNotFoundError
from intake.models import Batch
from processing.batches.errors import BatchNotFinalError
from processing.batches.progress import batch_progress
from processing.batches.report import Report, decode_report
from processing.batches.settling import report_key
from processing.models import BatchReport
from tenants.errors import ObjectDamagedError
from tenants.models import Tenant
from tenants.stores import for_tenant


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report as it was stored: its row, its bytes, and what they say."""

    row: BatchReport
    data: bytes
    report: Report


def batch_with_report(*, batch_id: UUID) -> Batch:
    """Return one batch with where its report is; raises `BatchNotFoundError`."""
    batch = Batch.objects.select_related("collection", "report").filter(pk=batch_id).first()
    if batch is None:
        raise BatchNotFoundError("There is no such batch.")
    return batch


def report_row(batch: Batch) -> BatchReport | None:
    """Return where the batch's report is, or None before its end."""
    return getattr(batch, "report", None)


def report_get(*, tenant: Tenant, batch: Batch) -> StoredReport:
    """Return the report of a batch that is over.

    Raises `BatchNotFinalError`, with the progress, before that: a report that may still change
    would be taken for the one that does not. Raises `ObjectDamagedError` when the stored bytes
    are not those whose hash is on record.
    """
    row = report_row(batch)
    if row is None:
        raise BatchNotFinalError(
            "The batch is not over, so it has no report yet.",
            remediation="Follow it at its events or its page; the report is there at the end.",
            extra={"progress": batch_progress(batch).as_json()},
        )
    data = for_tenant(tenant).objects.get(report_key(batch.pk))
    if sha256_hex(data) != row.sha256:
        raise ObjectDamagedError(
            "The stored report is not the one that was recorded.",
            remediation="Ask the platform's operator to restore it from a backup.",
        )
    return StoredReport(row, data, decode_report(data))
