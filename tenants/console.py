"""The console's pages. Each needs an operator; what it changes goes through the services."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit.models import AuditEvent
from audit.selectors import chain_names, event_list
from frostbyte.kernel.errors import FrostbyteError, NotFoundError
from tenants.errors import GroupNotFoundError
from tenants.forms import KeyForm, TenantForm
from tenants.history import history_of, tell_verification
from tenants.lifecycle import TenantState
from tenants.models import ApiKey, Scope, Tenant
from tenants.naming import PLATFORM
from tenants.pages import actor_of, elsewhere, may, page_of
from tenants.provisioning import tenant_provision, tenant_provision_retry
from tenants.selectors import tenant_get, tenant_list
from tenants.services import api_key_issue, api_key_revoke, tenant_resume, tenant_suspend

RECENT_EVENTS = 8
P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def operator_page(scope: Scope, *, otherwise: str = "") -> Callable[[View[P]], View[P]]:
    """Require a scope of the signed-in person's role, and answer 404 for what is not there.

    Who does not have it is led to the page named `otherwise`, or refused.
    """

    def wrap(view: View[P]) -> View[P]:
        @wraps(view)
        def page(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if not may(request, scope):
                return elsewhere(otherwise)
            try:
                return view(request, *args, **kwargs)
            except NotFoundError as error:
                raise Http404 from error

        return page

    return wrap


@require_GET
@operator_page(Scope.ADMIN, otherwise="admin:audit_events")
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
@operator_page(Scope.ADMIN)
def tenant_new(request: HttpRequest) -> HttpResponse:
    """Onboard a tenant."""
    form = TenantForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            tenant = tenant_provision(**form.cleaned_data, actor=actor_of(request))
        except FrostbyteError as error:
            form.add_error("slug", f"{error.message} {error.remediation}")
        else:
            messages.success(request, f"{tenant.name} is ready. Issue its first API key below.")
            return redirect("admin:tenant", slug=tenant.slug)
    return render(request, "console/tenant_new.html", {"section": "tenants", "form": form})


@require_GET
@operator_page(Scope.ADMIN)
def tenant_detail(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one tenant: state, keys, settings, how it was set up, what happened lately."""
    tenant = tenant_get(slug=slug)
    context = {
        "section": "tenants",
        "tenant": tenant,
        "keys": tenant.api_keys.all(),
        "runs": tenant.lifecycle_runs.prefetch_related("steps").order_by("-started_at"),
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
        tenant = change(tenant=tenant_get(slug=slug), actor=actor_of(request))
    except NotFoundError:
        raise
    except FrostbyteError as error:
        messages.error(request, f"{error.message} {error.remediation}")
    else:
        messages.success(request, f"{tenant.name} {done}")
    return redirect("admin:tenant", slug=slug)


@require_POST
@operator_page(Scope.ADMIN)
def tenant_suspend_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Stop a tenant."""
    return _change(request, slug, tenant_suspend, "is suspended, and its keys are revoked.")


@require_POST
@operator_page(Scope.ADMIN)
def tenant_resume_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Let a tenant work again."""
    return _change(request, slug, tenant_resume, "works again. Its old keys stay revoked.")


@require_POST
@operator_page(Scope.ADMIN)
def tenant_retry_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Set a tenant up again whose provisioning failed."""
    return _change(request, slug, tenant_provision_retry, "is ready.")


@require_http_methods(["GET", "POST"])
@operator_page(Scope.ADMIN)
def key_new(request: HttpRequest, slug: str) -> HttpResponse:
    """Issue a key, and show it this once."""
    tenant = tenant_get(slug=slug)
    form = KeyForm(request.POST or None)
    context = {"section": "tenants", "tenant": tenant, "form": form}
    if tenant.state != TenantState.ACTIVE:
        messages.error(request, "Only a tenant that is active can have new keys.")
        return redirect("admin:tenant", slug=slug)
    if request.method == "POST" and form.is_valid():
        try:
            key, secret = api_key_issue(
                tenant=tenant,
                name=form.cleaned_data["name"],
                scopes=form.cleaned_data["scopes"],
                groups=form.cleaned_data["groups"],
                expires_at=form.cleaned_data["expires_on"],
                actor=actor_of(request),
            )
        except GroupNotFoundError as error:
            form.add_error("groups", error.message)
        else:
            issued = {**context, "key": key, "secret": secret}
            return render(request, "console/key_issued.html", issued)
    return render(request, "console/key_new.html", context)


@require_POST
@operator_page(Scope.ADMIN)
def key_revoke(request: HttpRequest, key_id: str) -> HttpResponse:
    """Withdraw a key."""
    key = ApiKey.objects.select_related("tenant").filter(key_id=key_id).first()
    if key is None:
        raise Http404
    api_key_revoke(key=key, actor=actor_of(request))
    messages.success(request, f"The key “{key.name}” is revoked.")
    return redirect("admin:tenant", slug=key.tenant.slug)


@require_GET
@operator_page(Scope.AUDIT)
def audit_events(request: HttpRequest) -> HttpResponse:
    """List audit events of one chain, newest first, of one type or of all."""
    chains = chain_names() or [PLATFORM]
    chain = request.GET.get("chain") or chains[0]
    context = {**history_of(request, chain), "chains": chains}
    return render(request, "console/audit.html", context)


@require_POST
@operator_page(Scope.AUDIT)
def audit_chain(request: HttpRequest, chain: str) -> HttpResponse:
    """Recompute a chain and say whether it holds."""
    if not AuditEvent.objects.filter(tenant=chain).exists():
        raise Http404
    tell_verification(request, chain)
    return redirect(f"{reverse('admin:audit_events')}?{urlencode({'chain': chain})}")
