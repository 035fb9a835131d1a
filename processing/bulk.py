"""Taking in many files from this machine and following each to its end."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from celery import current_app
from kombu.exceptions import OperationalError

from intake.models import DEFAULT_COLLECTION, Outcome, Receipt
from intake.services import document_receive
from processing.models import Chunk, Run, RunState
from processing.progress import latest_runs
from processing.runner import run_advance
from processing.selectors import run_of
from tenants.lifecycle.gate import require_active
from tenants.models import Tenant

POLL_SECONDS: Final = 0.25
WORKER_PING_SECONDS: Final = 0.7


@dataclass(slots=True)
class FileOutcome:
    """What became of one file: `outcome` in a word, `code` and `detail` where it went wrong."""

    path: Path
    receipt: Receipt
    outcome: str = "waiting"
    code: str = ""
    detail: str = ""
    chunks: int = 0
    seconds: float = 0.0
    started: float = field(default_factory=time.monotonic)

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to the file by itself."""
        return self.outcome != "waiting"


def files_under(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield every file that is named or lies under a named folder, hidden ones left out."""
    for path in paths:
        if path.is_dir():
            yield from sorted(
                child
                for child in path.rglob("*")
                if child.is_file() and not any(p.startswith(".") for p in child.parts[-1:])
            )
        else:
            yield path


def worker_is_there() -> bool:
    """Return whether a worker answers on the broker; without one, the work is done here."""
    try:
        return bool(current_app.control.ping(timeout=WORKER_PING_SECONDS))
    except (OSError, OperationalError):
        return False


def ingest_files(
    *,
    tenant: Tenant,
    paths: Iterable[Path],
    actor: str,
    collection: str = DEFAULT_COLLECTION,
    on_change: Callable[[FileOutcome], None] = lambda _outcome: None,
) -> list[FileOutcome]:
    """Take in files, inside the tenant's context, and return when each has its outcome.

    Where a worker runs it does the stages; otherwise this process does. `on_change` is called
    when a file is received and when it is final. Raises `TenantSuspendedError` as soon as the
    tenant is stopped; what was received by then waits for its return.
    """
    with_worker = worker_is_there()
    outcomes = []
    for path in paths:
        outcome = _receive(tenant, path, actor, collection)
        outcomes.append(outcome)
        if not outcome.is_final and not with_worker:
            _process_here(tenant, outcome)
        on_change(outcome)
    _follow(tenant, [outcome for outcome in outcomes if not outcome.is_final], on_change)
    return outcomes


def _receive(tenant: Tenant, path: Path, actor: str, collection: str) -> FileOutcome:
    require_active(tenant)
    started = time.monotonic()
    with path.open("rb") as stream:
        receipt = document_receive(
            tenant=tenant, filename=path.name, stream=stream, actor=actor, collection=collection
        )
    outcome = FileOutcome(path=path, receipt=receipt, started=started)
    if receipt.outcome != Outcome.ACCEPTED:
        outcome.outcome, outcome.code = receipt.outcome, receipt.code
        outcome.detail = f"{receipt.message} {receipt.remediation}".strip()
        outcome.seconds = time.monotonic() - started
    else:
        _look([outcome])
    return outcome


def _process_here(tenant: Tenant, outcome: FileOutcome) -> None:
    document_id = outcome.receipt.document_id
    run = run_of(document_id=document_id) if document_id else None
    if run is None:
        raise LookupError("An accepted file has no run.")
    while not run.is_final:
        run = run_advance(tenant=tenant, run_id=run.pk)
        if not run.is_final:
            require_active(tenant)
            time.sleep(POLL_SECONDS)
    _look([outcome])


def _follow(
    tenant: Tenant, open_outcomes: list[FileOutcome], on_change: Callable[[FileOutcome], None]
) -> None:
    while open_outcomes:
        time.sleep(POLL_SECONDS)
        require_active(tenant)
        for outcome in _look(open_outcomes):
            on_change(outcome)
        open_outcomes = [outcome for outcome in open_outcomes if not outcome.is_final]


def _look(outcomes: Sequence[FileOutcome]) -> list[FileOutcome]:
    """Write down the end of each outcome whose document's run has ended, and return those."""
    runs = latest_runs(pk for each in outcomes if (pk := each.receipt.document_id))
    ended = []
    for each in outcomes:
        run = runs.get(each.receipt.document_id) if each.receipt.document_id else None
        if run and run.is_final:
            _write_end(each, run)
            ended.append(each)
    return ended


def _write_end(outcome: FileOutcome, run: Run) -> None:
    outcome.outcome = "duplicate" if outcome.receipt.is_duplicate else run.state
    outcome.code, outcome.detail = run.error_code, f"{run.error_message} {run.remediation}".strip()
    outcome.chunks = Chunk.objects.filter(run=run).count()
    if run.state == RunState.PUBLISHED and outcome.chunks == 0:
        outcome.detail = "It has no text that can be searched; its page says what was left out."
    outcome.seconds = time.monotonic() - outcome.started
    if run.state == RunState.PUBLISHED and not outcome.receipt.is_duplicate and run.finished_at:
        outcome.seconds = (run.finished_at - outcome.receipt.created_at).total_seconds()
