"""How much waits, runs and failed, by tenant and stage: counts and times, no name of a document."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, Min, OuterRef, Q, Subquery

from processing.leases import is_held
from processing.models import DEAD_STATES, OPEN_STATES, Resolution, Run, StageRun, StageState
from processing.pipeline import STAGE_NAMES
from tenants.context import tenant_context
from tenants.models import Tenant
from tenants.workload.pauses import Pause, pauses_of
from tenants.workload.workers import Workers, workers_alive


@dataclass(slots=True)
class StageFigures:
    """Runs whose next stage this is: waiting and in work, and since when the oldest has waited."""

    waiting: int = 0
    running: int = 0
    oldest: datetime | None = None

    def add(self, other: "StageFigures") -> None:
        """Count another tenant's with these."""
        self.waiting += other.waiting
        self.running += other.running
        self.oldest = min(filter(None, (self.oldest, other.oldest)), default=None)


@dataclass(slots=True)
class TenantFigures:
    """One tenant's share of the pipeline."""

    slug: str
    state: str
    stages: dict[str, StageFigures]
    dead_letters: int = 0
    skipped: int = 0

    @property
    def total(self) -> StageFigures:
        """All stages together."""
        return summed(self.stages.values())


@dataclass(slots=True)
class PipelineFigures:
    """The whole pipeline: workers, what is paused, each stage, each tenant that has anything."""

    workers: Workers
    pauses: list[Pause]
    stages: dict[str, StageFigures] = field(default_factory=dict)
    tenants: list[TenantFigures] = field(default_factory=list)

    @property
    def dead_letters(self) -> int:
        """Runs over which somebody has to decide."""
        return sum(tenant.dead_letters for tenant in self.tenants)


def summed(figures: Iterable[StageFigures]) -> StageFigures:
    """Return several stages' figures as one."""
    total = StageFigures()
    for each in figures:
        total.add(each)
    return total


def pipeline_figures(tenants: Iterable[Tenant], *, own: Tenant | None = None) -> PipelineFigures:
    """Return the figures of these tenants; with `own` the pauses that hold for that one only."""
    figures = PipelineFigures(workers_alive(), pauses_of(own))
    figures.tenants = [tenant_figures(tenant) for tenant in tenants]
    figures.stages = {
        stage: summed(tenant.stages[stage] for tenant in figures.tenants) for stage in STAGE_NAMES
    }
    return figures


def tenant_figures(tenant: Tenant) -> TenantFigures:
    """Return one tenant's figures, in three queries, entering it."""
    with tenant_context(tenant):
        stages = {stage: StageFigures() for stage in STAGE_NAMES}
        for row in _open_runs():
            stages[row["stage"]] = StageFigures(row["waiting"], row["running"], row["oldest"])
        dead = Run.objects.filter(state__in=DEAD_STATES).aggregate(
            dead_letters=Count("pk", filter=Q(resolution=Resolution.OPEN)),
            skipped=Count("pk", filter=Q(resolution=Resolution.SKIPPED)),
        )
    return TenantFigures(tenant.slug, tenant.state, stages, **dead)


def _open_runs() -> Iterable[Any]:
    of_run = StageRun.objects.filter(run=OuterRef("pk"))
    following = of_run.exclude(state=StageState.DONE).order_by("position").values("stage")[:1]
    runs = Run.objects.filter(state__in=OPEN_STATES).order_by()
    return (
        runs.annotate(stage=Subquery(following), held=Exists(of_run.filter(is_held())))
        .exclude(stage=None)
        .values("stage")
        .annotate(
            waiting=Count("pk", filter=Q(held=False)),
            running=Count("pk", filter=Q(held=True)),
            oldest=Min("changed_at", filter=Q(held=False)),
        )
    )


def running_of(stage: str, tenants: Iterable[Tenant]) -> int:
    """Return how many runs some worker holds in this stage at this moment."""
    count = 0
    for tenant in tenants:
        with tenant_context(tenant):
            count += StageRun.objects.filter(is_held(), stage=stage).count()
    return count
