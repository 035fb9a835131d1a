"""Every error of the API as RFC 9457 `application/problem+json`, wherever it was raised.

Views raise; nothing but this module writes an error. Django and DRF reach it by name:

- `exception_handler`: whatever is raised inside an API view;
- `error_response`: what middleware raises before a view is reached (`settings.ERROR_RENDERER`);
- `bad_request`, `permission_denied`, `page_not_found`, `server_error`: the URLconfs' handlers.

Outside `/api/` the last two kinds answer with pages.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.core.serializers.json import DjangoJSONEncoder
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views import defaults
from rest_framework.request import Request

from frostbyte.kernel.errors import FrostbyteError

MEDIA_TYPE: Final = "application/problem+json"
API_PREFIX: Final = "/api/"
NO_STORE: Final = "no-store"
SOON: Final[Mapping[str, str]] = {"Retry-After": "5"}
"""What goes with an error that may be gone when the same request comes again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One error as it is told: `status` is the HTTP one, `code` is stable and for machines.

    `errors` lists field, value and constraint of each breach; `extra` holds further safe members,
    which never replace the standard ones; `headers` go on the response.
    """

    status: int
    code: str
    detail: str
    remediation: str = ""
    errors: tuple[Mapping[str, Any], ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def members(self, *, request_id: str) -> dict[str, Any]:
        """Return the members of the problem document."""
        return {
            **self.extra,
            "type": problem_type(self.code),
            "title": self.code.replace("_", " ").capitalize(),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
            "remediation": self.remediation,
            "errors": [dict(error) for error in self.errors],
        }


def problem_type(code: str) -> str:
    """Return the URI that names a kind of problem; it identifies, and is not to be fetched."""
    return f"urn:frostbyte:problem:{code.lower().replace('_', '-')}"


def problem_response(request: HttpRequest | Request, problem: Problem) -> HttpResponse:
    """Return the response that tells `problem`, with the headers that its status calls for."""
    request_id = getattr(request, "request_id", "")
    response = HttpResponse(
        json.dumps(problem.members(request_id=request_id), cls=DjangoJSONEncoder),
        status=problem.status,
        content_type=MEDIA_TYPE,
        headers={"Cache-Control": NO_STORE, **problem.headers},
    )
    if problem.status == 401:
        response.headers["WWW-Authenticate"] = _challenge(request)
    return response


def exception_handler(error: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """Turn whatever an API view raised into a problem; DRF calls it."""
    from frostbyte.api.faults import problem_of

    request: Request = context["request"]
    return problem_response(request, problem_of(error, request=request, view=context["view"]))


def error_response(request: HttpRequest, error: FrostbyteError) -> HttpResponse:
    """Tell an error that was raised before any view: as a problem to the API, else as a page."""
    if is_api(request):
        return problem_response(request, problem_of_ours(error))
    page = render(request, _page_of(error), {"error": error}, status=error.http_status)
    for name, value in _headers_of(error).items():
        page.headers[name] = value
    return page


def problem_of_ours(error: FrostbyteError) -> Problem:
    """Return the problem that one of our own errors tells by itself."""
    extra = dict(error.extra)
    errors = extra.pop("errors", ())
    return Problem(
        status=error.http_status,
        code=error.code,
        detail=error.message,
        remediation=error.remediation,
        errors=tuple({"field": "", "value": None, "constraint": "", **each} for each in errors),
        extra=extra,
        headers=_headers_of(error),
    )


def _headers_of(error: FrostbyteError) -> Mapping[str, str]:
    if "retry_after" in error.extra:
        return {"Retry-After": str(error.extra["retry_after"])}
    return SOON if error.retryable and error.http_status == 503 else {}


def is_api(request: HttpRequest) -> bool:
    """Whether the caller speaks to the API and wants its errors as problems."""
    return request.path.startswith(API_PREFIX)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler400`: a host that is not served here, or a request that Django finds suspicious."""
    if not is_api(request):
        return defaults.bad_request(request, exception)
    problem = Problem(
        status=400,
        code="VALIDATION_ERROR",
        detail="The request is not well formed, or names a host that is not served here.",
        remediation="Check the host name, the headers and the body.",
    )
    return problem_response(request, problem)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler403`: refused outside an API view."""
    if not is_api(request):
        return defaults.permission_denied(request, exception)
    problem = Problem(
        status=403, code="INSUFFICIENT_PERMISSIONS", detail="The caller may not do this."
    )
    return problem_response(request, problem)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler404`: no address of the API, or no page, looks like this."""
    if not is_api(request):
        return defaults.page_not_found(request, exception)
    problem = Problem(
        status=404,
        code="RESOURCE_NOT_FOUND",
        detail="The API has no such address on this host.",
        remediation="The addresses are listed at /api/docs/.",
    )
    return problem_response(request, problem)


def server_error(request: HttpRequest) -> HttpResponse:
    """`handler500`: a fault outside an API view; Django calls it while the fault is handled."""
    if not is_api(request):
        return defaults.server_error(request)
    is_database = isinstance(sys.exc_info()[1], OperationalError | InterfaceError)
    return problem_response(request, DATABASE_AWAY if is_database else INTERNAL)


INTERNAL: Final = Problem(
    status=500,
    code="INTERNAL_ERROR",
    detail="Something broke on our side; it was recorded.",
    remediation="Try again; if it lasts, tell the platform's operator the request_id.",
)

DATABASE_AWAY: Final = Problem(
    status=503,
    code="SERVICE_UNAVAILABLE",
    detail="The database does not answer at present.",
    remediation="Try again in a moment.",
    headers=SOON,
)


def _page_of(error: FrostbyteError) -> str:
    if error.code == "TENANT_SUSPENDED":
        return "suspended.html"
    return "404.html" if error.http_status == 404 else "error.html"


def _challenge(request: HttpRequest | Request) -> str:
    """Return the challenge of RFC 6750: a key that was sent and refused is an invalid token."""
    presented = "Authorization" in request.headers
    return 'Bearer realm="frostbyte"' + (', error="invalid_token"' if presented else "")
