"""What a tenant has in its stores, counted there, and held against what the database says.

Objects are known to two apps: what was received to intake, what was derived to the pipeline. The
rows are the record: an object that no row names is left over, from an intake or a run that was
cut off; a row without its object is a loss that only a backup repairs.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from heapq import merge
from itertools import chain, groupby
from operator import itemgetter
from time import monotonic
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.functions import Collate

from audit.events import EventType
from audit.services import record_event
from frostbyte.kernel.errors import NotFoundError
from intake.models import Batch, Document, UploadPart
from intake.quotas import totals_get, totals_recount
from intake.uploads.appending import PREFIX as UPLOADS
from processing.batches.settling import report_key
from processing.clock import database_now
from processing.models import (
    OPEN_STATES,
    BatchReport,
    Resolution,
    Run,
    RunState,
    StageRun,
    StageState,
)
from processing.runner import payload_key
from processing.undoing import DERIVED
from tenants.context import registry_context, tenant_context
from tenants.models import StorageUsage, Tenant
from tenants.stores import for_tenant

PATIENCE: Final = timedelta(hours=1)
"""An object younger than this may belong to a file that is being taken in. It is judged by the
clocks of PostgreSQL and of the store: that of the machine that runs this may have been moved."""
RAW: Final = "raw/"
REPORTS: Final = "derived/batches/"
_SHOWN: Final = 1000
_ROWS: Final = 0
_BUCKET: Final = 1
_ROWS_AT_ONCE: Final = 2000

Entry = tuple[str, int | None]
"""An object's key and its size in bytes, as it was before it was sealed; None: not known."""


class DifferenceKind(StrEnum):
    """How the bucket and the rows differ."""

    MISSING = "missing"
    ORPHAN = "orphan"
    SIZE = "size"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Difference:
    """One key on which they differ, with the bytes that each side says."""

    kind: DifferenceKind
    key: str
    in_rows: int | None
    in_bucket: int | None


@dataclass(slots=True)
class Reconciliation:
    """What was counted and found. `differences` holds the first thousand; `counts` counts all.

    `young` objects have no row and may yet get one. `removed` orphans are gone.
    """

    tenant: str
    objects: int = 0
    object_bytes: int = 0
    documents: int = 0
    counts: Counter[DifferenceKind] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)
    young: int = 0
    removed: int = 0
    totals_wrong: bool = False
    repaired: bool = False

    @property
    def agrees(self) -> bool:
        """Whether bucket and rows agree now, after what was repaired."""
        orphans_left = self.counts[DifferenceKind.ORPHAN] - self.removed
        others = sum(self.counts.values()) - self.counts[DifferenceKind.ORPHAN]
        return not (orphans_left or others or (self.totals_wrong and not self.repaired))

    def note(self, difference: Difference) -> None:
        """Count a difference, and keep it if there are not too many."""
        self.counts[difference.kind] += 1
        if len(self.differences) < _SHOWN:
            self.differences.append(difference)


def storage_measure(*, tenant: Tenant) -> StorageUsage:
    """Count what the tenant has in its bucket and its schema, and keep the figures."""
    started = monotonic()
    with tenant_context(tenant):
        sizes = [stored for _key, stored in for_tenant(tenant).objects.stored_sizes()]
        return _record_usage(tenant, len(sizes), sum(sizes), started)


def storage_reconcile(
    *, tenant: Tenant, actor: str, repair: bool = False, patience: timedelta = PATIENCE
) -> Reconciliation:
    """Hold the bucket against the rows, keep the figures, and record what was found.

    With `repair` orphans older than `patience` are removed, each after one more look, and the
    totals that quotas are checked against are counted anew. Nothing that a row names is touched.
    Raises `ServiceUnavailableError` when a store does not answer.
    """
    started = monotonic()
    with tenant_context(tenant):
        result = _Comparison(tenant, patience=patience, repair=repair).run()
        _record_usage(tenant, result.objects, result.object_bytes, started)
    _record(tenant, actor, result)
    return result


class _Comparison:
    """One pass over bucket and rows, side by side in the order of their keys."""

    def __init__(self, tenant: Tenant, *, patience: timedelta, repair: bool) -> None:
        self.objects = for_tenant(tenant).objects
        self.patience = patience
        self.repair = repair
        self.now = database_now()
        self.result = Reconciliation(tenant.slug, repaired=repair)

    def run(self) -> Reconciliation:
        for key, sides in _joined(_rows(), self._stored()):
            if _ROWS not in sides:
                self._without_row(key, sides[_BUCKET])
            elif _BUCKET not in sides:
                self._without_object(key, sides[_ROWS])
            elif sides[_ROWS] is not None and sides[_ROWS] != sides[_BUCKET]:
                self._note(DifferenceKind.SIZE, key, sides[_ROWS], sides[_BUCKET])
        recounted = totals_recount(write=self.repair)
        self.result.documents = recounted.documents
        self.result.totals_wrong = not recounted.agreed
        return self.result

    def _stored(self) -> Iterator[Entry]:
        for key, stored in self.objects.stored_sizes():
            self.result.objects += 1
            self.result.object_bytes += stored
            yield key, self.objects.plain_size(stored)

    def _without_object(self, key: str, in_rows: int | None) -> None:
        if _is_named(key) and self._age(key) is None:
            self._note(DifferenceKind.MISSING, key, in_rows, None)

    def _without_row(self, key: str, in_bucket: int | None) -> None:
        if not key.startswith((RAW, DERIVED, UPLOADS)):
            # Nobody here put it there, so nobody removes it.
            self._note(DifferenceKind.UNKNOWN, key, None, in_bucket)
            return
        age = self._age(key)
        # Looked at again: rows may have come since they were read.
        if age is None or _is_named(key):
            return
        if age < self.patience:
            self.result.young += 1
            return
        self._note(DifferenceKind.ORPHAN, key, None, in_bucket)
        if self.repair:
            self.objects.delete(key)
            self.result.removed += 1

    def _age(self, key: str) -> timedelta | None:
        """Return how long ago the object was put, or None when it is not there."""
        try:
            return self.now - self.objects.head(key).modified_at
        except NotFoundError:
            return None

    def _note(
        self, kind: DifferenceKind, key: str, in_rows: int | None, in_bucket: int | None
    ) -> None:
        self.result.note(Difference(kind, key, in_rows, in_bucket))


def _rows() -> Iterator[Entry]:
    """Yield what the rows name, in the order of the keys."""
    derived = merge(_derived_rows(), _report_rows(), key=itemgetter(0))
    yield from chain(derived, _raw_rows(), _upload_rows())


def _report_rows() -> Iterator[Entry]:
    reports = BatchReport.objects.order_by("batch_id").values_list("batch_id", "size_bytes")
    for batch_id, size in reports.iterator(_ROWS_AT_ONCE):
        yield report_key(batch_id), size


def _raw_rows() -> Iterator[Entry]:
    rows = Document.objects.order_by(Collate("raw_key", "C"))
    yield from rows.values_list("raw_key", "size_bytes").iterator(_ROWS_AT_ONCE)


def _derived_rows() -> Iterator[Entry]:
    done = _kept_stages()
    ordered = done.order_by("run_id", Collate("stage", "C")).values_list("run_id", "stage")
    for run_id, stage in ordered.iterator(_ROWS_AT_ONCE):
        yield payload_key(run_id, stage), None


def _kept_stages() -> QuerySet[StageRun]:
    """Return the stages whose objects are kept: done ones, of runs that have not been closed."""
    closed = Q(run__state=RunState.CANCELLED) | Q(run__resolution=Resolution.ABANDONED)
    return StageRun.objects.filter(state=StageState.DONE).exclude(closed)


def _joined(
    rows: Iterable[Entry], stored: Iterable[Entry]
) -> Iterator[tuple[str, dict[int, int | None]]]:
    """Yield each key of either side, in order, with the size that each side knows it with."""
    entries = merge(
        ((key, _ROWS, size) for key, size in rows),
        ((key, _BUCKET, size) for key, size in stored),
        key=itemgetter(0),
    )
    for key, group in groupby(entries, key=itemgetter(0)):
        yield key, {side: size for _key, side, size in group}


def _upload_rows() -> Iterator[Entry]:
    rows = UploadPart.objects.order_by(Collate("key", "C"))
    yield from rows.values_list("key", "size_bytes").iterator(_ROWS_AT_ONCE)


def _is_named(key: str) -> bool:
    """Whether a row names the object: its document, its stage, or a run that may be writing it."""
    if key.startswith(RAW):
        return Document.objects.filter(raw_key=key).exists()
    if key.startswith(UPLOADS):
        return UploadPart.objects.filter(key=key).exists()
    if key.startswith(REPORTS):
        batch_id = _id_at_start(key.removeprefix(REPORTS))
        return batch_id is not None and Batch.objects.filter(pk=batch_id).exists()
    path = key.removeprefix(DERIVED)
    run_id = _id_at_start(path)
    return run_id is not None and _is_kept(run_id, path.partition("/")[2].removesuffix(".json"))


def _is_kept(run_id: UUID, stage: str) -> bool:
    if Run.objects.filter(pk=run_id, state__in=OPEN_STATES).exists():
        return True
    return _kept_stages().filter(run_id=run_id, stage=stage).exists()


def _id_at_start(path: str) -> UUID | None:
    try:
        return UUID(path.partition("/")[0])
    except ValueError:
        return None


def _record_usage(tenant: Tenant, objects: int, object_bytes: int, started: float) -> StorageUsage:
    totals = totals_get()
    figures = {
        "measured_at": database_now(),
        "documents": totals.documents,
        "document_bytes": totals.size_bytes,
        "objects_stored": objects,
        "object_bytes": object_bytes,
        "database_bytes": _schema_bytes(),
        "vectors": for_tenant(tenant).vectors.count(),
        "duration_ms": round((monotonic() - started) * 1000),
    }
    with registry_context():
        usage, _made = StorageUsage.objects.update_or_create(tenant=tenant, defaults=figures)
    return usage


def _schema_bytes() -> int:
    """Return the bytes of the tables of the schema in force, with their indexes."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class"
            " WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'm')"
        )
        return int(cursor.fetchone()[0])


def _record(tenant: Tenant, actor: str, result: Reconciliation) -> None:
    record_event(
        tenant=tenant.slug,
        event_type=EventType.STORAGE_RECONCILED,
        actor=actor,
        resource_type="tenant",
        resource_id=tenant.slug,
        details={
            "component": "storage",
            "objects": result.objects,
            "documents": result.documents,
            "differences": {kind.value: result.counts[kind] for kind in DifferenceKind},
            "removed": result.removed,
            "totals_wrong": result.totals_wrong,
            "repair": result.repaired,
        },
    )
