"""What happens when intake has a new document."""

from typing import Any
from uuid import UUID

import structlog
from django.db import DatabaseError

from intake.models import Priority
from processing.batches.settling import batch_settle
from processing.handing import work_announce
from processing.services import run_start_first
from tenants.access.readers import EVERYTHING
from tenants.context import reading
from tenants.models import Tenant

log = structlog.get_logger("frostbyte.processing")


def start_first_run(
    *,
    tenant: Tenant,
    document_id: UUID,
    batch_id: UUID | None = None,
    priority: int = Priority.NORMAL,
    **_signal: Any,
) -> None:
    """Start the document's first run, whoever may see it, and let a worker know.

    The file is accepted by now, so a fault here is not its sender's: the sweep starts the run.
    """
    try:
        with reading(EVERYTHING):
            run_start_first(
                tenant=tenant, document_id=document_id, batch_id=batch_id, priority=priority
            )
        work_announce([tenant])
    except DatabaseError as error:
        kind = type(error).__name__
        log.warning("run left to the sweep", document=str(document_id), error=kind)


def settle_received(*, tenant: Tenant, batch_id: UUID, **_signal: Any) -> None:
    """End a batch at once of whose files none goes through the pipeline: all refused, or known."""
    batch_settle(tenant, batch_id)
