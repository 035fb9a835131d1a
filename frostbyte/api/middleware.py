"""Middleware for every answer: its request's id, and that no cache may keep it."""

import re
from collections.abc import Callable
from typing import Final

import structlog
from django.http import HttpRequest, HttpResponse

from frostbyte.kernel.ids import new_id

HEADER: Final = "X-Request-ID"
_SANE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


class RequestIdMiddleware:
    """Set `request.request_id`: the caller's `X-Request-ID` if it is sane, else a new UUIDv7.

    A request begins and ends with an empty log context, so that nothing of one request shows on
    the lines of the next one that the same thread serves.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = _request_id(request.headers.get(HEADER, ""))
        request.request_id = request_id  # type: ignore[attr-defined]
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            response = self.get_response(request)
        finally:
            structlog.contextvars.clear_contextvars()
        response.headers[HEADER] = request_id
        return response


class NoStoreMiddleware:
    """Tell every cache on the way to keep nothing, wherever a view does not say otherwise.

    What a tenant's key or session gets at an address is not what another's gets there.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response


def _request_id(presented: str) -> str:
    return presented if _SANE.fullmatch(presented) else str(new_id())
