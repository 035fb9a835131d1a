"""Stages of the pipeline that are paused, for the whole platform or for one tenant.

Whoever begins a stage asks `stages_paused` in the transaction of its claim. That holds a lock with
all others who begin, which pausing takes alone: once a pause is on record, no stage that it names
begins any more, and what had begun before is seen by everybody.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from audit.events import EventType
from audit.services import record_event
from frostbyte.kernel.errors import NotFoundError
from tenants.context import registry_context
from tenants.models import StagePause, Tenant
from tenants.naming import PLATFORM

_STAGES: Final = (0x66726F75, 0)
"""The advisory lock that those who begin a stage share, and pausing holds alone."""


class NotPausedError(NotFoundError):
    """The stage is not paused here."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A stage that begins nothing: since when, by whom, why; `tenant` is empty for all of them."""

    stage: str
    tenant: str
    since: datetime
    by: str
    reason: str


def stages_paused(tenant: Tenant) -> frozenset[str]:
    """Return what is paused for the tenant, and keep pausing waiting until the transaction ends."""
    with registry_context(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s, %s)", _STAGES)
        return frozenset(_of(tenant).values_list("stage", flat=True))


def pauses_of(tenant: Tenant | None = None) -> list[Pause]:
    """Return the pauses that hold for a tenant, or without one all that there are."""
    with registry_context():
        rows = _of(tenant) if tenant else StagePause.objects.all()
        return [_pause(row) for row in rows.select_related("tenant")]


def stage_pause(*, stage: str, tenant: Tenant | None, actor: str, reason: str) -> Pause:
    """Let no run begin the stage, of one tenant or of all; an earlier pause stays as it is."""
    with registry_context(), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", _STAGES)
        row, is_new = StagePause.objects.get_or_create(
            stage=stage, tenant=tenant, defaults={"paused_by": actor, "reason": reason}
        )
        if is_new:
            _record(EventType.STAGE_PAUSED, row, actor, reason)
        return _pause(row)


def stage_resume(*, stage: str, tenant: Tenant | None, actor: str) -> None:
    """End a pause; raises `NotPausedError` when there is none."""
    with registry_context(), transaction.atomic():
        paused = StagePause.objects.select_for_update(of=("self",))
        row = paused.filter(stage=stage, tenant=tenant).first()
        if row is None:
            whom = f"for '{tenant.slug}'" if tenant else "for the platform"
            raise NotPausedError(
                f"The stage '{stage}' is not paused {whom}.",
                remediation="`manage.py pipeline status` lists what is paused.",
            )
        _record(EventType.STAGE_RESUMED, row, actor, "")
        row.delete()


def _of(tenant: Tenant) -> QuerySet[StagePause]:
    return StagePause.objects.filter(Q(tenant=None) | Q(tenant=tenant))


def _pause(row: StagePause) -> Pause:
    slug = row.tenant.slug if row.tenant else ""
    return Pause(row.stage, slug, row.paused_at, row.paused_by, row.reason)


def _record(event: EventType, row: StagePause, actor: str, reason: str) -> None:
    record_event(
        tenant=row.tenant.slug if row.tenant else PLATFORM,
        event_type=event,
        actor=actor,
        resource_type="stage",
        resource_id=row.stage,
        details={"component": "pipeline", **({"reason": reason} if reason else {})},
    )
