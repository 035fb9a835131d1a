"""Taking back what a run wrote: rows and vectors at once, objects after the commit."""

from typing import Final
from uuid import UUID

import structlog
from django.db import transaction

from frostbyte.kernel.errors import ServiceUnavailableError
from intake.models import Document
from processing.models import Chunk, Redaction, StageRun, StageState
from processing.pipeline import PIPELINE
from tenants.errors import StoreRefusedError
from tenants.models import Tenant
from tenants.stores import for_tenant

log = structlog.get_logger("frostbyte.processing")

DERIVED: Final = "derived/"
_WRITING: Final = tuple(stage.name for stage in PIPELINE if stage.writes_rows)


def derived_prefix(run_id: UUID) -> str:
    """Return what the keys of everything begin with that a run derived."""
    return f"{DERIVED}{run_id}/"


def rows_undo(*, tenant: Tenant, run_id: UUID) -> None:
    """Delete passages, redactions and vectors of a run that search does not show.

    In the caller's transaction. The stages that wrote them have to run again.
    """
    if Document.objects.filter(published_run_id=run_id).exists():
        return
    Chunk.objects.filter(run_id=run_id).delete()
    Redaction.objects.filter(run_id=run_id).delete()
    for_tenant(tenant).vectors.delete_run(run_id)
    written = StageRun.objects.filter(run_id=run_id, stage__in=_WRITING, state=StageState.DONE)
    written.update(state=StageState.PENDING)


def derived_remove_on_commit(*, tenant: Tenant, run_id: UUID) -> None:
    """Remove everything that a run derived once the transaction is on record.

    A store that is away then costs nothing: no row names the objects, so the next reconciliation
    removes them.
    """
    transaction.on_commit(lambda: _remove(tenant, run_id))


def _remove(tenant: Tenant, run_id: UUID) -> None:
    objects = for_tenant(tenant).objects
    try:
        for key in list(objects.list(derived_prefix(run_id))):
            objects.delete(key)
    except (ServiceUnavailableError, StoreRefusedError) as error:
        log.warning("derived objects left", run=str(run_id), error=type(error).__name__)
