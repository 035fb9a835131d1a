"""`manage.py pipeline status`."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand

from processing.figures import PipelineFigures, StageFigures, pipeline_figures
from tenants.lifecycle.states import TenantState
from tenants.management.actions import add_action, print_json, print_table
from tenants.selectors import tenant_get, tenant_list


def add_status(actions: Any) -> None:
    """Add the action that shows the pipeline."""
    status = add_action(actions, "status", show_status, text="what waits, runs, failed, is paused")
    status.add_argument("--tenant", help="slug of one tenant; without it, of all")
    status.add_argument("--json", action="store_true", dest="as_json", help="for programs")


def show_status(
    command: BaseCommand, *, tenant: str | None, as_json: bool, **_options: Any
) -> None:
    """Show workers, pauses, each stage, and each tenant that has work or dead letters."""
    own = tenant_get(slug=tenant) if tenant else None
    live = tenant_list().filter(state__in=(TenantState.ACTIVE, TenantState.SUSPENDED))
    figures = pipeline_figures([own] if own else live, own=own)
    if as_json:
        print_json(command, {**asdict(figures), "dead_letters": figures.dead_letters})
        return
    command.stdout.write(workers_in_words(figures))
    for pause in figures.pauses:
        whose = f" for {pause.tenant}" if pause.tenant else ""
        why = f": {pause.reason}" if pause.reason else ""
        command.stdout.write(
            f"{pause.stage} is paused{whose} since {_clock(pause.since)} by {pause.by}{why}"
        )
    print_table(command, _stage_rows(figures))
    command.stdout.write("")
    print_table(command, _tenant_rows(figures))


def workers_in_words(figures: PipelineFigures) -> str:
    """Return who works, or since when nobody does."""
    workers = figures.workers
    if workers.alive:
        return f"{workers.alive} workers, {workers.places} documents at once"
    if workers.last_seen is None:
        return "no worker has been seen yet; start one, or `manage.py up`"
    return f"no worker runs; the last was seen at {_clock(workers.last_seen)}"


def _stage_rows(figures: PipelineFigures) -> list[tuple[str, ...]]:
    rows = [("stage", "waiting", "running", "oldest waits since")]
    return [*rows, *((stage, *_cells(found)) for stage, found in figures.stages.items())]


def _tenant_rows(figures: PipelineFigures) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        ("tenant", "state", "waiting", "running", "oldest waits since", "dead letters", "set aside")
    ]
    for each in figures.tenants:
        letters = (str(each.dead_letters), str(each.skipped))
        rows.append((each.slug, each.state, *_cells(each.total), *letters))
    return rows


def _cells(figures: StageFigures) -> tuple[str, ...]:
    oldest = _clock(figures.oldest) if figures.oldest else ""
    return str(figures.waiting), str(figures.running), oldest


def _clock(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
