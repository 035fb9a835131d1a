"""What happens when intake has a new document."""

from typing import Any
from uuid import UUID

from intake.models import Priority
from processing.batches.settling import batch_settle
from processing.handing import work_announce
from processing.services import run_start_first
from tenants.access.readers import EVERYTHING
from tenants.context import reading
from tenants.models import Tenant


def start_first_run(
    *,
    tenant: Tenant,
    document_id: UUID,
    batch_id: UUID | None = None,
    priority: int = Priority.NORMAL,
    **_signal: Any,
) -> None:
    """Start the document's first run, whoever may see it, and let a worker know."""
    with reading(EVERYTHING):
        run_start_first(
            tenant=tenant, document_id=document_id, batch_id=batch_id, priority=priority
        )
    work_announce([tenant])


def settle_received(*, tenant: Tenant, batch_id: UUID, **_signal: Any) -> None:
    """End a batch at once of whose files none goes through the pipeline: all refused, or known."""
    batch_settle(tenant, batch_id)
