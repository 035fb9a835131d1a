"""What it costs that there are many tenants: making one, asking one, migrating and sweeping all."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from statistics import median
from typing import Final

import psutil
from django.conf import settings
from django.test import Client
from django.test.utils import override_settings

from frostbyte.kernel.errors import FrostbyteError
from intake.services import document_receive
from processing.models import RunState
from processing.runner import run_advance
from processing.selectors import run_of
from processing.services import run_start
from processing.tasks import sweep
from tenants.context import tenant_context
from tenants.database.migrating import MigrationOutcome, tenants_migrate
from tenants.lifecycle.provisioning import tenant_provision
from tenants.models import LifecycleStep, Scope, StepAction, Tenant
from tenants.services import api_key_issue

ACTOR: Final = "bench"
REQUESTS: Final = 100
MIGRATIONS: Final = "search.benchmark.later"
"""A later version of the search application, with a table more."""

_TEXT: Final = b"Pumps\n\nThe pump on deck four is looked at every ninety days by the engineer.\n"


class TenantBenchmarkError(FrostbyteError):
    """A request or a migration did not go through, so there is nothing to measure."""

    code = "BENCHMARK_FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class AtCount:
    """Figures with so many tenants in place: seconds, and resident memory in megabytes."""

    tenants: int
    create: float
    """Median time of making one of those that this count added."""
    list_documents: float
    query: float
    migrate_nothing: float
    sweep: float
    memory: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantFigures:
    """Figures by number of tenants, the steps of making one, and a real migration over all."""

    counts: list[AtCount]
    steps: dict[str, float] = field(default_factory=dict)
    migrate_all: float = 0.0

    @property
    def ratios(self) -> list[tuple[int, float, float]]:
        """Per count: what a list and a question cost, over what they cost at the first count."""
        first = self.counts[0]
        return [
            (at.tenants, at.list_documents / first.list_documents, at.query / first.query)
            for at in self.counts
        ]


def measure_tenants(counts: Sequence[int], *, tell: Callable[[str], None]) -> TenantFigures:
    """Make tenants up to each count in turn and measure; the database must hold none before."""
    made: list[Tenant] = []
    measured = []
    for wanted in sorted(counts):
        times = _make(made, wanted)
        tell(f"{wanted} tenants")
        measured.append(_at_count(made, median(times)))
    steps = _steps()
    tell("a migration over all")
    return TenantFigures(counts=measured, steps=steps, migrate_all=_migrate_all(len(made)))


def _make(made: list[Tenant], wanted: int) -> list[float]:
    times = []
    while len(made) < wanted:
        slug = f"bench-{len(made):04d}"
        started = time.perf_counter()
        made.append(tenant_provision(slug=slug, name=slug, actor=ACTOR))
        times.append(time.perf_counter() - started)
        if len(made) == 1:
            _publish(made[0])
    return times


def _publish(tenant: Tenant) -> None:
    with tenant_context(tenant):
        document = document_receive(
            tenant=tenant, filename="pumps.txt", stream=BytesIO(_TEXT), actor=ACTOR
        ).document
        if document is None:
            raise TenantBenchmarkError("The document was refused.")
        run = run_of(document_id=document.pk) or run_start(tenant=tenant, document=document)
        if run_advance(tenant=tenant, run_id=run.pk).state != RunState.PUBLISHED:
            raise TenantBenchmarkError("The document was not published.")


def _at_count(made: Sequence[Tenant], create: float) -> AtCount:
    _key, text = api_key_issue(
        tenant=made[0], name="bench", scopes=[Scope.QUERY, Scope.INGEST], actor=ACTOR
    )
    client = Client(headers={"host": settings.BASE_DOMAIN, "authorization": f"Bearer {text}"})
    question = '{"query_text": "who looks at the pump"}'
    with override_settings(SECURE_SSL_REDIRECT=False):
        return AtCount(
            tenants=len(made),
            create=create,
            list_documents=_request(lambda: client.get("/api/v1/documents")),
            query=_request(
                lambda: client.post("/api/v1/query", question, content_type="application/json")
            ),
            migrate_nothing=_seconds(tenants_migrate),
            sweep=median(_seconds(sweep) for _ in range(3)),
            memory=psutil.Process().memory_info().rss / 1e6,
        )


def _request(send: Callable[[], object]) -> float:
    """Return the median time of a request, after some that warm up; every one must be answered."""
    times = []
    for _ in range(REQUESTS + 10):
        started = time.perf_counter()
        response = send()
        times.append(time.perf_counter() - started)
        if getattr(response, "status_code", 0) != 200:
            raise TenantBenchmarkError("A request was not answered as it should be.")
    return median(times[10:])


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _steps() -> dict[str, float]:
    by_name: dict[str, list[float]] = defaultdict(list)
    rows = LifecycleStep.objects.filter(action=StepAction.MAKE).order_by("at")
    for name, duration in rows.values_list("name", "duration_ms"):
        by_name[name].append(duration / 1000)
    return {name: median(times) for name, times in by_name.items()}


def _migrate_all(count: int) -> float:
    modules = {**settings.MIGRATION_MODULES, "search": MIGRATIONS}
    with override_settings(MIGRATION_MODULES=modules):
        started = time.perf_counter()
        results = tenants_migrate()
        seconds = time.perf_counter() - started
    migrated = [result for result in results if result.outcome == MigrationOutcome.MIGRATED]
    if len(migrated) != count:
        raise TenantBenchmarkError("Not every tenant was migrated.")
    return seconds
