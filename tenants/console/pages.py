"""The console's pages. Each needs an operator; what it changes goes through the services."""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit.models import AuditEvent
from audit.selectors import chain_names, event_list
from frostbyte.kernel.errors import FrostbyteError, NotFoundError, ValidationError
from tenants.console.settings_form import SettingsForm, in_words
from tenants.console.timelines import name_of, possibilities, timeline_of
from tenants.errors import (
    ConfirmationMismatchError,
    GroupNotFoundError,
    TenantNotActiveError,
    VersionConflictError,
)
from tenants.forms import KeyForm, RemovalForm, TenantForm
from tenants.history import history_of, tell_verification
from tenants.lifecycle.deprovisioning import tenant_contents, tenant_deprovision
from tenants.lifecycle.provisioning import tenant_provision
from tenants.lifecycle.recovery import tenant_retry, tenants_interrupted
from tenants.lifecycle.states import TenantState
from tenants.limits.quotas import usage_measured
from tenants.models import Scope, Tenant
from tenants.naming import PLATFORM
from tenants.pages import actor_of, elsewhere, may, page_of
from tenants.selectors import (
    ConfigurationChange,
    api_key_get,
    configuration_history,
    lifecycle_runs,
    tenant_get,
    tenants_by_state,
    tenants_with_keys,
)
from tenants.services import (
    api_key_issue,
    api_key_revoke,
    tenant_configure,
    tenant_resume,
    tenant_suspend,
)

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
    """List the tenants, all or those in one state: address, working keys."""
    wanted = request.GET.get("q", "").strip()
    state = request.GET.get("state", "")
    states = [state] if state in TenantState.values else []
    page = page_of(request, tenants_with_keys(states=states, search=wanted))
    counts = tenants_by_state()
    context = {
        "section": "tenants",
        "page_obj": page,
        "wanted": wanted,
        "state": state,
        "counts": {state: n for state, n in counts.items() if n},
        "total": sum(counts.values()),
        "interrupted": {tenant.pk for tenant in tenants_interrupted()},
        "port": _port_of(request),
        "query": f"{urlencode({'q': wanted, 'state': state})}&",
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
            messages.success(request, f"{tenant.name} is ready.")
            return _show_issued_key(request, tenant)
    return render(request, "console/tenant_new.html", {"section": "tenants", "form": form})


@require_GET
@operator_page(Scope.ADMIN)
def tenant_detail(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one tenant: state, what can be done, keys, settings, its life, what happened lately."""
    tenant = tenant_get(slug=slug)
    is_interrupted = tenant in tenants_interrupted()
    measured, usage = usage_measured(tenant=tenant) or (None, None)
    context = {
        "section": "tenants",
        "tenant": tenant,
        "measured": measured,
        "usage": usage,
        "is_interrupted": is_interrupted,
        "can": {each.name: each for each in possibilities(tenant, is_interrupted=is_interrupted)},
        "keys": tenant.api_keys.all(),
        "timelines": [timeline_of(run) for run in lifecycle_runs(tenant=tenant)],
        "domains": tenant.domains.all(),
        "port": _port_of(request),
        "settings": _settings_in_words(tenant),
        "events": event_list(tenant=slug).reverse()[:RECENT_EVENTS],
    }
    return render(request, "console/tenant.html", context)


def _settings_in_words(tenant: Tenant) -> dict[str, str]:
    values = tenant.settings.model_dump(mode="json")
    return {name: in_words(value) for name, value in values.items()}


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
        if tenant.issued_key:
            return _show_issued_key(request, tenant)
    return redirect("admin:tenant", slug=slug)


@require_POST
@operator_page(Scope.ADMIN)
def tenant_suspend_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Stop a tenant."""
    return _change(request, slug, tenant_suspend, "is suspended, and its keys are revoked.")


@require_POST
@operator_page(Scope.ADMIN)
def tenant_resume_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Let a tenant work again, and show its new key."""
    return _change(request, slug, tenant_resume, "works again. Its old keys stay revoked.")


@require_POST
@operator_page(Scope.ADMIN)
def tenant_retry_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Go on with a set-up or a removal that failed or was cut off."""
    return _change(request, slug, tenant_retry, "is done with what had failed.")


@require_http_methods(["GET", "POST"])
@operator_page(Scope.ADMIN)
def tenant_remove_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what a removal deletes, and do it when the slug is typed."""
    tenant = tenant_get(slug=slug)
    form = RemovalForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            tenant_deprovision(
                tenant=tenant, confirmation=form.cleaned_data["confirm"], actor=actor_of(request)
            )
        except ConfirmationMismatchError as error:
            form.add_error("confirm", f"{error.message} {error.remediation}")
        except FrostbyteError as error:
            messages.error(request, f"{error.message} {error.remediation}")
            return redirect("admin:tenant", slug=slug)
        else:
            messages.success(request, f"{tenant.name} is removed; each store was seen to be empty.")
            return redirect("admin:tenant", slug=slug)
    return _show_removal(request, tenant, form)


def _show_removal(request: HttpRequest, tenant: Tenant, form: RemovalForm) -> HttpResponse:
    can = possibilities(tenant, is_interrupted=tenant in tenants_interrupted())
    removal = next(each for each in can if each.name == "tenant_remove")
    if not removal.is_allowed:
        messages.error(request, removal.why_not)
        return redirect("admin:tenant", slug=tenant.slug)
    contents = {name_of(name): n for name, n in tenant_contents(tenant=tenant).items()}
    context = {"section": "tenants", "tenant": tenant, "form": form, "contents": contents}
    return render(request, "console/tenant_remove.html", context)


@require_http_methods(["GET", "POST"])
@operator_page(Scope.ADMIN)
def tenant_settings_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Change a tenant's settings, with the history of changes below."""
    tenant = tenant_get(slug=slug)
    form = SettingsForm(
        request.POST or None, configuration=tenant.settings, version=tenant.config_version
    )
    if request.method == "POST" and form.is_valid() and _configure(request, tenant, form):
        messages.success(request, f"The settings are at version {tenant.config_version}.")
        return redirect("admin:tenant_settings", slug=slug)
    context = {
        "section": "tenants",
        "tenant": tenant,
        "form": form,
        "history": [_in_words(each) for each in configuration_history(tenant=tenant)],
    }
    return render(request, "console/tenant_settings.html", context)


def _in_words(change: ConfigurationChange) -> ConfigurationChange:
    """Return the change with its values as the page shows them."""
    told = {
        name: {side: in_words(value) for side, value in values.items()}
        for name, values in change.changed.items()
    }
    return replace(change, changed=told)


def _configure(request: HttpRequest, tenant: Tenant, form: SettingsForm) -> bool:
    """Make the form's changes, or put what was refused into the form."""
    try:
        tenant_configure(
            tenant=tenant,
            changes=form.changes,
            actor=actor_of(request),
            expected_version=form.cleaned_data["version"],
        )
    except VersionConflictError:
        form.add_error(None, "Somebody else changed the settings meanwhile. Open the page again.")
    except ValidationError as error:
        form.tell(error)
    return not form.errors


def _show_issued_key(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """Show the key that came with a change of state, this once."""
    key = tenant.api_keys.first()
    context = {"section": "tenants", "tenant": tenant, "key": key, "secret": tenant.issued_key}
    return render(request, "console/key_issued.html", context)


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
        except TenantNotActiveError as error:
            messages.error(request, error.message)
            return redirect("admin:tenant", slug=slug)
        else:
            issued = {**context, "key": key, "secret": secret}
            return render(request, "console/key_issued.html", issued)
    return render(request, "console/key_new.html", context)


@require_POST
@operator_page(Scope.ADMIN)
def key_revoke(request: HttpRequest, key_id: str) -> HttpResponse:
    """Withdraw a key."""
    key = api_key_get(key_id=key_id)
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
