"""Sign-in, password, people and history of a tenant's staff, and the public host's front page."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, PasswordChangeView, PasswordResetConfirmView
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.views.decorators.http import (
    require_GET,
    require_http_methods,
    require_POST,
    require_safe,
)
from django.views.generic import FormView

from frostbyte.kernel.errors import FrostbyteError, NotFoundError
from tenants.access.oidc import flow
from tenants.access.oidc.config import identity_provider_of, password_allowed
from tenants.access.people import (
    Invitation,
    invitation_of,
    person_password_changed,
    person_sign_out,
    staff_change_role,
    staff_create,
    staff_get,
    staff_invite,
    staff_list,
    staff_set_active,
)
from tenants.access.roles import TENANT_ROLES, role_of
from tenants.forms import PersonForm, RoleForm, SignInForm
from tenants.history import history_of, tell_verification
from tenants.models import Scope
from tenants.pages import StaffRequest, actor_of, page_of, shown_errors, staff_page


class StaffLoginView(LoginView):
    """Sign-in at a tenant's own address, against the people of that tenant alone."""

    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the tenant's identity provider, where it has one."""
        tenant = self.request.tenant  # type: ignore[attr-defined]
        return {
            **super().get_context_data(**kwargs),
            "provider": identity_provider_of(tenant),
            "password_allowed": password_allowed(tenant),
        }


class RecordedPassword(FormView):  # type: ignore[type-arg]
    """A password that its person sets is on record, at the tenant's address or the console."""

    def form_valid(self, form: Any) -> HttpResponse:
        """Set it, and record that it was."""
        with transaction.atomic():
            response = super().form_valid(form)
            tenant = getattr(self.request, "tenant", None)
            person_password_changed(user=form.user, tenant=tenant)
        return response


class OwnPasswordView(RecordedPassword, PasswordChangeView):
    """Change one's own password; all other sessions end."""

    template_name = "registration/password.html"
    success_url = reverse_lazy("documents")


class InvitationView(RecordedPassword, PasswordResetConfirmView):
    """Set a password by a link that works once; the link leaves the address at once."""

    template_name = "registration/invitation.html"
    success_url = reverse_lazy("login")
    reset_url_token = "set"  # noqa: S105


@require_POST
@login_required
def sign_out_everywhere(request: HttpRequest) -> HttpResponse:
    """End every session of the person who asks, this one too."""
    if isinstance(request.user, User):
        tenant = getattr(request, "tenant", None)
        person_sign_out(user=request.user, tenant=tenant, actor=actor_of(request))
    logout(request)
    return redirect("login")


@require_GET
@shown_errors
def oidc_start(request: HttpRequest) -> HttpResponse:
    """Lead to the tenant's identity provider."""
    return flow.start(request)


@require_GET
@shown_errors
def oidc_callback(request: HttpRequest) -> HttpResponse:
    """Take who comes back from it."""
    return flow.callback(request)


@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    """Tell what this is and where operators sign in; names no tenant."""
    return render(request, "console/landing.html")


@require_GET
@staff_page(Scope.AUDIT)
def audit(request: StaffRequest) -> HttpResponse:
    """List the tenant's own audit events, newest first."""
    return render(request, "tenants/audit.html", history_of(request, request.tenant.slug))


@require_POST
@staff_page(Scope.AUDIT)
def audit_verify(request: StaffRequest) -> HttpResponse:
    """Recompute the tenant's chain and say whether it holds."""
    tell_verification(request, request.tenant.slug)
    return redirect("audit")


@require_GET
@staff_page(Scope.ADMIN)
def people(request: StaffRequest) -> HttpResponse:
    """List the tenant's people with their roles."""
    page = page_of(request, staff_list())
    rows = [(user, role_of(user, roles=TENANT_ROLES)) for user in page]
    context = {"section": "people", "page_obj": page, "rows": rows, "roles": list(TENANT_ROLES)}
    return render(request, "tenants/people.html", context)


@require_http_methods(["GET", "POST"])
@staff_page(Scope.ADMIN)
def person_new(request: StaffRequest) -> HttpResponse:
    """Create a person, and show the link by which they set their password, this once."""
    form = PersonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = staff_create(tenant=request.tenant, **form.cleaned_data, actor=actor_of(request))
        except FrostbyteError as error:
            form.add_error("username", f"{error.message} {error.remediation}")
        else:
            return _invitation_page(request, user.get_username(), invitation_of(user))
    return render(request, "tenants/person_new.html", {"section": "people", "form": form})


@require_POST
@staff_page(Scope.ADMIN)
def person_role(request: StaffRequest, username: str) -> HttpResponse:
    """Give a person another role."""
    user = staff_get(username=username)
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, "There is no such role.")
        return redirect("people")
    role = form.cleaned_data["role"]
    return _changed(
        request,
        lambda: staff_change_role(
            tenant=request.tenant, user=user, role=role, actor=actor_of(request)
        ),
        f"{username} is {role} now.",
    )


@require_POST
@staff_page(Scope.ADMIN)
def person_active(request: StaffRequest, username: str) -> HttpResponse:
    """Let a person sign in again, or no more."""
    user = staff_get(username=username)
    is_active = request.POST.get("active") == "yes"
    return _changed(
        request,
        lambda: staff_set_active(
            tenant=request.tenant, user=user, is_active=is_active, actor=actor_of(request)
        ),
        f"{username} may sign in." if is_active else f"{username} is signed out for good.",
    )


@require_POST
@staff_page(Scope.ADMIN)
def person_invite(request: StaffRequest, username: str) -> HttpResponse:
    """Take a person's password away, and show the link by which they set a new one."""
    user = staff_get(username=username)
    invitation = staff_invite(tenant=request.tenant, user=user, actor=actor_of(request))
    return _invitation_page(request, username, invitation)


def _invitation_page(request: StaffRequest, username: str, invitation: Invitation) -> HttpResponse:
    path = reverse("invitation", args=[invitation.uid, invitation.token])
    context = {
        "section": "people",
        "username": username,
        "address": request.build_absolute_uri(path),
    }
    return render(request, "tenants/person_invited.html", context)


def _changed(request: StaffRequest, change: Callable[[], object], done: str) -> HttpResponse:
    try:
        change()
    except NotFoundError:
        raise
    except FrostbyteError as error:
        messages.error(request, f"{error.message} {error.remediation}")
    else:
        messages.success(request, done)
    return redirect("people")
