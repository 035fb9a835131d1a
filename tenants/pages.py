"""What every page of a tenant's staff shares: sign-in, roles, errors, pages of a list."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import SimpleLazyObject

from frostbyte.kernel.errors import FrostbyteError, NotFoundError
from tenants.access.roles import PLATFORM_ROLES, TENANT_ROLES, scopes_of
from tenants.models import Scope, Tenant

ROWS = 50

P = ParamSpec("P")
M = TypeVar("M", bound=Model)
View = Callable[Concatenate["StaffRequest", P], HttpResponse]


class StaffRequest(HttpRequest):
    """A request of a person who is signed in to a tenant's pages."""

    tenant: Tenant
    user: User


def staff_page(
    *scopes: Scope, otherwise: str = ""
) -> Callable[[View[P]], Callable[Concatenate[HttpRequest, P], HttpResponse]]:
    """Require sign-in and one of the scopes, and show our own errors as pages.

    Who has none of the scopes is led to the page named `otherwise`, or refused with 403. Browsers
    keep no copy, so that nothing shows after signing out.
    """

    def wrap(view: View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
        @login_required
        @wraps(view)
        def page(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if scopes and not any(may(request, scope) for scope in scopes):
                return elsewhere(otherwise)
            return shown_errors(view)(request, *args, **kwargs)

        return page

    return wrap


def elsewhere(name: str) -> HttpResponse:
    """Lead a person who may not be here to the page of this name, or refuse them with 403."""
    if not name:
        raise PermissionDenied
    return redirect(name)


def may(request: HttpRequest, scope: Scope) -> bool:
    """Whether the roles of the person who is signed in hold the scope."""
    return scope.value in person_scopes(request)


def person_scopes(request: HttpRequest) -> frozenset[str]:
    """Return what the signed-in person may do where they are; read once a request."""
    known: frozenset[str] | None = getattr(request, "_person_scopes", None)
    if known is not None:
        return known
    roles = TENANT_ROLES if getattr(request, "tenant", None) else PLATFORM_ROLES
    user = getattr(request, "user", None)
    found = scopes_of(user, roles=roles) if isinstance(user, User) else frozenset()
    request._person_scopes = found  # type: ignore[attr-defined]  # noqa: SLF001
    return found


def scopes_in_templates(request: HttpRequest) -> dict[str, Any]:
    """Let templates ask `"query" in scopes`; nothing is read until they do."""
    return {"scopes": SimpleLazyObject(lambda: person_scopes(request))}


def actor_of(request: HttpRequest) -> str:
    """Return how the signed-in person is named in receipts and audit events."""
    kind = "user" if getattr(request, "tenant", None) else "operator"
    return f"{kind}:{request.user.get_username()}"


def shown_errors(view: View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Show our own errors as pages: 404, or what they say with their status."""

    @wraps(view)
    def page(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(cast("StaffRequest", request), *args, **kwargs)
        except NotFoundError as error:
            raise Http404 from error
        except FrostbyteError as error:
            return render(request, "error.html", {"error": error}, status=error.http_status)

    return page


def page_of(
    request: HttpRequest, rows: QuerySet[M], *, size: int = ROWS, number: int | None = None
) -> Page[M]:
    """Return page `number`, or the one that the address asks for: nonsense gives first or last."""
    return Paginator(rows, size).get_page(number or request.GET.get("page"))
