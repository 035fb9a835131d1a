"""The acceptance report: for each file of a batch what became of it, and what its sender can do.

It holds file names, hashes, counts and reasons, never content. Its bytes are canonical JSON
(RFC 8785): the same report is the same bytes, with the same SHA-256, wherever it is written.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import msgspec

REPORT_TYPE: Final = "frostbyte-report-1"
"""The `type` of a signed report: its number changes when the members do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFacts:
    """The batch as it was announced and when it was over."""

    id: str
    reference: str
    state: str
    collection: str
    priority: int
    manifest_sha256: str
    created_at: datetime
    received_at: datetime | None
    completed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Counts over the whole batch. `redactions` are spans that a gate took out."""

    files: int
    size_bytes: int
    accepted: int
    rejected: int
    quarantined: int
    missing: int
    duplicates: int
    published: int
    pages: int
    ocr_pages: int
    chunks: int
    dropped: int
    redactions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeCount:
    """How many files ended in one way."""

    outcome: str
    title: str
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One kind of trouble, however often it came: `where` it arose and what can be done about it.

    `files` are the files that have it, `occurrences` all its cases; `examples` are the ids of the
    first few files.
    """

    where: str
    code: str
    message: str
    remediation: str
    files: int
    occurrences: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptFacts:
    """The receipt of a file; `signature` is the receipt's own, by the key of `signing_key`."""

    id: str
    outcome: str
    scan: str
    code: str
    reason: str
    message: str
    remediation: str
    duplicate: bool
    created_at: datetime
    signature: str
    signing_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """Content of one kind that was in the file and is not in the text; `count` pieces of it.

    `pages` names the first pages where it stood; none where the format has no pages.
    """

    element: str
    reason: str
    remediation: str
    count: int
    pages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsing:
    """What was read of a file. `state` is that of the stage."""

    state: str
    pages: int = 0
    ocr_pages: int = 0
    sections: int = 0
    tables: int = 0
    chunks: int = 0
    parser: str = ""
    parser_version: str = ""
    dropped: tuple[Dropped, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One policy gate's verdict: kinds and counts of what it found, never values."""

    gate: str
    version: str
    outcome: str
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the gates decided, under which version of the tenant's configuration."""

    state: str
    configuration_version: int = 0
    gates: tuple[Gate, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexing:
    """What of the file can be found: so many passages, embedded by this model."""

    state: str
    chunks: int = 0
    model: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a file did not get to the end, at which stage, and what can be done."""

    stage: str
    code: str
    message: str
    remediation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """One file. Hashes are SHA-256: of its bytes, and of the canonical document made of them."""

    position: int
    file_id: str
    filename: str
    size_bytes: int
    outcome: str
    raw_sha256: str
    canonical_sha256: str = ""
    document_id: str = ""
    document_version: int = 0
    receipt: ReceiptFacts | None = None
    parsing: Parsing | None = None
    policy: Policy | None = None
    indexing: Indexing | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The whole report."""

    type: str
    tenant: str
    batch: BatchFacts
    totals: Totals
    outcomes: tuple[OutcomeCount, ...]
    troubles: tuple[Trouble, ...]
    files: tuple[FileReport, ...]


def report_document(report: Report) -> dict[str, Any]:
    """Return the report as JSON values, as it is signed."""
    document: dict[str, Any] = msgspec.to_builtins(report)
    return document


def decode_report(data: bytes) -> Report:
    """Read a report back; raises `msgspec.ValidationError` when it does not fit."""
    return msgspec.json.decode(data, type=Report)


_EXAMPLES: Final = 5


@dataclass(slots=True)
class _Cases:
    """The cases of one trouble, as they come."""

    messages: set[str] = field(default_factory=set)
    file_ids: dict[str, None] = field(default_factory=dict)
    occurrences: int = 0


def troubles_of(files: Iterable[FileReport]) -> tuple[Trouble, ...]:
    """Return the troubles of all files, equal ones as one, those of most files first.

    Equal are those of one place and code with the same remediation: the numbers in a message may
    differ, and then the code stands for it.
    """
    found: dict[tuple[str, str, str], _Cases] = {}
    for file in files:
        for where, code, message, remediation, count in _troubles(file):
            cases = found.setdefault((where, code, remediation), _Cases())
            cases.messages.add(message)
            cases.file_ids[file.file_id] = None
            cases.occurrences += count
    listed = [_trouble(key, cases) for key, cases in found.items()]
    return tuple(sorted(listed, key=lambda each: (-each.files, each.where, each.code)))


def _trouble(key: tuple[str, str, str], cases: _Cases) -> Trouble:
    where, code, remediation = key
    same = next(iter(cases.messages)) if len(cases.messages) == 1 else ""
    return Trouble(
        where=where,
        code=code,
        message=same or f"{code.replace('_', ' ').capitalize()}.",
        remediation=remediation,
        files=len(cases.file_ids),
        occurrences=cases.occurrences,
        examples=tuple(cases.file_ids)[:_EXAMPLES],
    )


def _troubles(file: FileReport) -> Iterable[tuple[str, str, str, str, int]]:
    """Yield where, code, message, remediation and number of cases of each trouble of a file."""
    receipt = file.receipt
    if receipt is None:
        yield "intake", "NOT_RECEIVED", "Announced and never received.", RESEND, 1
    elif receipt.code:
        yield "intake", receipt.code, receipt.message, receipt.remediation, 1
    if file.failure:
        failure = file.failure
        yield (
            _AREAS.get(failure.stage, "indexing"),
            failure.code,
            failure.message,
            (failure.remediation),
            1,
        )
    for dropped in file.parsing.dropped if file.parsing else ():
        yield "content", dropped.element, dropped.reason, dropped.remediation, dropped.count


RESEND: Final = "Send the file in a new batch."
_AREAS: Final = {"intake": "intake", "parse": "parsing", "policy": "policy"}
