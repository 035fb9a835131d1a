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


def start_missing_runs(*, tenant: Tenant) -> int:
    """Start a run for each document that has none: its announcement was lost. Returns how many."""
    orphans = list(Document.objects.filter(runs=None)[:100])
    for document in orphans:
        file = _file_of(document)
        run_start(
            tenant=tenant,
            document=document,
            batch_id=file.batch_id if file else None,
            priority=file.batch.priority if file else Priority.NORMAL,
        )
    return len(orphans)


def _file_of(document: Document) -> BatchFile | None:
    files = BatchFile.objects.filter(receipt__document=document, receipt__is_duplicate=False)
    return files.select_related("batch").first()
