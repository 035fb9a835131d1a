"""Lock-out after failed sign-ins, by name and address, in each tenant for itself (django-axes).

django-axes counts in the cache named `lockout`, whose keys carry the schema in force and an
epoch; another epoch forgets all failures of the schema. Names are hashed before anything is
counted or logged: people type passwords in the field for names.
"""

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any, Final

from axes.handlers.proxy import AxesProxyHandler
from axes.helpers import get_cool_off
from django.conf import settings
from django.contrib.auth.signals import user_login_failed
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string
from django_tenants.cache import make_key as key_in_schema

from audit.events import EventType
from audit.services import record_event
from tenants.errors import SignInLockedError
from tenants.naming import PLATFORM

PEOPLE_LIMIT: Final = 5
NOISE_LIMIT: Final = 50
"""Bad keys and tokens, and failed ways to a provider, of one address. None can be guessed; this
bounds the noise."""
BEARER: Final = "bearer:"
PROVIDER: Final = "provider:"
"""What is counted in the place of a name; no person's name has a colon."""
_EPOCH: Final = "lockout:epoch"


def make_key(key: str, prefix: str, version: int) -> str:
    """Return the cache key of a count: it carries the schema in force, and the schema's epoch."""
    made: str = key_in_schema(f"{cache.get(_EPOCH, '')}:{key}", prefix, version)
    return made


def lockout_reset() -> None:
    """Forget all failed sign-ins of the schema in force; whoever is locked out may try again."""
    cache.set(_EPOCH, secrets.token_hex(8), timeout=None)


def failure_limit(_request: HttpRequest, credentials: Mapping[str, Any] | None) -> int:
    """Return after how many failures a name is locked out."""
    name = (credentials or {}).get("username")
    return NOISE_LIMIT if name in {BEARER, PROVIDER} else PEOPLE_LIMIT


def hashed_name(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str:
    """Return a hash in the place of the name; it ends with what no address begins with."""
    given = credentials if credentials is not None else request.POST
    return hashlib.sha256(str(given.get("username", "")).encode()).hexdigest() + "@"


def client_address(request: HttpRequest) -> str:
    """Return the caller's address: the connection's, or the one that the outermost proxy saw.

    With N proxies (FROSTBYTE_PROXY_COUNT) it is the Nth from the right of X-Forwarded-For; what
    stands before was written by the caller and is not believed.
    """
    own: str = request.META.get("REMOTE_ADDR", "")
    if settings.PROXY_COUNT < 1:
        return own
    named = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
    return named[-settings.PROXY_COUNT] if len(named) >= settings.PROXY_COUNT else own


def locked_response(
    request: HttpRequest, _response: HttpResponse | None, _credentials: object
) -> HttpResponse:
    """Return the answer to someone who is locked out; django-axes calls it."""
    response: HttpResponse = import_string(settings.ERROR_RENDERER)(request, locked_error(request))
    return response


def locked_error(request: HttpRequest) -> SignInLockedError:
    """Return the error that says how long a lock lasts at most."""
    cool_off = get_cool_off(request)
    seconds = int(cool_off.total_seconds()) if cool_off else 0
    return SignInLockedError(
        "There were too many failed attempts from here under this name.",
        remediation=f"Try again in {seconds // 60} minutes, or ask for the lock to be taken off.",
        extra={"retry_after": seconds},
    )


def require_unlocked(request: HttpRequest, name: str) -> None:
    """Raise `SignInLockedError` if `name` is locked out at the caller's address."""
    if not AxesProxyHandler.is_allowed(request, {"username": name}):
        raise locked_error(request)


def count_failure(request: HttpRequest, name: str) -> bool:
    """Count a failed attempt under `name`; return whether it has locked the name out."""
    user_login_failed.send(sender=__name__, credentials={"username": name}, request=request)
    return bool(request.axes_locked_out)  # type: ignore[attr-defined]


def count_success(request: HttpRequest, name: str) -> None:
    """Forget the failed attempts under `name` from the caller's address."""
    address = client_address(request)
    hashed = hashed_name(request, {"username": name})
    AxesProxyHandler.reset_attempts(username=hashed, ip_address=address)


def record_failure(request: HttpRequest, *, component: str, resource: str) -> None:
    """Record a failed attempt in the chain of the host, without the name that was typed.

    The attempt that locks is LOGIN_LOCKED; those that meet the lock are told by their status.
    """
    tenant = getattr(request, "tenant", None)
    chain = tenant.slug if tenant else PLATFORM
    is_locked = bool(getattr(request, "axes_locked_out", False))
    has_locked = is_locked and getattr(request, "axes_failures_since_start", None) is not None
    record_event(
        tenant=chain,
        event_type=EventType.LOGIN_LOCKED if has_locked else EventType.LOGIN_FAILED,
        actor="anonymous",
        resource_type=resource,
        resource_id=chain,
        details={"component": component, "status": "locked" if is_locked else "refused"},
    )
