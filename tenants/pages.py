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

from frostbyte.kernel.errors import FrostbyteError, NotFoundError
from tenants.errors import InsufficientPermissionsError
from tenants.models import Tenant
from tenants.services import TENANT_ADMIN

ROWS = 50

P = ParamSpec("P")
M = TypeVar("M", bound=Model)
View = Callable[Concatenate["StaffRequest", P], HttpResponse]


class StaffRequest(HttpRequest):
    """A request of a person who is signed in to a tenant's pages."""

    tenant: Tenant
    user: User


def staff_page(view: View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Require sign-in, and show our own errors as pages: 403, 404, or what they say."""

    @login_required
    @wraps(view)
    def page(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(cast("StaffRequest", request), *args, **kwargs)
        except NotFoundError as error:
            raise Http404 from error
        except InsufficientPermissionsError as error:
            raise PermissionDenied from error
        except FrostbyteError as error:
            return render(request, "error.html", {"error": error}, status=error.http_status)

    return page


def actor_of(request: StaffRequest) -> str:
    """Return how the signed-in person is named in receipts and audit events."""
    return f"user:{request.user.get_username()}"


def is_tenant_admin(request: StaffRequest) -> bool:
    """Whether the person may hand documents in and see the receipts of all."""
    return request.user.groups.filter(name=TENANT_ADMIN).exists()


def page_of(request: HttpRequest, rows: QuerySet[M], *, size: int = ROWS) -> Page[M]:
    """Return the page of `rows` that the address asks for; nonsense gives the first or last."""
    return Paginator(rows, size).get_page(request.GET.get("page"))
