"""Which problem an exception is: ours, DRF's, Django's, or a fault that nobody expected."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.views import APIView

from frostbyte.api.problems import DATABASE_AWAY, INTERNAL, Problem, problem_of_ours
from frostbyte.kernel.errors import FrostbyteError
from frostbyte.kernel.faults import place_of

log = structlog.get_logger("frostbyte.api")

_DETAIL_LIMIT: Final = 300
_PLAIN_VALUE: Final = re.compile(r"[A-Za-z0-9._:+/-]{0,64}")
_NEVER_ECHOED: Final = re.compile(r"pass|secret|token|key|query_text|text|name|file", re.IGNORECASE)

Translator = Callable[[Any, Request, APIView], Problem]


def problem_of(error: Exception, *, request: Request, view: APIView) -> Problem:
    """Return the problem that `error` is; what is not expected is logged, without its message."""
    for kind, translate in _TRANSLATORS:
        if isinstance(error, kind):
            return translate(error, request, view)
    log.error("fault", error=type(error).__name__, at=place_of(error))
    return INTERNAL


def _ours(error: FrostbyteError, _request: Request, _view: APIView) -> Problem:
    if error.http_status >= 500:
        log.warning("refused", code=error.code, at=place_of(error))
    return problem_of_ours(error)


def _invalid(error: exceptions.ValidationError, request: Request, _view: APIView) -> Problem:
    faults = list(_flatten(error.detail))
    errors = tuple(
        {"field": name, "value": _echo(request, name), "constraint": constraint[:_DETAIL_LIMIT]}
        for name, constraint in faults
    )
    rules = "1 rule is" if len(faults) == 1 else f"{len(faults)} rules are"
    return Problem(
        status=400,
        code="VALIDATION_ERROR",
        detail=f"{rules} broken by this request; see `errors`.",
        remediation="Correct the fields that are named and send the request again.",
        errors=errors,
    )


def _malformed(error: exceptions.ParseError, _request: Request, _view: APIView) -> Problem:
    return Problem(
        status=400,
        code="VALIDATION_ERROR",
        detail=_shortened(error.detail),
        remediation="Send a well-formed body of the type that its Content-Type names.",
    )


def _unauthenticated(error: exceptions.APIException, _request: Request, _view: APIView) -> Problem:
    return Problem(
        status=401,
        code="AUTHENTICATION_REQUIRED",
        detail=_shortened(error.detail),
        remediation="Send 'Authorization: Bearer fb_<slug>_<id>_<secret>', or sign in.",
    )


def _forbidden(error: Exception, _request: Request, _view: APIView) -> Problem:
    detail = _shortened(getattr(error, "detail", "The caller may not do this."))
    is_csrf = detail.startswith("CSRF")
    return Problem(
        status=403,
        code="INSUFFICIENT_PERMISSIONS",
        detail=detail,
        remediation="Send the CSRF cookie's value as X-CSRFToken." if is_csrf else "",
        extra={"reason": "csrf"} if is_csrf else {},
    )


def _missing(_error: Exception, _request: Request, _view: APIView) -> Problem:
    return Problem(
        status=404,
        code="RESOURCE_NOT_FOUND",
        detail="There is no such thing here.",
        remediation="Check the id and the host, or the tenant of the API key.",
    )


def _wrong_method(error: exceptions.MethodNotAllowed, _request: Request, view: APIView) -> Problem:
    return Problem(
        status=405,
        code="METHOD_NOT_ALLOWED",
        detail=_shortened(error.detail),
        remediation=f"Allowed here: {', '.join(view.allowed_methods)}.",
    )


def _not_acceptable(_error: Exception, _request: Request, view: APIView) -> Problem:
    offered = _media_types(view.renderer_classes)
    return Problem(
        status=406,
        code="NOT_ACCEPTABLE",
        detail="None of the media types of the Accept header can be given here.",
        remediation=f"Accept {offered}.",
    )


def _unsupported(
    error: exceptions.UnsupportedMediaType, _request: Request, view: APIView
) -> Problem:
    return Problem(
        status=415,
        code="UNSUPPORTED_MEDIA_TYPE",
        detail=_shortened(error.detail),
        remediation=f"Send the body as {_media_types(view.parser_classes)}.",
    )


def _too_big(_error: Exception, _request: Request, _view: APIView) -> Problem:
    return Problem(
        status=413,
        code="SIZE_EXCEEDED",
        detail="The body of the request is larger than is accepted here.",
        remediation="Send less at once.",
    )


def _suspicious(_error: Exception, _request: Request, _view: APIView) -> Problem:
    return Problem(
        status=400,
        code="VALIDATION_ERROR",
        detail="The request is not well formed.",
        remediation="Check the number of its fields and files, and their names.",
    )


def _unread(_error: Exception, _request: Request, _view: APIView) -> Problem:
    return Problem(
        status=400,
        code="VALIDATION_ERROR",
        detail="The body did not come to its end.",
        remediation="Send the request again.",
    )


def _database_away(error: Exception, _request: Request, _view: APIView) -> Problem:
    log.error("database", error=type(error).__name__, at=place_of(error))
    return DATABASE_AWAY


def _other(error: exceptions.APIException, _request: Request, _view: APIView) -> Problem:
    return Problem(
        status=error.status_code,
        code="INTERNAL_ERROR" if error.status_code >= 500 else "VALIDATION_ERROR",
        detail=_shortened(error.detail),
    )


# The first that fits is taken, so that subclasses stand before their parents.
_TRANSLATORS: Final[
    tuple[tuple[type[Exception] | tuple[type[Exception], ...], Translator], ...]
] = (
    (FrostbyteError, _ours),
    (exceptions.ValidationError, _invalid),
    (exceptions.ParseError, _malformed),
    ((exceptions.NotAuthenticated, exceptions.AuthenticationFailed), _unauthenticated),
    ((exceptions.PermissionDenied, PermissionDenied), _forbidden),
    ((exceptions.NotFound, Http404), _missing),
    (exceptions.MethodNotAllowed, _wrong_method),
    (exceptions.NotAcceptable, _not_acceptable),
    (exceptions.UnsupportedMediaType, _unsupported),
    (exceptions.APIException, _other),
    (RequestDataTooBig, _too_big),
    (UnreadablePostError, _unread),
    (SuspiciousOperation, _suspicious),
    ((OperationalError, InterfaceError), _database_away),
)


def _flatten(detail: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield (dotted field, constraint) of each breach in DRF's nested details."""
    if isinstance(detail, Mapping):
        for name, nested in detail.items():
            yield from _flatten(nested, _join(path, str(name)))
    elif isinstance(detail, list | tuple):
        for index, nested in enumerate(detail):
            inner = path if isinstance(nested, str) else _join(path, str(index))
            yield from _flatten(nested, inner)
    else:
        yield path, str(detail)


def _join(path: str, name: str) -> str:
    if name == "non_field_errors":
        return path
    return f"{path}.{name}" if path else name


def _echo(request: Request, name: str) -> Any:
    """Return the value that was sent for a field, if it is short, plain and no text of a person."""
    if not name or _NEVER_ECHOED.search(name):
        return None
    value = _value_at(_sent(request), name.split("."))
    if isinstance(value, bool | int | float):
        return value
    is_plain = isinstance(value, str) and _PLAIN_VALUE.fullmatch(value)
    return value if is_plain else None


def _sent(request: Request) -> Any:
    if request.method in ("GET", "HEAD"):
        return request.query_params
    return request.data


def _value_at(data: Any, path: Iterable[str]) -> Any:
    for name in path:
        if isinstance(data, Mapping):
            data = data.get(name)
        elif isinstance(data, list) and name.isdigit() and int(name) < len(data):
            data = data[int(name)]
        else:
            return None
    return data


def _media_types(classes: Iterable[type[Any]]) -> str:
    return " or ".join(dict.fromkeys(each.media_type for each in classes))


def _shortened(detail: Any) -> str:
    return str(detail)[:_DETAIL_LIMIT]
