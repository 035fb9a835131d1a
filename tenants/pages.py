"""What every page of a tenant's staff shares: sign-in, roles, errors, pages of a list."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control

from frostbyte.kernel.errors import FrostbyteError, NotFoundError
from tenants.api.permissions import ROLE_SCOPES
from tenants.models import Scope, Tenant

ROWS = 50

P = ParamSpec("P")
M = TypeVar("M", bound=Model)
View = Callable[Concatenate["StaffRequest", P], HttpResponse]


class StaffRequest(HttpRequest):
    """A request of a person who is signed in to a tenant's pages."""

    tenant: Tenant
    user: User
    staff_scopes: frozenset[str]


def staff_page(
    scope: Scope | None = None,
) -> Callable[[View[P]], Callable[Concatenate[HttpRequest, P], HttpResponse]]:
    """Require sign-in and a scope, and show our own errors as pages: 403, 404, or what they say.

    Browsers keep no copy, so that nothing shows after signing out.
    """

    def wrap(view: View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
        @login_required
        @cache_control(private=True, no_store=True)
        @wraps(view)
        def page(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            staff = cast("StaffRequest", request)
            if scope is not None and not may(staff, scope):
                raise PermissionDenied
            try:
                return view(staff, *args, **kwargs)
            except NotFoundError as error:
                raise Http404 from error
            except FrostbyteError as error:
                return render(request, "error.html", {"error": error}, status=error.http_status)

        return page

    return wrap


def may(request: StaffRequest, scope: Scope) -> bool:
    """Whether the person's roles hold the scope; the roles are read once a request."""
    if not hasattr(request, "staff_scopes"):
        roles = request.user.groups.values_list("name", flat=True)
        request.staff_scopes = frozenset().union(
            *(ROLE_SCOPES.get(role, frozenset()) for role in roles)
        )
    return scope.value in request.staff_scopes


def actor_of(request: StaffRequest) -> str:
    """Return how the signed-in person is named in receipts and audit events."""
    return f"user:{request.user.get_username()}"


def page_of(
    request: HttpRequest, rows: QuerySet[M], *, size: int = ROWS, number: int | None = None
) -> Page[M]:
    """Return page `number`, or the one that the address asks for: nonsense gives first or last."""
    return Paginator(rows, size).get_page(number or request.GET.get("page"))
