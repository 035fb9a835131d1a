"""What a tenant's life asks of the pipeline: hand out what waits, drop what waits, count it."""

from typing import Final

from django.db import transaction

from processing.handing import work_announce
from processing.models import OPEN_STATES, Run, StageRun
from tenants.context import tenant_context
from tenants.database.schemas import schema_exists
from tenants.models import Tenant


class PipelineWork:
    """`tenants.lifecycle.work.TenantWork` over runs and their leases."""

    def hand_out(self, tenant: Tenant) -> None:
        """Put the tenant in the round, and let the workers know."""
        work_announce([tenant])

    def cancel(self, tenant: Tenant) -> None:
        """Delete the runs that are not finished, and with them the leases that workers hold.

        A worker writes only in a transaction that finds its lease, so it writes nothing after.
        Stages go first: whoever ends one locks it before its run.
        """
        if schema_exists(tenant.schema_name):
            with tenant_context(tenant), transaction.atomic():
                StageRun.objects.filter(run__state__in=OPEN_STATES).delete()
                Run.objects.filter(state__in=OPEN_STATES).delete()

    def count(self, tenant: Tenant) -> int:
        """Return how many runs are not finished; none where there is no schema any more."""
        if not schema_exists(tenant.schema_name):
            return 0
        with tenant_context(tenant):
            return Run.objects.filter(state__in=OPEN_STATES).count()


PIPELINE_WORK: Final = PipelineWork()
