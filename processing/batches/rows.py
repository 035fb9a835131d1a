"""A batch as its page shows it: bars of its stages, and a line for each file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from intake.models import Batch, BatchFile
from processing.batches.outcomes import TITLES, TONES, FileState, file_state
from processing.batches.progress import BatchProgress, StageCount
from processing.models import Run
from processing.progress import Progress, progress_of, runs_of_files

STATES: Final = {
    "open": ("Waiting for files", "wait"),
    "received": ("In work", "run"),
    "completed": ("Completed", "good"),
    "cancelled": ("Cancelled", ""),
}
PARTS: Final = ("done", "running", "waiting", "failed", "queued")
"""The parts of a stage's bar, from left to right."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One stage: its counts, and for each part of its bar where it begins and how long it is."""

    stage: StageCount
    parts: tuple[tuple[str, int, int], ...]

    @property
    def words(self) -> str:
        """The counts in words, for those who see no bar."""
        told = [f"{count} {name}" for name, _start, count in self.parts if count]
        return ", ".join(told) or "none yet"


@dataclass(frozen=True, slots=True)
class FileRow:
    """One file: where it is, why it waits or failed and since when, and what can be done."""

    file: BatchFile
    title: str
    tone: str
    why: str
    remediation: str
    progress: Progress | None


def stage_bars(progress: BatchProgress) -> list[Bar]:
    """Return the bars of the stages; their unit is one file."""
    return [_bar(stage) for stage in progress.stages]


def _bar(stage: StageCount) -> Bar:
    parts, start = [], 0
    for name in PARTS:
        count: int = getattr(stage, name)
        parts.append((name, start, count))
        start += count
    return Bar(stage, tuple(parts))


def file_rows(batch: Batch, files: Sequence[BatchFile]) -> list[FileRow]:
    """Return the lines of some files (receipts and documents joined), in two queries more."""
    runs = runs_of_files(files)
    return [_row(batch, file, _run_of(file, runs)) for file in files]


def _run_of(file: BatchFile, runs: Mapping[UUID, Run]) -> Run | None:
    document_id = file.receipt.document_id if file.receipt else None
    return runs.get(document_id) if document_id else None


def _row(batch: Batch, file: BatchFile, run: Run | None) -> FileRow:
    receipt = file.receipt
    state = file_state(
        batch=batch,
        has_receipt=file.receipt_id is not None,
        outcome=receipt.outcome if receipt else None,
        run_state=run.state if run else None,
    )
    progress = progress_of(run) if run else None
    refused = f"{receipt.message} ({receipt.code})" if receipt and receipt.code else ""
    known = "The same bytes were there before." if receipt and receipt.is_duplicate else ""
    why = refused or (progress.why if progress else "") or known
    return FileRow(
        file=file,
        title=TITLES[state],
        tone=TONES.get(state, ""),
        why=why or _why_awaited(batch, state),
        remediation=receipt.remediation if receipt else "",
        progress=progress,
    )


def _why_awaited(batch: Batch, state: FileState) -> str:
    if state is FileState.AWAITED:
        return f"Announced on {batch.created_at:%-d %b %Y, %H:%M} UTC and not received yet."
    return ""
