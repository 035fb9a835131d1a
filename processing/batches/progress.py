"""How far a batch has come: counts by stage and outcome, and what has waited longest and why."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import BooleanField, Count, ExpressionWrapper, F, Q

from frostbyte.kernel.hashing import canonical_json, sha256_hex
from intake.models import Batch, BatchFile
from processing.batches.outcomes import TITLES as OUTCOME_TITLES
from processing.batches.outcomes import FileState, file_state, files_with_state
from processing.models import Run, RunState, StageState
from processing.pipeline import STAGE_NAMES
from processing.progress import TITLES, progress_of

IN_WORK: Final = frozenset(
    {FileState.AWAITED, FileState.QUEUED, FileState.RUNNING, FileState.WAITING}
)
_ID_DIGITS: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCount:
    """How many files have this stage behind them, and how many are in it, by state."""

    name: str
    title: str
    done: int = 0
    queued: int = 0
    running: int = 0
    waiting: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What has waited longest: the sender's id of the file, why, and since when."""

    file_id: str
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchProgress:
    """Where a batch is. `over` files are those to which nothing more happens by itself.

    `outcomes` counts the files by `FileState`; `final` says that the batch is over and, but for a
    cancelled one whose last stages still run, has its report.
    """

    state: str
    final: bool
    files: int
    over: int
    outcomes: Mapping[str, int]
    stages: tuple[StageCount, ...]
    waiting: Waiting | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values; times as ISO 8601."""
        waiting = self.waiting
        return {
            "state": self.state,
            "final": self.final,
            "files": self.files,
            "over": self.over,
            "outcomes": dict(self.outcomes),
            "stages": [
                {name: getattr(stage, name) for name in StageCount.__slots__}
                for stage in self.stages
            ],
            "waiting": waiting
            and {
                "file_id": waiting.file_id,
                "reason": waiting.reason,
                "since": waiting.since.isoformat(),
            },
        }

    @property
    def version(self) -> str:
        """A name of this state: the same for the same state, another for any other."""
        return sha256_hex(canonical_json(self.as_json()))[:_ID_DIGITS]

    @property
    def outcome_rows(self) -> list[tuple[FileState, str, int]]:
        """The outcomes that there are, in the order of their titles."""
        return [
            (state, title, self.outcomes[state])
            for state, title in OUTCOME_TITLES.items()
            if self.outcomes.get(state)
        ]


def batch_progress(batch: Batch) -> BatchProgress:
    """Return where the batch is, of what the reader sees, in at most five queries."""
    groups = list(_groups(batch))
    outcomes: Counter[str] = Counter()
    for group in groups:
        outcomes[_state(batch, group).value] += group["files"]
    over = sum(count for state, count in outcomes.items() if FileState(state) not in IN_WORK)
    return BatchProgress(
        state=batch.state,
        final=batch.is_final and over == outcomes.total(),
        files=batch.file_count,
        over=over,
        outcomes=dict(sorted(outcomes.items())),
        stages=_stages(groups),
        waiting=_oldest(batch) if over < outcomes.total() else None,
    )


def _groups(batch: Batch) -> Any:
    return (
        files_with_state(batch)
        .annotate(has=ExpressionWrapper(Q(receipt__isnull=False), output_field=BooleanField()))
        .values("receipt__outcome", "run_state", "stage", "stage_state", "has")
        .order_by()
        .annotate(files=Count("pk"))
    )


def _state(batch: Batch, group: Mapping[str, Any]) -> FileState:
    return file_state(
        batch=batch,
        has_receipt=group["has"],
        outcome=group["receipt__outcome"],
        run_state=group["run_state"],
    )


def _stages(groups: list[dict[str, Any]]) -> tuple[StageCount, ...]:
    counts = {name: Counter[str]() for name in STAGE_NAMES}
    for group in groups:
        if group["run_state"] is None:
            continue
        at = group["stage"]
        behind = STAGE_NAMES if at is None else STAGE_NAMES[: STAGE_NAMES.index(at)]
        for name in behind:
            counts[name]["done"] += group["files"]
        if at is not None and group["run_state"] != RunState.CANCELLED:
            counts[at][_word(group["stage_state"])] += group["files"]
    return tuple(StageCount(name=name, title=TITLES[name], **counts[name]) for name in STAGE_NAMES)


def _word(stage_state: str) -> str:
    return "queued" if stage_state == StageState.PENDING else stage_state


def _oldest(batch: Batch) -> Waiting | None:
    """Return the file that has not moved for longest: what was not received, else a run."""
    missing = BatchFile.objects.filter(batch=batch, receipt=None).order_by("position").first()
    if missing is not None and not batch.is_final:
        return Waiting(
            file_id=missing.file_id,
            reason="Announced and not received yet.",
            since=batch.created_at,
        )
    run = _oldest_run(batch)
    if run is None:
        return None
    stages = [stage for stage in progress_of(run).stages if stage.reason and stage.since]
    if not stages or stages[0].since is None:
        return None
    return Waiting(file_id=run.file_id, reason=stages[0].reason, since=stages[0].since)  # type: ignore[attr-defined]


def _oldest_run(batch: Batch) -> Run | None:
    still = (RunState.QUEUED, RunState.WAITING)
    return (
        Run.objects.filter(document__receipts__batch_file__batch=batch, state__in=still)
        .annotate(file_id=F("document__receipts__batch_file__file_id"))
        .order_by("changed_at", "created_at")
        .prefetch_related("stages")
        .first()
    )
