"""`manage.py pipeline pause|drain|resume STAGE`."""

import time
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from audit.events import COMMAND_LINE
from processing.dead_letters import REASON_LIMIT
from processing.figures import running_of
from processing.pipeline import STAGE_NAMES
from tenants.lifecycle.states import TenantState
from tenants.management.actions import TRY_AGAIN, add_action
from tenants.models import Tenant
from tenants.selectors import tenant_get, tenant_list
from tenants.workload.pauses import stage_pause, stage_resume

_LOOK_SECONDS: Final = 0.5
_PATIENCE_SECONDS: Final = 600


def add_stages(actions: Any) -> None:
    """Add the actions that stop a stage and let it go on."""
    pause = add_action(actions, "pause", pause_stage, text="let no run begin a stage")
    drain = add_action(actions, "drain", drain_stage, text="pause, and wait until nothing runs")
    resume = add_action(actions, "resume", resume_stage, text="end a pause")
    for parser in (pause, drain, resume):
        parser.add_argument("stage", choices=STAGE_NAMES)
        parser.add_argument("--tenant", help="slug of one tenant; without it, the whole platform")
    for parser in (pause, drain):
        parser.add_argument("--reason", default="", help="shown to whoever waits")
    drain.add_argument(
        "--timeout", type=int, default=_PATIENCE_SECONDS, help="seconds; ends with 3 after them"
    )


def pause_stage(
    command: BaseCommand, *, stage: str, tenant: str | None, reason: str, **_options: Any
) -> None:
    """Let no run begin the stage; what is in it goes on to its end."""
    found = tenant_get(slug=tenant) if tenant else None
    kept = reason[:REASON_LIMIT]
    pause = stage_pause(stage=stage, tenant=found, actor=COMMAND_LINE, reason=kept)
    command.stdout.write(f"{stage} is paused, by {pause.by}.")


def drain_stage(
    command: BaseCommand,
    *,
    stage: str,
    tenant: str | None,
    reason: str,
    timeout: int,
    **_options: Any,
) -> None:
    """Pause the stage, and return when no run is in it any more."""
    pause_stage(command, stage=stage, tenant=tenant, reason=reason)
    deadline = time.monotonic() + timeout
    while running := running_of(stage, _tenants(tenant)):
        if time.monotonic() > deadline:
            raise CommandError(f"{running} are still in {stage}.", returncode=TRY_AGAIN)
        time.sleep(_LOOK_SECONDS)
    command.stdout.write(f"Nothing runs in {stage}.")


def resume_stage(command: BaseCommand, *, stage: str, tenant: str | None, **_options: Any) -> None:
    """Let runs begin the stage again."""
    found = tenant_get(slug=tenant) if tenant else None
    stage_resume(stage=stage, tenant=found, actor=COMMAND_LINE)
    command.stdout.write(f"{stage} goes on.")


def _tenants(slug: str | None) -> list[Tenant]:
    if slug:
        return [tenant_get(slug=slug)]
    live = (TenantState.ACTIVE, TenantState.SUSPENDED)
    return list(tenant_list().filter(state__in=live))
