"""Rates of the API: how many requests a minute pass, told on every answer."""

from collections.abc import Mapping
from typing import Any, Final

import structlog
from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from frostbyte.kernel.errors import FrostbyteError, ServiceUnavailableError
from tenants.api.callers import tenant_of
from tenants.limits.rates import (
    WINDOW_SECONDS,
    Rate,
    RateState,
    platform_rate,
    rate_take,
    tenant_rate,
)

log = structlog.get_logger("frostbyte.api")

READING: Final = frozenset({"HEAD", "OPTIONS"})


class RateLimitExceededError(FrostbyteError):
    """Too many requests within a minute; `retry_after` tells when to go on, in seconds."""

    code = "RATE_LIMIT_EXCEEDED"
    http_status = 429
    retryable = True


class TenantRateThrottle(BaseThrottle):
    """Count the request towards its tenant's rate in the view's `throttle_scope`.

    `throttle_scope` names an area, or one a method. A tenant's limits come from its configuration,
    which routing has loaded; `RATES_PER_MINUTE` has those that the platform sets. Each answer
    tells the limit and what is left of it in the headers of draft-ietf-httpapi-ratelimit-headers.

    When the cache does not answer, requests pass and a line is logged. Rates keep tenants from
    crowding each other out; they do not keep anybody apart or out. Refusing would turn the loss
    of a cache into the loss of the service, while the pipeline stays safe without: it takes up a
    limited number of runs a tenant, counted in PostgreSQL.
    """

    def allow_request(self, request: Request, view: Any) -> bool:
        """Return True for a request that passes; raises `RateLimitExceededError`."""
        rate = rate_of(request, view)
        state = _take(rate) if rate else None
        if state is None:
            return True
        view.headers.update(rate_headers(state))
        if not state.passes:
            raise _exceeded(state)
        return True


def rate_of(request: Request, view: Any) -> Rate | None:
    """Return the rate that the request counts towards, or None for no limit."""
    area = area_of(view, request.method or "")
    if area is None or not settings.RATES_COUNTED:
        return None
    tenant = tenant_of(request)
    own = tenant_rate(tenant=tenant, area=area) if tenant else None
    return own or platform_rate(area=area, tenant=tenant)


def area_of(view: Any, method: str) -> str | None:
    """Return the area that a method of the view counts towards, or None."""
    declared: str | Mapping[str, str] | None = getattr(view, "throttle_scope", None)
    if isinstance(declared, Mapping):
        return declared.get("GET" if method in READING else method)
    return declared


def rate_headers(state: RateState) -> dict[str, str]:
    """Return the headers that tell a rate: its quota and window, what is left, and when to go on.

    `q` is the limit, `w` the window, `r` what is left, `t` the seconds until more is.
    """
    name = f'"{state.rate.area}"'
    headers = {
        "RateLimit-Policy": f"{name};q={state.rate.limit};w={WINDOW_SECONDS}",
        "RateLimit": f"{name};r={state.remaining};t={state.wait_seconds or state.turn_seconds}",
    }
    if not state.passes:
        headers["Retry-After"] = str(state.wait_seconds)
    return headers


def _take(rate: Rate) -> RateState | None:
    try:
        return rate_take(rate)
    except ServiceUnavailableError as error:
        log.warning("rate not counted", error=type(error.__cause__).__name__, area=rate.area)
        return None


def _exceeded(state: RateState) -> RateLimitExceededError:
    area, limit = state.rate.area, state.rate.limit
    return RateLimitExceededError(
        f"The limit is {limit} requests a minute for {area}, and {state.used} were made.",
        remediation=f"Go on in {state.wait_seconds} s, as `Retry-After` says.",
        extra={
            "area": area,
            "limit": limit,
            "used": state.used,
            "window_seconds": WINDOW_SECONDS,
            "retry_after": state.wait_seconds,
        },
    )
