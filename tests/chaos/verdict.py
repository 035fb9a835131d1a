"""Counting what was lost, doubled or stuck, in rows, vectors, objects and audit events."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from audit.models import AuditEvent
from audit.verification import chain_verify
from frostbyte.kernel.errors import FrostbyteError
from frostbyte.kernel.hashing import sha256_hex
from intake.models import Document
from processing.models import OPEN_STATES, Chunk, Run, RunState, StageRun, StageState
from processing.runner import payload_key
from tenants.context import tenant_context
from tenants.models import Tenant
from tenants.stores import for_tenant

Accepted = Mapping[int, Mapping[UUID, str]]
"""By a tenant's row id: the SHA-256 of each document that was accepted, by the document's id."""


@dataclass
class Verdict:
    """What became of all documents that were accepted. `found` names each fault once."""

    documents: int = 0
    published: int = 0
    lost: int = 0
    doubled: int = 0
    stuck: int = 0
    given_up: dict[str, int] = field(default_factory=dict)
    """Runs that ended without being published, by code: final, with a reason, and told of."""
    left_over: int = 0
    """Objects under raw/ that no row names: an intake that was cut off. Nobody sees them."""
    found: list[str] = field(default_factory=list)

    def note(self, kind: str, what: str) -> None:
        """Count one fault of a kind: `lost`, `doubled` or `stuck`."""
        setattr(self, kind, getattr(self, kind) + 1)
        self.found.append(f"{kind}: {what}")


def verdict(tenants: Iterable[Tenant], accepted: Accepted) -> Verdict:
    """Count over the tenants, with every store read again."""
    result = Verdict()
    for tenant in tenants:
        with tenant_context(tenant):
            _count_documents(result, tenant, accepted.get(tenant.pk, {}))
            _count_rows(result, tenant)
            _count_objects(result, tenant)
            _count_events(result, tenant)
            if not chain_verify(tenant=tenant.slug).valid:
                result.note("lost", f"the audit chain of {tenant.slug} does not hold")
    return result


def _count_documents(result: Verdict, tenant: Tenant, accepted: Mapping[UUID, str]) -> None:
    objects = for_tenant(tenant).objects
    runs = {run.document_id: run for run in Run.objects.order_by("created_at")}
    for document_id, sha256 in accepted.items():
        result.documents += 1
        document = Document.objects.filter(pk=document_id, sha256=sha256).first()
        if document is None:
            result.note("lost", f"document {document_id} has no row")
            continue
        try:
            intact = sha256_hex(objects.get(document.raw_key)) == sha256
        except FrostbyteError:
            intact = False
        if not intact:
            result.note("lost", f"document {document_id} has not its bytes")
        _count_end(result, document, runs.get(document_id))


def _count_end(result: Verdict, document: Document, run: Run | None) -> None:
    if run is None:
        result.note("lost", f"document {document.pk} has no run")
    elif run.state in OPEN_STATES:
        stage = run.stages.exclude(state=StageState.DONE).order_by("position").first()
        at = "no stage" if stage is None else f"{stage.stage} {stage.state} due {stage.due_at}"
        result.note("stuck", f"run {run.pk} is {run.state}: {at} {run.error_code}")
    elif run.state != RunState.PUBLISHED:
        code = run.error_code or run.state
        result.given_up[code] = result.given_up.get(code, 0) + 1
    elif document.published_run_id != run.pk:
        result.note("lost", f"run {run.pk} is published and not visible")
    else:
        result.published += 1


def _count_rows(result: Verdict, tenant: Tenant) -> None:
    """Every document has one run, and of it one row and one visible vector a passage."""
    several = Counter(Run.objects.values_list("document_id", flat=True))
    for document_id, count in several.items():
        if count > 1:
            result.note("doubled", f"document {document_id} has {count} runs")
    chunks = list(Chunk.objects.values_list("document_id", "run_id", "chunk_id", "id"))
    published = dict(Document.objects.values_list("pk", "published_run_id"))
    for passage, count in Counter((row[0], row[2]) for row in chunks).items():
        if count > 1:
            result.note("doubled", f"passage {passage[1]} of {passage[0]} has {count} rows")
    visible = {row[3] for row in chunks if published.get(row[0]) == row[1]}
    points = {point.point_id for point in for_tenant(tenant).vectors.snapshot()}
    if hidden := len(points - {row[3] for row in chunks}):
        result.note("doubled", f"{hidden} vectors have no passage")
    if without := len(visible - points):
        result.note("lost", f"{without} passages have no vector")


def _count_objects(result: Verdict, tenant: Tenant) -> None:
    """Every row has its object; an object of a stage has its stage."""
    objects = for_tenant(tenant).objects
    stored_raw = set(objects.list("raw/"))
    result.left_over += len(stored_raw - set(Document.objects.values_list("raw_key", flat=True)))
    named = {
        payload_key(run_id, stage)
        for run_id, stage in StageRun.objects.filter(state=StageState.DONE).values_list(
            "run_id", "stage"
        )
    }
    stored = set(objects.list("derived/"))
    if missing := len(named - stored):
        result.note("lost", f"{missing} results of stages have no object")
    ended = Run.objects.filter(state=RunState.PUBLISHED).values_list("pk", flat=True)
    of_published = {key for key in stored - named if UUID(key.split("/")[1]) in set(ended)}
    if of_published:
        result.note("doubled", f"{len(of_published)} objects of stages have no stage")


def _count_events(result: Verdict, tenant: Tenant) -> None:
    """A stage that is done was told of once."""
    done = AuditEvent.objects.filter(tenant=tenant.slug, details__status="done")
    told = Counter(done.values_list("details__run_id", "event_type"))
    for (run_id, event), count in told.items():
        if count > 1:
            result.note("doubled", f"run {run_id} has {count} events {event}")
