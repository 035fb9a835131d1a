"""Sign-in at the console in two steps: the password, then a code; and how the code is set up.

Nobody is signed in before the last step: between them the session holds who gave the password,
for five minutes.
"""

import time
from typing import Any, Final

import segno
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from tenants.access.lockout import (
    count_failure,
    count_success,
    locked_response,
    record_failure,
    require_unlocked,
)
from tenants.access.totp import totp_confirm, totp_of, totp_secret, totp_uri, totp_verify
from tenants.errors import SignInLockedError, WrongCodeError
from tenants.forms import CodeForm, OperatorSignInForm

PENDING: Final = "second_step"
PENDING_SECONDS: Final = 300


class OperatorLoginView(LoginView):
    """The first step: the password. It signs in by itself where no second one is asked for."""

    authentication_form = OperatorSignInForm
    next_page = "admin:index"

    def form_valid(self, form: Any) -> HttpResponse:
        """Go on to the code, to setting one up, or in."""
        user: User = form.get_user()
        has_code = totp_of(user) is not None
        if not has_code and not settings.REQUIRE_OPERATOR_TOTP:
            return super().form_valid(form)
        self.request.session.cycle_key()
        self.request.session[PENDING] = {
            "user": user.pk,
            "backend": user.backend,
            "hash": user.get_session_auth_hash(),
            "at": int(time.time()),
            "next": self.get_success_url(),
        }
        return redirect("admin:code" if has_code else "admin:totp")


@require_http_methods(["GET", "POST"])
def code_page(request: HttpRequest) -> HttpResponse:
    """The second step: take a code, each wrong one counting towards the lock-out."""
    user = _pending(request)
    if user is None or totp_of(user) is None:
        return redirect("admin:login")
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _checked(request, user, form)
    return render(request, "registration/code.html", {"form": form})


def _checked(request: HttpRequest, user: User, form: CodeForm) -> HttpResponse:
    name = f"code:{user.get_username()}"
    try:
        require_unlocked(request, name)
        totp_verify(user=user, code=form.cleaned_data["code"])
    except SignInLockedError:
        return locked_response(request, None, None)
    except WrongCodeError as error:
        if count_failure(request, name):
            del request.session[PENDING]
        record_failure(request, component="console", resource="code")
        form.add_error("code", error.message)
        return render(request, "registration/code.html", {"form": form})
    count_success(request, name)
    return _sign_in(request, user)


@require_http_methods(["GET", "POST"])
def totp_page(request: HttpRequest) -> HttpResponse:
    """Set up the second factor: of the person who is signed in, or is about to be."""
    user = _person(request)
    if user is None:
        return redirect("admin:login")
    row = totp_of(user)
    if row is not None:
        left = len(row.recovery_hashes)
        return render(request, "console/totp_in_use.html", {"row": row, "left": left})
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            return _set_up(request, user, form.cleaned_data["code"])
        except WrongCodeError as error:
            form.add_error("code", error.message)
    return render(request, "console/totp.html", {"form": form, "secret": totp_secret(user)})


def _set_up(request: HttpRequest, user: User, code: str) -> HttpResponse:
    codes = totp_confirm(user=user, code=code, actor=f"operator:{user.get_username()}")
    target = reverse("admin:index")
    if PENDING in request.session:
        target = _sign_in(request, user).headers["Location"]
    return render(request, "console/recovery_codes.html", {"codes": codes, "target": target})


@require_GET
def totp_picture(request: HttpRequest) -> HttpResponse:
    """Return the QR code of the secret that is being set up, as SVG."""
    user = _person(request)
    if user is None or totp_of(user) is not None:
        return HttpResponse(status=404)
    uri = totp_uri(user, totp_secret(user), platform=f"Frostbyte {settings.BASE_DOMAIN}")
    picture = segno.make(uri, error="m").svg_inline(scale=6, border=4, light="#fff")
    head = '<?xml version="1.0" encoding="utf-8"?>'
    namespaced = picture.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return HttpResponse(head + namespaced, content_type="image/svg+xml")


def _person(request: HttpRequest) -> User | None:
    user = request.user
    if isinstance(user, User) and user.is_active and user.is_staff:
        return user
    return _pending(request)


def _pending(request: HttpRequest) -> User | None:
    """Return who has just given the right password, if nothing about them changed since."""
    held = request.session.get(PENDING)
    if not held or time.time() - held["at"] > PENDING_SECONDS:
        return None
    user = User.objects.filter(pk=held["user"], is_active=True, is_staff=True).first()
    if user is None or user.get_session_auth_hash() != held["hash"]:
        return None
    return user


def _sign_in(request: HttpRequest, user: User) -> HttpResponse:
    held = request.session.pop(PENDING)
    login(request, user, backend=held["backend"])
    return redirect(held["next"])
