"""How much of its quotas a tenant has used, told before it bites, and the check that refuses."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from django.template.defaultfilters import filesizeformat

from intake.errors import DocumentQuotaError, StorageQuotaError
from intake.models import DocumentTotals
from tenants.configuration import TenantConfiguration
from tenants.models import Tenant

GIGABYTE: Final = 1024**3
NEAR: Final = 0.8
"""The share of a quota from which on its use is told as near the limit."""

_REMEDY: Final = "Delete documents, or ask the platform's operator for more."


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
    def worst(self) -> Level:
        """The level of the one that is nearer its limit."""
        return max(self.storage, self.documents, key=lambda usage: usage.share).level


def quota_usage(*, tenant: Tenant) -> QuotaUsage:
    """Return what the tenant has used, inside its context."""
    return _usage(DocumentTotals.objects.get(), tenant.settings)


def quota_check(*, tenant: Tenant, adds_bytes: int) -> None:
    """Raise `QuotaExceededError` if one more document of so many bytes would exceed a quota.

    For an early answer; others may come in between.
    """
    _require_room(DocumentTotals.objects.get(), tenant.settings, adds_bytes)


def quota_check_and_hold(*, tenant: Tenant, adds_bytes: int) -> None:
    """The same, and keep every other document of the tenant out until the transaction ends.

    Whoever comes at the same time is checked against totals that hold this document.
    """
    totals = DocumentTotals.objects.select_for_update().get()
    _require_room(totals, tenant.settings, adds_bytes)


def _usage(totals: DocumentTotals, settings: TenantConfiguration) -> QuotaUsage:
    return QuotaUsage(
        storage=Usage(totals.size_bytes, settings.storage_quota_gb * GIGABYTE, "bytes"),
        documents=Usage(totals.documents, settings.document_quota, "documents"),
    )


def _require_room(totals: DocumentTotals, settings: TenantConfiguration, adds_bytes: int) -> None:
    usage = _usage(totals, settings)
    if usage.documents.used + 1 > usage.documents.limit:
        raise DocumentQuotaError(
            f"The quota of {usage.documents.limit} documents is used up: there are "
            f"{usage.documents.used}.",
            remediation=_REMEDY,
            extra=_numbers("documents", usage.documents, adds=1),
        )
    if usage.storage.used + adds_bytes > usage.storage.limit:
        raise StorageQuotaError(
            f"The quota of {_size(usage.storage.limit)} would be exceeded: "
            f"{_size(usage.storage.used)} are in use, and the file adds {_size(adds_bytes)}.",
            remediation=_REMEDY,
            extra=_numbers("storage", usage.storage, adds=adds_bytes),
        )


def _numbers(quota: str, usage: Usage, *, adds: int) -> dict[str, object]:
    return {
        "quota": quota,
        "unit": usage.unit,
        "used": usage.used,
        "limit": usage.limit,
        "adds": adds,
    }


def _size(count: int) -> str:
    return filesizeformat(count).replace("\xa0", " ").replace(".0 ", " ")
