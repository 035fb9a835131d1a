"""Starting runs, for a document that intake has stored or that was left without one."""

from uuid import UUID

from django.db import transaction

from intake.models import BatchFile, Document, Priority
from processing.models import Run, StageRun
from processing.pipeline import PIPELINE
from tenants.models import Tenant


@transaction.atomic
def run_start(
    *,
    tenant: Tenant,
    document: Document,
    batch_id: UUID | None = None,
    priority: int = Priority.NORMAL,
) -> Run:
    """Create a queued run of the document under the tenant's present configuration."""
    run = Run.objects.create(
        document=document,
        batch_id=batch_id,
        priority=priority,
        configuration=tenant.settings.model_dump(mode="json"),
        configuration_version=tenant.config_version,
    )
    StageRun.objects.bulk_create(
        StageRun(run=run, stage=stage.name, position=position)
        for position, stage in enumerate(PIPELINE)
    )
    return run


@transaction.atomic
def run_start_first(
    *,
    tenant: Tenant,
    document_id: UUID,
    batch_id: UUID | None = None,
    priority: int = Priority.NORMAL,
) -> Run | None:
    """Create the document's first run; None where it has one, or is gone.

    Its announcement and the sweep may come at once: the document's row lets one go first.
    """
    locked = Document.objects.select_for_update(no_key=True).filter(pk=document_id)
    document = locked.first()
    if document is None or document.runs.exists():
        return None
    return run_start(tenant=tenant, document=document, batch_id=batch_id, priority=priority)


def start_missing_runs(*, tenant: Tenant) -> int:
    """Start a run for each document that has none: its announcement was lost. Returns how many."""
    orphans = list(Document.objects.filter(runs=None).values_list("pk", flat=True)[:100])
    return sum(_start_missing(tenant, document_id) is not None for document_id in orphans)


def _start_missing(tenant: Tenant, document_id: UUID) -> Run | None:
    files = BatchFile.objects.filter(receipt__document=document_id, receipt__is_duplicate=False)
    file = files.select_related("batch").first()
    if file is None:
        return run_start_first(tenant=tenant, document_id=document_id)
    return run_start_first(
        tenant=tenant,
        document_id=document_id,
        batch_id=file.batch_id,
        priority=file.batch.priority,
    )
