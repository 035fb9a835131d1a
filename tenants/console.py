"""The console's pages. Each needs an operator; what it changes goes through the services."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit.events import EventType
from audit.models import AuditEvent
from audit.selectors import chain_names, event_list
from audit.verification import chain_verify
from frostbyte.kernel.errors import FrostbyteError, NotFoundError
from tenants.forms import KeyForm, TenantForm
from tenants.lifecycle import TenantState
from tenants.models import ApiKey, Tenant
from tenants.naming import PLATFORM
from tenants.pages import page_of
from tenants.provisioning import tenant_provision, tenant_provision_retry
from tenants.selectors import tenant_get, tenant_list
from tenants.services import api_key_issue, api_key_revoke, tenant_resume, tenant_suspend

RECENT_EVENTS = 8
P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def _operator(request: HttpRequest) -> str:
    return f"operator:{request.user.get_username()}"


def operator_page(permission: str) -> Callable[[View[P]], View[P]]:
    """Require a permission of the signed-in operator, and answer 404 for what is not there."""

    def wrap(view: View[P]) -> View[P]:
        @permission_required(permission, raise_exception=True)
        @wraps(view)
        def page(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            try:
                return view(request, *args, **kwargs)
            except NotFoundError as error:
                raise Http404 from error

        return page

    return wrap


@require_GET
@operator_page("tenants.view_tenant")
def tenants_page(request: HttpRequest) -> HttpResponse:
    """List the tenants: state, address, working keys."""
    working = Count("api_keys", filter=Q(api_keys__revoked_at=None), distinct=True)
    tenants = tenant_list().annotate(keys=working).prefetch_related("domains")
    wanted = request.GET.get("q", "").strip()
    if wanted:
        tenants = tenants.filter(Q(slug__icontains=wanted) | Q(name__icontains=wanted))
    context = {
        "section": "tenants",
        "page_obj": page_of(request, tenants),
        "wanted": wanted,
        "port": _port_of(request),
        "query": f"{urlencode({'q': wanted})}&",
    }
    return render(request, "console/tenants.html", context)


@require_http_methods(["GET", "POST"])
@operator_page("tenants.add_tenant")
def tenant_new(request: HttpRequest) -> HttpResponse:
    """Onboard a tenant."""
    form = TenantForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            tenant = tenant_provision(**form.cleaned_data, actor=_operator(request))
        except FrostbyteError as error:
            form.add_error("slug", f"{error.message} {error.remediation}")
        else:
            messages.success(request, f"{tenant.name} is ready. Issue its first API key below.")
            return redirect("admin:tenant", slug=tenant.slug)
    return render(request, "console/tenant_new.html", {"section": "tenants", "form": form})


@require_GET
@operator_page("tenants.view_tenant")
def tenant_detail(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one tenant: state, keys, settings, how it was set up, what happened lately."""
    tenant = tenant_get(slug=slug)
    context = {
        "section": "tenants",
        "tenant": tenant,
        "keys": tenant.api_keys.all(),
        "steps": tenant.provisioning_steps.all(),
        "domains": tenant.domains.all(),
        "port": _port_of(request),
        "settings": _settings_in_words(tenant),
        "events": event_list(tenant=slug).reverse()[:RECENT_EVENTS],
    }
    return render(request, "console/tenant.html", context)


def _settings_in_words(tenant: Tenant) -> dict[str, str]:
    values = tenant.settings.model_dump(mode="json")
    return {name: _in_words(value) for name, value in values.items()}


def _in_words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _port_of(request: HttpRequest) -> str:
    port = request.get_port()
    return "" if port in {"80", "443"} else f":{port}"


def _change(
    request: HttpRequest, slug: str, change: Callable[..., Tenant], done: str
) -> HttpResponse:
    try:
        tenant = change(tenant=tenant_get(slug=slug), actor=_operator(request))
    except NotFoundError:
        raise
    except FrostbyteError as error:
        messages.error(request, f"{error.message} {error.remediation}")
    else:
        messages.success(request, f"{tenant.name} {done}")
    return redirect("admin:tenant", slug=slug)


@require_POST
@operator_page("tenants.change_tenant")
def tenant_suspend_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Stop a tenant."""
    return _change(request, slug, tenant_suspend, "is suspended, and its keys are revoked.")


@require_POST
@operator_page("tenants.change_tenant")
def tenant_resume_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Let a tenant work again."""
    return _change(request, slug, tenant_resume, "works again. Its old keys stay revoked.")


@require_POST
@operator_page("tenants.change_tenant")
def tenant_retry_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Set a tenant up again whose provisioning failed."""
    return _change(request, slug, tenant_provision_retry, "is ready.")


@require_http_methods(["GET", "POST"])
@operator_page("tenants.add_apikey")
def key_new(request: HttpRequest, slug: str) -> HttpResponse:
    """Issue a key, and show it this once."""
    tenant = tenant_get(slug=slug)
    form = KeyForm(request.POST or None)
    context = {"section": "tenants", "tenant": tenant, "form": form}
    if tenant.state != TenantState.ACTIVE:
        messages.error(request, "Only a tenant that is active can have new keys.")
        return redirect("admin:tenant", slug=slug)
    if request.method == "POST" and form.is_valid():
        key, secret = api_key_issue(
            tenant=tenant,
            name=form.cleaned_data["name"],
            scopes=form.cleaned_data["scopes"],
            expires_at=form.cleaned_data["expires_on"],
            actor=_operator(request),
        )
        return render(request, "console/key_issued.html", {**context, "key": key, "secret": secret})
    return render(request, "console/key_new.html", context)


@require_POST
@operator_page("tenants.change_apikey")
def key_revoke(request: HttpRequest, key_id: str) -> HttpResponse:
    """Withdraw a key."""
    key = ApiKey.objects.select_related("tenant").filter(key_id=key_id).first()
    if key is None:
        raise Http404
    api_key_revoke(key=key, actor=_operator(request))
    messages.success(request, f"The key “{key.name}” is revoked.")
    return redirect("admin:tenant", slug=key.tenant.slug)


@require_GET
@operator_page("audit.view_auditevent")
def audit_events(request: HttpRequest) -> HttpResponse:
    """List audit events of one chain, newest first, of one type or of all."""
    chains = chain_names() or [PLATFORM]
    chain = request.GET.get("chain") or chains[0]
    kind = request.GET.get("type", "")
    events = event_list(tenant=chain).reverse()
    if kind in EventType.values:
        events = events.filter(event_type=kind)
    context = {
        "section": "audit",
        "page_obj": page_of(request, events),
        "chains": chains,
        "chain": chain,
        "types": EventType.values,
        "type": kind,
        "query": f"{urlencode({'chain': chain, 'type': kind})}&",
    }
    return render(request, "console/audit.html", context)


@require_POST
@operator_page("audit.view_auditevent")
def audit_chain(request: HttpRequest, chain: str) -> HttpResponse:
    """Recompute a chain and say whether it holds."""
    if not AuditEvent.objects.filter(tenant=chain).exists():
        raise Http404
    report = chain_verify(tenant=chain)
    if report.broken:
        at = report.broken
        messages.error(request, f"The chain breaks at event {at.sequence}: {at.reason}.")
    else:
        messages.success(request, f"The chain holds: {report.events} events in place, unchanged.")
    return redirect(f"{reverse('admin:audit_events')}?{urlencode({'chain': chain})}")
