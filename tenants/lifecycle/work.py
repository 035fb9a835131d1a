"""The tenant's share of the pipeline, as far as its life touches it.

The pipeline lies in a layer above, so the settings name the module that does this
(`TENANT_WORK`), as they name the renderer of errors.
"""

from typing import Protocol, cast

from django.conf import settings
from django.utils.module_loading import import_string

from tenants.models import Tenant


class TenantWork(Protocol):
    """What can be asked of the pipeline about one tenant; each call enters the tenant itself."""

    def hand_out(self, tenant: Tenant) -> None:
        """Send what waits to the workers at once."""

    def cancel(self, tenant: Tenant) -> None:
        """Drop every run that is not finished; a worker that has one finds its lease gone."""

    def count(self, tenant: Tenant) -> int:
        """Return how many runs are not finished."""


def tenant_work() -> TenantWork:
    """Return the pipeline's own part."""
    return cast("TenantWork", import_string(settings.TENANT_WORK))
