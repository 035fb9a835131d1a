"""What became of one file of a batch, in one word, from its receipt and its document's last run."""

from collections.abc import Iterable
from typing import Final

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery, TextChoices

from intake.models import Batch, BatchFile, BatchState, Outcome
from processing.models import LATEST_FIRST, OPEN_STATES, Run, RunState, StageRun, StageState


class FileState(TextChoices):
    """Where a file of a batch is, or how it ended."""

    AWAITED = "awaited"
    MISSING = "missing"
    REJECTED = "rejected"
    INFECTED = "infected"
    ELSEWHERE = "elsewhere"
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    PUBLISHED = "published"
    PARTIAL = "partial"
    HELD_BACK = "held_back"
    FAILED = "failed"
    CANCELLED = "cancelled"


TITLES: Final = {
    FileState.PUBLISHED: "Searchable",
    FileState.PARTIAL: "Searchable, with content left out",
    FileState.HELD_BACK: "Held back by a policy",
    FileState.FAILED: "Failed in processing",
    FileState.REJECTED: "Rejected at intake",
    FileState.INFECTED: "Quarantined at intake",
    FileState.MISSING: "Never received",
    FileState.CANCELLED: "Cancelled",
    FileState.ELSEWHERE: "In a collection that you do not read",
    FileState.AWAITED: "Not received yet",
    FileState.QUEUED: "Queued",
    FileState.RUNNING: "In work",
    FileState.WAITING: "Waiting",
}
"""In the order in which they are shown."""

TONES: Final = {
    FileState.PUBLISHED: "good",
    FileState.PARTIAL: "partial",
    FileState.HELD_BACK: "wait",
    FileState.FAILED: "bad",
    FileState.REJECTED: "refused",
    FileState.INFECTED: "bad",
    FileState.MISSING: "refused",
    FileState.RUNNING: "run",
    FileState.WAITING: "wait",
}
_OF_RUNS: Final = {
    RunState.QUEUED: FileState.QUEUED,
    RunState.RUNNING: FileState.RUNNING,
    RunState.WAITING: FileState.WAITING,
    RunState.PUBLISHED: FileState.PUBLISHED,
    RunState.FAILED: FileState.FAILED,
    RunState.QUARANTINED: FileState.HELD_BACK,
    RunState.CANCELLED: FileState.CANCELLED,
}


def file_state(
    *, batch: Batch, has_receipt: bool, outcome: str | None, run_state: str | None
) -> FileState:
    """Return where a file is: `outcome` is its receipt's, None when the reader does not see it."""
    if not has_receipt:
        is_over = batch.state in {BatchState.CANCELLED, BatchState.COMPLETED}
        return FileState.MISSING if is_over else FileState.AWAITED
    if outcome is None:
        return FileState.ELSEWHERE
    if outcome == Outcome.REJECTED:
        return FileState.REJECTED
    if outcome == Outcome.QUARANTINED:
        return FileState.INFECTED
    if run_state is None:
        # Cancelled before its first run began, or announced a moment ago.
        return FileState.CANCELLED if batch.is_final else FileState.QUEUED
    return _OF_RUNS[RunState(run_state)]


def files_with_state(batch: Batch) -> QuerySet[BatchFile]:
    """Return the batch's files, each with `run_id`, `run_state`, `stage` and `stage_state`.

    They are those of the last run of the file's document, and of its first stage that is not done.
    """
    latest = Run.objects.filter(document=OuterRef("receipt__document")).order_by(*LATEST_FIRST)
    current = (
        StageRun.objects.filter(run=OuterRef("run_id"))
        .exclude(state=StageState.DONE)
        .order_by("position")
    )
    return (
        BatchFile.objects.filter(batch=batch)
        .annotate(
            run_id=Subquery(latest.values("pk")[:1]), run_state=Subquery(latest.values("state")[:1])
        )
        .annotate(
            stage=Subquery(current.values("stage")[:1]),
            stage_state=Subquery(current.values("state")[:1]),
        )
    )


def unfinished_files(batches: Iterable[Batch] | QuerySet[Batch]) -> QuerySet[BatchFile]:
    """Return the files that something will still happen to: not received, or in the pipeline.

    A file whose bytes were there before is over when their document is.
    """
    runs = Run.objects.filter(document=OuterRef("receipt__document"))
    in_work = Q(Exists(runs.filter(state__in=OPEN_STATES)))
    no_run = Q(receipt__document__isnull=False) & ~Q(Exists(runs))
    awaited = Q(receipt=None)
    goes_on = ~Q(batch__state=BatchState.CANCELLED)
    return BatchFile.objects.filter(batch__in=batches).filter(
        in_work | goes_on & (awaited | no_run)
    )
