"""How far a document has come, in words for people: for the list, its polling, and its page."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.utils import timezone

from intake.models import BatchFile, Document
from processing.models import LATEST_FIRST, Run, RunState, StageRun, StageState
from processing.pipeline import STAGE_NAMES

TITLES: Final = {
    "intake": "Received",
    "parse": "Read",
    "policy": "Checked for personal data",
    "embed": "Embedded",
    "store": "Stored",
    "serve": "Searchable",
}
_LABELS: Final = {
    RunState.QUEUED: ("Queued", ""),
    RunState.RUNNING: ("In work", "run"),
    RunState.WAITING: ("Waiting", "wait"),
    RunState.PUBLISHED: ("Searchable", "good"),
    RunState.FAILED: ("Failed", "bad"),
    RunState.QUARANTINED: ("Held back", "bad"),
    RunState.CANCELLED: ("Cancelled", ""),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StageView:
    """One stage: its state, a sentence that names both for those who see no bar, and its last try.

    `reason` says why it waits or failed, `since` when that began; `seconds` is the try's length.
    """

    name: str
    title: str
    state: str
    text: str
    attempt: int = 0
    seconds: float | None = None
    reason: str = ""
    since: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A document's state: a label, why it waits or failed, and its stages in order."""

    label: str
    tone: str
    why: str
    final: bool
    stages: tuple[StageView, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """Return what the page asks for while it waits; times as ISO 8601."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A line of the list."""

    document: Document
    kind: str
    progress: Progress


def progress_of(run: Run | None) -> Progress:
    """Return the progress of a document's latest run (stages prefetched); None: none has begun."""
    rows = {} if run is None else {row.stage: row for row in run.stages.all()}
    state = RunState.QUEUED if run is None else RunState(run.state)
    label, tone = _LABELS[state]
    return Progress(
        label=label,
        tone=tone,
        why="" if run is None else _why(run, rows),
        final=run is not None and run.is_final,
        stages=tuple(_stage(name, rows.get(name), run) for name in STAGE_NAMES),
    )


def _stage(name: str, row: StageRun | None, run: Run | None) -> StageView:
    if row is None or run is None:
        state = StageState.PENDING
        return StageView(
            name=name, title=TITLES[name], state=state.value, text=_stage_text(state, None)
        )
    state = StageState(row.state)
    reason, since = _reason(run, row, state)
    return StageView(
        name=name,
        title=TITLES[name],
        state=state.value,
        text=_stage_text(state, row),
        attempt=row.attempt,
        seconds=row.seconds,
        reason=reason,
        since=since,
        finished_at=row.finished_at if state is StageState.DONE else None,
    )


def _reason(run: Run, row: StageRun, state: StageState) -> tuple[str, datetime | None]:
    """Return why a stage does not move, and since when."""
    if state is StageState.WAITING:
        return _why_waiting(run, {row.stage: row}), row.finished_at
    if state is StageState.FAILED:
        return row.error_message, row.finished_at
    if state is StageState.PENDING and run.state == RunState.QUEUED:
        return "Waits for a free worker.", run.created_at
    return "", row.started_at


def _stage_text(state: StageState, row: StageRun | None) -> str:
    if row is None or state is StageState.PENDING:
        return "not yet"
    if state is StageState.DONE:
        return "done" if row.seconds is None else f"done in {row.seconds:.1f} s"
    if state is StageState.FAILED:
        return f"failed ({row.error_code})"
    return f"{state.value}, try {max(row.attempt, 1)}"


def _why(run: Run, rows: dict[str, StageRun]) -> str:
    if run.state == RunState.QUEUED:
        return f"Waits for a free worker since {_clock(run.created_at)}."
    if run.state == RunState.WAITING:
        return _why_waiting(run, rows)
    if run.is_final and run.error_message:
        return " ".join(filter(None, (run.error_message, run.remediation, f"({run.error_code})")))
    return ""


def _why_waiting(run: Run, rows: dict[str, StageRun]) -> str:
    stage = next((row for row in rows.values() if row.state == StageState.WAITING), None)
    if stage is None:
        return f"Waits since {_clock(run.changed_at)}."
    cause = stage.error_message or "The last try did not succeed."
    tries = "once" if stage.attempt == 1 else f"{stage.attempt} times"
    return f"{cause} Tried {tries}; goes on at {_clock(stage.due_at)}."


def _clock(moment: datetime) -> str:
    at = timezone.localtime(moment, timezone.get_default_timezone())
    same_day = at.date() == timezone.localdate(timezone=timezone.get_default_timezone())
    return f"{at:%H:%M:%S} UTC" if same_day else f"{at:%-d %b %Y, %H:%M} UTC"


def latest_runs(document_ids: Iterable[UUID]) -> dict[UUID, Run]:
    """Return the last run of each document that has one, stages included, in two queries."""
    runs = (
        Run.objects.filter(document_id__in=list(document_ids))
        .order_by("document_id", *LATEST_FIRST)
        .distinct("document_id")
        .prefetch_related("stages")
    )
    return {run.document_id: run for run in runs}


def runs_of_files(files: Iterable[BatchFile]) -> dict[UUID, Run]:
    """Return the same for the documents of a batch's files (receipts joined)."""
    return latest_runs(pk for file in files if file.receipt and (pk := file.receipt.document_id))


def published_run(document: Document) -> Run | None:
    """Return the run whose passages are visible, stages included; a later one may be in work."""
    if document.published_run_id is None:
        return None
    return Run.objects.filter(pk=document.published_run_id).prefetch_related("stages").first()
