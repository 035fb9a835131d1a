"""How much of its quotas and rates a tenant has used, and how near that is to the limit."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import structlog

from frostbyte.kernel.errors import ServiceUnavailableError
from tenants.configuration import TenantConfiguration
from tenants.limits.rates import Rate, RateState, rate_look, tenant_rates
from tenants.models import StorageUsage, Tenant

log = structlog.get_logger("frostbyte.tenants")

GIGABYTE: Final = 1024**3
NEAR: Final = 0.8
"""The share of a quota from which on its use is told as near the limit."""


class Level(StrEnum):
    """How near a limit the use is; at `over` nothing more is taken in."""

    OK = "ok"
    NEAR = "near"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Usage:
    """What is used of one limit, in `unit`: bytes, or a count."""

    used: int
    limit: int
    unit: str

    @property
    def share(self) -> float:
        """The used part of the limit; 1 is all of it, more is possible after it was lowered."""
        return round(self.used / self.limit, 4)

    @property
    def percent(self) -> int:
        """The used part of the limit in percent, at most 100, rounded down."""
        return min(100, self.used * 100 // self.limit)

    @property
    def level(self) -> Level:
        """Whether the use is near the limit, or has reached it."""
        if self.used >= self.limit:
            return Level.OVER
        return Level.NEAR if self.used >= NEAR * self.limit else Level.OK


@dataclass(frozen=True, slots=True)
class QuotaUsage:
    """A tenant's two quotas on what it stores: bytes as received, and documents."""

    storage: Usage
    documents: Usage

    @property
    def level(self) -> Level:
        """The level of the one that is nearer its limit."""
        return max(self.storage, self.documents, key=lambda usage: usage.share).level


@dataclass(frozen=True, slots=True)
class RateUsage:
    """A rate and where it stands; `state` is None when the counting server does not answer."""

    rate: Rate
    state: RateState | None


def usage_against(
    configuration: TenantConfiguration, *, documents: int, size_bytes: int
) -> QuotaUsage:
    """Return what so many documents and bytes are of a configuration's quotas."""
    return QuotaUsage(
        storage=Usage(size_bytes, configuration.storage_quota_gb * GIGABYTE, "bytes"),
        documents=Usage(documents, configuration.document_quota, "documents"),
    )


def usage_measured(*, tenant: Tenant) -> tuple[StorageUsage, QuotaUsage] | None:
    """Return the tenant's last measurement and what it is of the quotas; None before the first."""
    found = StorageUsage.objects.filter(tenant=tenant).first()
    if found is None:
        return None
    usage = usage_against(
        tenant.settings, documents=found.documents, size_bytes=found.document_bytes
    )
    return found, usage


def rates_used(*, tenant: Tenant) -> tuple[RateUsage, ...]:
    """Return where each of the tenant's rates stands; asking counts nothing."""
    return tuple(RateUsage(rate, _state(rate)) for rate in tenant_rates(tenant=tenant))


def _state(rate: Rate) -> RateState | None:
    try:
        return rate_look(rate)
    except ServiceUnavailableError:
        log.warning("rate not told", area=rate.area)
        return None
