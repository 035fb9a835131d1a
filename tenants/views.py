"""Sign-in and password of a tenant's staff, and the public host's front page."""

from django.contrib.auth.views import LoginView, PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse_lazy
from django.views.decorators.http import require_safe

from tenants.forms import SignInForm


class StaffLoginView(LoginView):
    """Sign-in at a tenant's own address, against the people of that tenant alone."""

    authentication_form = SignInForm
    redirect_authenticated_user = True


class StaffPasswordView(PasswordChangeView):
    """Change one's own password."""

    template_name = "registration/password.html"
    success_url = reverse_lazy("documents")


@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    """Tell what this is and where operators sign in; names no tenant."""
    return render(request, "console/landing.html")
