"""Rates a minute, counted for each tenant in the cache."""

import time
from typing import Any, Final

import structlog
from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle

from tenants.naming import PLATFORM

log = structlog.get_logger("frostbyte.api")

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class TenantScopedRateThrottle(BaseThrottle):
    """Count requests of a tenant in the view's `throttle_scope`, in windows of fixed length.

    `throttle_scope` is a name in DEFAULT_THROTTLE_RATES, or one a method; requests of operators
    count together. One atomic increment a request: processes that count side by side lose
    nothing, and the count ends with its window, which `Retry-After` tells.

    When the cache does not answer, requests pass and a line is logged. Rates keep tenants from
    crowding each other out; they do not keep anybody apart or out. Refusing would turn the loss
    of a cache into the loss of the service, while the pipeline stays safe without: it takes up a
    limited number of runs a tenant, counted in PostgreSQL.
    """

    def __init__(self) -> None:
        self.retry_after: float | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        """Count the request and return whether it is within the rate."""
        scope = scope_of(view, request.method or "")
        rates: dict[str, str | None] = api_settings.DEFAULT_THROTTLE_RATES  # type: ignore[assignment]
        rate = rates.get(scope) if scope else None
        if not scope or not rate:
            return True
        limit, seconds = parse_rate(rate)
        now = time.time()
        count = _count(scope, _payer(request), window=int(now // seconds), seconds=seconds)
        self.retry_after = seconds - now % seconds
        return count <= limit

    def wait(self) -> float | None:
        """Return the seconds until the window ends."""
        return self.retry_after


def scope_of(view: Any, method: str) -> str | None:
    """Return the name of the rate that a method of the view counts towards, or None."""
    declared: str | dict[str, str] | None = getattr(view, "throttle_scope", None)
    if isinstance(declared, dict):
        return declared.get("GET" if method in ("HEAD", "OPTIONS") else method)
    return declared


def parse_rate(rate: str) -> tuple[int, int]:
    """Return (requests, seconds) of a rate such as `100/min`."""
    number, period = rate.split("/")
    return int(number), _SECONDS[period[0]]


def _payer(request: Request) -> str:
    tenant = getattr(request, "tenant", None)
    return tenant.slug if tenant else PLATFORM


def _count(scope: str, payer: str, *, window: int, seconds: int) -> int:
    """Return how many requests of the window there are with this one; 0 when nobody counts."""
    key = f"rate:{scope}:{payer}:{window}"
    try:
        cache.add(key, 0, timeout=2 * seconds)
        return cache.incr(key)
    except (RedisError, OSError) as error:
        log.warning("rate not counted", error=type(error).__name__, scope=scope)
    except ValueError:
        # The entry was evicted between the two calls.
        log.warning("rate not counted", error="evicted", scope=scope)
    return 0
