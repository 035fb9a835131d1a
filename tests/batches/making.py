"""Batches for tests: announced, handed in and brought to their ends by the services in use."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

from frostbyte.kernel.hashing import canonical_json, sha256_hex
from intake.batches.services import batch_file_receive
from intake.models import DEFAULT_COLLECTION, Batch, BatchFile, Receipt
from intake.selectors import collection_get
from processing.models import Run
from processing.runner import run_advance
from processing.services import run_start
from tenants.context import tenant_context
from tenants.models import Tenant

ACTOR = "sender"


def announce(
    tenant: Tenant,
    files: Mapping[str, bytes],
    *,
    reference: str = "delivery-1",
    collection: str = DEFAULT_COLLECTION,
) -> Batch:
    """Make a batch of files that are still to come; ids are `f1`, `f2` and so on."""
    with tenant_context(tenant):
        manifest: dict[str, Any] = {"batch_id": reference, "file_count": len(files)}
        batch = Batch.objects.create(
            reference=reference,
            collection=collection_get(name=collection),
            file_count=len(files),
            manifest_sha256=sha256_hex(canonical_json(manifest)),
            created_by=ACTOR,
        )
        BatchFile.objects.bulk_create(
            BatchFile(
                batch=batch,
                position=at,
                file_id=f"f{at}",
                filename=name,
                media_type="text/plain",
                size_bytes=len(data),
                sha256=sha256_hex(data),
            )
            for at, (name, data) in enumerate(files.items(), start=1)
        )
        return batch


def hand_in(tenant: Tenant, batch: Batch, files: Mapping[str, bytes]) -> list[Receipt]:
    """Hand the batch's files in; with the last one it is received."""
    with tenant_context(tenant):
        receipts = [
            batch_file_receive(
                tenant=tenant, batch_file=row, stream=BytesIO(files[row.filename]), actor=ACTOR
            )
            for row in batch.files.all()
        ]
        batch.refresh_from_db()
    return receipts


def begin(tenant: Tenant, batch: Batch) -> list[Run]:
    """Begin a run for each document of the batch that has none."""
    with tenant_context(tenant):
        rows = batch.files.filter(receipt__document__runs=None, receipt__document__isnull=False)
        documents = {row.receipt.document for row in rows if row.receipt}
        runs = [run_start(tenant=tenant, document=each) for each in documents if each]
        Run.objects.filter(pk__in=[run.pk for run in runs]).update(batch_id=batch.pk)
        return runs


def received(tenant: Tenant, files: Mapping[str, bytes], **options: Any) -> Batch:
    """Return a batch whose files are in the pipeline, not begun."""
    batch = announce(tenant, files, **options)
    hand_in(tenant, batch, files)
    begin(tenant, batch)
    return batch


def work_off(tenant: Tenant, batch: Batch) -> None:
    """Bring every run of the batch's documents to its end."""
    with tenant_context(tenant):
        files = batch.files.filter(receipt__document__isnull=False)
        documents = list(files.values_list("receipt__document", flat=True))
        for run in Run.objects.filter(document__in=documents).order_by("created_at"):
            run_advance(tenant=tenant, run_id=run.pk)
