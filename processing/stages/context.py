"""What every stage is given beside its input."""

from dataclasses import dataclass
from uuid import UUID

from frostbyte.sandbox.limits import DEFAULT, Limits
from tenants.configuration import TenantConfiguration
from tenants.models import Tenant
from tenants.stores import TenantStores, for_tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class StageContext:
    """The run, its tenant and stores, and the configuration that was in force at its start."""

    tenant: Tenant
    run_id: UUID
    document_id: UUID
    configuration: TenantConfiguration
    configuration_version: int
    input_hash: str
    limits: Limits = DEFAULT
    """What the part of the stage may take that runs in a process of its own."""

    @property
    def stores(self) -> TenantStores:
        """Handles bound to the run's tenant."""
        return for_tenant(self.tenant)
