"""Answering a question from the tenant's own vectors, every passage with its proof."""

from collections import defaultdict
from collections.abc import Sequence
from time import monotonic
from typing import Any, Final
from uuid import UUID

from django.db.models import Q, QuerySet

from audit.events import EventType
from audit.models import AuditEvent
from audit.services import record_event
from frostbyte.kernel.ids import new_id
from intake.models import Document
from intake.selectors import collection_get, document_list
from processing.embedders import get_embedder
from processing.models import Chunk, StageRun
from search.errors import QueryError
from search.limits import QUERY_LIMIT
from search.results import Hit, Proof, QueryFilters, SearchResult
from tenants.models import Tenant
from tenants.stores import Match, for_tenant

_LINEAGE_EVENTS: Final = (
    EventType.DOCUMENT_INGESTED,
    EventType.DOCUMENT_CONFIRMED,
    EventType.DOCUMENT_PARSED,
    EventType.POLICY_GATE_PASSED,
    EventType.DOCUMENT_EMBEDDED,
    EventType.INDEX_WRITTEN,
    EventType.DOCUMENT_PUBLISHED,
)


def search(
    *,
    tenant: Tenant,
    query_text: str,
    top_k: int | None = None,
    filters: QueryFilters | None = None,
    actor: str,
) -> SearchResult:
    """Return the passages nearest in meaning to the question, inside the tenant's context.

    `top_k` defaults to the tenant's setting. Raises `QueryError` for an empty or overlong
    question and a `top_k` out of range, `CollectionNotFoundError` for one that the reader does not
    see. The audit trail gets counts and times, never the text.
    """
    started = monotonic()
    text, limit = _checked(tenant, query_text, top_k)
    embedder = get_embedder(tenant.settings.embedding_model)
    matches = for_tenant(tenant).vectors.query(
        embedder.embed([text])[0],
        model_id=embedder.model_id,
        limit=limit,
        **_within(filters),
    )
    hits = _hits(tenant, matches, embedder.model_id)
    took_ms = round((monotonic() - started) * 1000)
    _record(
        tenant, actor, hits, {"top_k": limit, "model": embedder.model_id, "duration_ms": took_ms}
    )
    return SearchResult(hits=hits, model_id=embedder.model_id, took_ms=took_ms)


def _checked(tenant: Tenant, query_text: str, top_k: int | None) -> tuple[str, int]:
    text = query_text.strip()
    if not text or len(text) > QUERY_LIMIT:
        raise QueryError(
            f"A question has 1 to {QUERY_LIMIT} characters.",
            remediation="Ask in a sentence or a few words.",
            extra={"errors": [{"field": "query_text", "constraint": f"1..{QUERY_LIMIT}"}]},
        )
    settings = tenant.settings
    limit = settings.retrieval_top_k_default if top_k is None else top_k
    if not 1 <= limit <= settings.retrieval_top_k_max:
        raise QueryError(
            f"top_k must be from 1 to {settings.retrieval_top_k_max}.",
            extra={
                "errors": [{"field": "top_k", "constraint": f"1..{settings.retrieval_top_k_max}"}]
            },
        )
    return text, limit


def _within(filters: QueryFilters | None) -> dict[str, QuerySet[Any, Any]]:
    """Return what of the vectors to look at: nothing is said where all of them are."""
    if filters is None or filters == QueryFilters():
        return {}
    found = _filtered(filters)
    if filters.all_versions:
        published = found.exclude(published_run_id=None)
        return {"runs": published.values("published_run_id")}
    return {"documents": found}


def _filtered(filters: QueryFilters) -> QuerySet[Document]:
    documents = document_list()
    if filters.document_ids:
        documents = documents.filter(pk__in=filters.document_ids)
    if filters.media_types:
        documents = documents.filter(media_type__in=filters.media_types)
    if filters.collections:
        named = [collection_get(name=name).pk for name in filters.collections]
        documents = documents.filter(collection__in=named)
    if filters.created_after:
        documents = documents.filter(created_at__gte=filters.created_after)
    if filters.created_before:
        documents = documents.filter(created_at__lt=filters.created_before)
    if filters.metadata:
        documents = documents.filter(metadata__contains=dict(filters.metadata))
    return documents


def _hits(tenant: Tenant, matches: Sequence[Match], model_id: str) -> tuple[Hit, ...]:
    """Join matches with their rows, dropping any that is not of a published run."""
    rows = Chunk.objects.select_related("document").in_bulk([match.point_id for match in matches])
    visible = [
        (match, rows[match.point_id])
        for match in matches
        if match.point_id in rows
        and rows[match.point_id].run_id == rows[match.point_id].document.published_run_id
    ]
    chunks = [chunk for _match, chunk in visible]
    canonical = _canonical_hashes(chunks)
    events = _lineage(tenant, chunks)
    return tuple(
        _hit(match, chunk, model_id, canonical[chunk.run_id], events[str(chunk.document_id)])
        for match, chunk in visible
    )


def _canonical_hashes(chunks: Sequence[Chunk]) -> dict[UUID, str]:
    runs = {chunk.run_id for chunk in chunks}
    stages = StageRun.objects.filter(run_id__in=runs, stage="parse")
    return dict(stages.values_list("run_id", "output_hash"))


def _lineage(tenant: Tenant, chunks: Sequence[Chunk]) -> dict[str, tuple[UUID, ...]]:
    """Return by document the events of its receipt and of the run that is published.

    Each file of the same bytes that came later, and each other run, has events as well.
    """
    documents = {str(chunk.document_id) for chunk in chunks}
    of_runs = Q(details__run_id__in=sorted({str(chunk.run_id) for chunk in chunks}))
    of_receipt = Q(event_type=EventType.DOCUMENT_INGESTED, details__duplicate__isnull=True)
    events = (
        AuditEvent.objects.filter(
            of_runs | of_receipt,
            tenant=tenant.slug,
            resource_id__in=documents,
            event_type__in=_LINEAGE_EVENTS,
        )
        .order_by("sequence")
        .values_list("resource_id", "event_id")
    )
    found: defaultdict[str, tuple[UUID, ...]] = defaultdict(tuple)
    for resource_id, event_id in events:
        found[resource_id] += (event_id,)
    return found


def _hit(
    match: Match, chunk: Chunk, model_id: str, canonical_sha256: str, events: tuple[UUID, ...]
) -> Hit:
    document = chunk.document
    return Hit(
        id=chunk.pk,
        chunk_id=chunk.chunk_id,
        document_id=document.pk,
        filename=document.filename,
        media_type=document.media_type,
        text=chunk.text,
        score=round(match.score, 6),
        element_type=chunk.element_type,
        page=chunk.page,
        start_char=chunk.start_char,
        end_char=chunk.end_char,
        bbox=tuple(chunk.bbox) if chunk.bbox else None,
        section_path=tuple(chunk.section_path),
        model_id=model_id,
        proof=Proof(
            document_id=document.pk,
            run_id=chunk.run_id,
            chunk_id=chunk.chunk_id,
            raw_sha256=document.sha256,
            canonical_sha256=canonical_sha256,
            chunk_sha256=chunk.sha256,
            page=chunk.page,
            start_char=chunk.start_char,
            end_char=chunk.end_char,
            audit_event_ids=events,
        ),
    )


def _record(tenant: Tenant, actor: str, hits: Sequence[Hit], details: dict[str, Any]) -> None:
    record_event(
        tenant=tenant.slug,
        event_type=EventType.RETRIEVAL_EXECUTED,
        actor=actor,
        resource_type="query",
        resource_id=str(new_id()),
        details={
            "component": "search",
            "hits": len(hits),
            "documents": sorted({str(hit.document_id) for hit in hits}),
            **details,
        },
    )
