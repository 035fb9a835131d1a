"""A chain of audit events as pages show it, at the console and at a tenant's own address."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest

from audit.events import EventType
from audit.selectors import event_list
from audit.verification import chain_verify
from tenants.pages import page_of


def history_of(request: HttpRequest, chain: str) -> dict[str, Any]:
    """Return what a page of the chain's events shows: newest first, of the type asked for."""
    kind = request.GET.get("type", "")
    events = event_list(tenant=chain).reverse()
    if kind in EventType.values:
        events = events.filter(event_type=kind)
    return {
        "section": "audit",
        "page_obj": page_of(request, events),
        "chain": chain,
        "types": EventType.values,
        "type": kind,
        "query": f"{urlencode({'chain': chain, 'type': kind})}&",
    }


def tell_verification(request: HttpRequest, chain: str) -> None:
    """Recompute the chain, and tell on the next page whether it holds."""
    report = chain_verify(tenant=chain)
    if report.broken:
        at = report.broken
        messages.error(request, f"The chain breaks at event {at.sequence}: {at.reason}.")
    else:
        messages.success(request, f"The chain holds: {report.events} events in place, unchanged.")
