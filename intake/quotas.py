"""How much of its quotas a tenant has used, told before it bites, and the check that refuses."""

from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.db.models import Count, Sum
from django.db.models.functions import Coalesce
from django.template.defaultfilters import filesizeformat

from intake.errors import DocumentQuotaError, StorageQuotaError
from intake.models import Document, DocumentTotals
from tenants.configuration import TenantConfiguration
from tenants.limits.quotas import QuotaUsage, Usage, usage_against
from tenants.models import Tenant

_REMEDY: Final = "Delete documents, or ask the platform's operator for more."


@dataclass(frozen=True, slots=True)
class Recount:
    """What the documents' rows add up to, and whether the totals said the same."""

    documents: int
    size_bytes: int
    agreed: bool


def totals_get() -> DocumentTotals:
    """Return the totals of the tenant's documents, inside its context."""
    return DocumentTotals.objects.get()


@transaction.atomic
def totals_recount(*, write: bool) -> Recount:
    """Add up the documents' rows under the totals' lock, and with `write` correct the totals."""
    totals = DocumentTotals.objects.select_for_update().get()
    found = Document.objects.aggregate(
        documents=Count("pk"), size_bytes=Coalesce(Sum("size_bytes"), 0)
    )
    agreed = (totals.documents, totals.size_bytes) == (found["documents"], found["size_bytes"])
    if write and not agreed:
        totals.documents, totals.size_bytes = found["documents"], found["size_bytes"]
        totals.save()
    return Recount(agreed=agreed, **found)


def quota_usage(*, tenant: Tenant) -> QuotaUsage:
    """Return what the tenant has used, inside its context."""
    return _usage(totals_get(), tenant.settings)


def quota_check(*, tenant: Tenant, adds_bytes: int) -> None:
    """Raise `QuotaExceededError` if one more document of so many bytes would exceed a quota.

    For an early answer; others may come in between.
    """
    _require_room(totals_get(), tenant.settings, adds_bytes)


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
