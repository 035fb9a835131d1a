"""Making the acceptance report of a batch from its rows: a fixed number of queries, no object."""

from collections import Counter
from datetime import datetime
from typing import Any
from uuid import UUID

from intake.models import Batch, BatchFile, Outcome, Receipt
from processing.batches.outcomes import TITLES, FileState, file_state
from processing.batches.report import (
    REPORT_TYPE,
    BatchFacts,
    Dropped,
    Failure,
    FileReport,
    Gate,
    Indexing,
    OutcomeCount,
    Parsing,
    Policy,
    ReceiptFacts,
    Report,
    Totals,
    troubles_of,
)
from processing.models import Run, RunState, StageRun, StageState
from processing.progress import runs_of_files
from tenants.models import Tenant


def report_build(*, tenant: Tenant, batch: Batch, completed_at: datetime) -> Report:
    """Return the report of a batch whose files are all over, in three queries."""
    rows = list(BatchFile.objects.filter(batch=batch).select_related("receipt__document"))
    runs = runs_of_files(rows)
    files = tuple(_file(batch, row, runs) for row in sorted(rows, key=lambda row: row.position))
    return Report(
        type=REPORT_TYPE,
        tenant=tenant.slug,
        batch=_batch(batch, completed_at),
        totals=_totals(files),
        outcomes=_outcomes(files),
        troubles=troubles_of(files),
        files=files,
    )


def _batch(batch: Batch, completed_at: datetime) -> BatchFacts:
    return BatchFacts(
        id=str(batch.pk),
        reference=batch.reference,
        state=batch.state,
        collection=batch.collection.name,
        priority=batch.priority,
        manifest_sha256=batch.manifest_sha256,
        created_at=batch.created_at,
        received_at=batch.received_at,
        completed_at=completed_at,
    )


def _file(batch: Batch, row: BatchFile, runs: dict[UUID, Run]) -> FileReport:
    receipt = row.receipt
    document = receipt.document if receipt else None
    run = runs.get(document.pk) if document else None
    stages = {stage.stage: stage for stage in run.stages.all()} if run else {}
    parsing = _parsing(stages.get("parse"))
    return FileReport(
        position=row.position,
        file_id=row.file_id,
        filename=row.filename,
        size_bytes=receipt.size_bytes if receipt else row.size_bytes,
        outcome=_outcome(batch, receipt, run, parsing).value,
        raw_sha256=receipt.sha256 if receipt else row.sha256,
        canonical_sha256=stages["parse"].output_hash if "parse" in stages else "",
        document_id=str(document.pk) if document else "",
        document_version=document.version if document else 0,
        receipt=_receipt(receipt) if receipt else None,
        parsing=parsing,
        policy=_policy(run, stages.get("policy")),
        indexing=_indexing(run, stages.get("store")),
        failure=_failure(run, stages) if run else None,
    )


def _outcome(
    batch: Batch, receipt: Receipt | None, run: Run | None, parsing: Parsing | None
) -> FileState:
    state = file_state(
        batch=batch,
        has_receipt=receipt is not None,
        outcome=receipt.outcome if receipt else None,
        run_state=run.state if run else None,
    )
    if state is FileState.PUBLISHED and parsing and parsing.dropped:
        return FileState.PARTIAL
    return FileState.MISSING if state is FileState.AWAITED else state


def _receipt(receipt: Receipt) -> ReceiptFacts:
    return ReceiptFacts(
        id=str(receipt.pk),
        outcome=receipt.outcome,
        scan=receipt.scan,
        code=receipt.code,
        reason=receipt.reason,
        message=receipt.message,
        remediation=receipt.remediation,
        duplicate=receipt.is_duplicate,
        created_at=receipt.created_at,
        signature=receipt.signature,
        signing_key=receipt.signing_key,
    )


def _parsing(stage: StageRun | None) -> Parsing | None:
    if stage is None:
        return None
    told: dict[str, Any] = stage.summary
    counts = {name: told.get(name, 0) for name in _PARSED}
    dropped = tuple(
        Dropped(**{**each, "pages": tuple(each["pages"])}) for each in told.get("dropped_kinds", ())
    )
    return Parsing(
        state=stage.state,
        parser=told.get("parser", ""),
        parser_version=told.get("parser_version", ""),
        dropped=dropped,
        **counts,
    )


_PARSED = ("pages", "ocr_pages", "sections", "tables", "chunks")


def _policy(run: Run | None, stage: StageRun | None) -> Policy | None:
    if run is None or stage is None:
        return None
    gates = tuple(Gate(**gate) for gate in stage.summary.get("gates", ()))
    return Policy(state=stage.state, configuration_version=run.configuration_version, gates=gates)


def _indexing(run: Run | None, stage: StageRun | None) -> Indexing | None:
    if run is None or stage is None:
        return None
    if run.state != RunState.PUBLISHED:
        return Indexing(state=stage.state)
    told = stage.summary
    return Indexing(state=run.state, chunks=told.get("chunks", 0), model=told.get("model", ""))


def _failure(run: Run, stages: dict[str, StageRun]) -> Failure | None:
    if not run.error_code or run.state == RunState.PUBLISHED:
        return None
    at = next((name for name, each in stages.items() if each.state != StageState.DONE), "")
    return Failure(
        stage=at, code=run.error_code, message=run.error_message, remediation=run.remediation
    )


def _totals(files: tuple[FileReport, ...]) -> Totals:
    outcomes = Counter(file.receipt.outcome if file.receipt else "" for file in files)
    parsed = [file.parsing for file in files if file.parsing]
    ended = Counter(file.outcome for file in files)
    return Totals(
        files=len(files),
        size_bytes=sum(file.size_bytes for file in files),
        accepted=outcomes[Outcome.ACCEPTED],
        rejected=outcomes[Outcome.REJECTED],
        quarantined=outcomes[Outcome.QUARANTINED],
        missing=outcomes[""],
        duplicates=sum(1 for file in files if file.receipt and file.receipt.duplicate),
        published=ended[FileState.PUBLISHED] + ended[FileState.PARTIAL],
        pages=sum(each.pages for each in parsed),
        ocr_pages=sum(each.ocr_pages for each in parsed),
        chunks=sum(file.indexing.chunks for file in files if file.indexing),
        dropped=sum(kind.count for each in parsed for kind in each.dropped),
        redactions=sum(_redactions(file.policy) for file in files if file.policy),
    )


def _redactions(policy: Policy) -> int:
    return sum(sum(gate.counts.values()) for gate in policy.gates if gate.outcome == "redacted")


def _outcomes(files: tuple[FileReport, ...]) -> tuple[OutcomeCount, ...]:
    counted = Counter(file.outcome for file in files)
    return tuple(
        OutcomeCount(outcome=state.value, title=title, files=counted[state.value])
        for state, title in TITLES.items()
        if counted[state.value]
    )
