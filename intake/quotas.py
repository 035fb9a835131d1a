"""How much of its quotas a tenant has used, told before it bites, and the check that refuses."""

from typing import Final

from django.template.defaultfilters import filesizeformat

from intake.errors import DocumentQuotaError, StorageQuotaError
from intake.models import DocumentTotals
from tenants.configuration import TenantConfiguration
from tenants.models import Tenant
from tenants.quotas import QuotaUsage, Usage, usage_against

_REMEDY: Final = "Delete documents, or ask the platform's operator for more."


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
    return usage_against(settings, documents=totals.documents, size_bytes=totals.size_bytes)


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
