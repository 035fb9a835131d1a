"""Reading batches, inside the tenant's context: those of collections that the reader sees."""

from uuid import UUID

from django.db.models import Count, Q, QuerySet

from intake.errors import BatchNotFoundError
from intake.models import Batch, BatchFile, Outcome


def batch_list() -> QuerySet[Batch]:
    """Return the batches, newest first, each with the counts of its files' outcomes.

    `accepted` (of which `duplicates`), `rejected`, `quarantined` and `awaited`.
    """
    return (
        Batch.objects.select_related("collection")
        .annotate(
            accepted=_count(receipt__outcome=Outcome.ACCEPTED),
            duplicates=_count(receipt__is_duplicate=True),
            rejected=_count(receipt__outcome=Outcome.REJECTED),
            quarantined=_count(receipt__outcome=Outcome.QUARANTINED),
            awaited=_count(receipt=None),
        )
        .order_by("-created_at", "-id")
    )


def batch_get(*, batch_id: UUID) -> Batch:
    """Return one batch with its counts; raises `BatchNotFoundError`."""
    batch = batch_list().filter(pk=batch_id).first()
    if batch is None:
        raise BatchNotFoundError("There is no such batch.")
    return batch


def batch_files(batch: Batch) -> QuerySet[BatchFile]:
    """Return the files of a batch in the manifest's order, with receipts and documents."""
    return batch.files.select_related("receipt__document").order_by("position")


def batch_file_get(*, batch_id: UUID, file_id: str) -> BatchFile:
    """Return a file of a batch with its batch; raises `BatchNotFoundError`."""
    files = BatchFile.objects.select_related("batch__collection")
    file = files.filter(batch_id=batch_id, file_id=file_id).first()
    if file is None:
        raise BatchNotFoundError("There is no such batch, or it names no such file.")
    return file


def _count(**condition: object) -> Count:
    of_files = {f"files__{name}": value for name, value in condition.items()}
    return Count("files", filter=Q(**of_files))
