"""Which tenant a request belongs to: by its host name, by its key, and never by two at once."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port
from django.utils.module_loading import import_string
from redis.exceptions import RedisError

from frostbyte.kernel.errors import FrostbyteError
from tenants.access.credentials import Credential, bearer_of, credential_of
from tenants.access.lockout import BEARER, count_failure, record_failure, require_unlocked
from tenants.access.readers import reader_of
from tenants.access.roles import group_names
from tenants.errors import (
    AuthenticationRequiredError,
    HostKeyMismatchError,
    TenantNotFoundError,
    TenantSuspendedError,
)
from tenants.models import Tenant
from tenants.selectors import tenant_for_host
from tenants.services import key_touch

if TYPE_CHECKING:

    class TenantRequest(HttpRequest):
        """A request after routing: its tenant (None on the public host), and what it bears."""

        tenant: Tenant | None
        credential: Credential | None


log = structlog.get_logger("frostbyte.tenants")


class TenantRoutingMiddleware:
    """Set `request.tenant`, `request.credential` and the URLs, and enter the schema and role.

    The request reads what the key's groups open, without a key unrestricted collections only.
    `<slug>.<base domain>` names a tenant; any other allowed host is the platform's own. On any
    host a bearer key or token names its tenant; one of the platform belongs on the public host.
    Errors raised here are rendered by `frostbyte.api`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        connection.set_schema_to_public()  # type: ignore[attr-defined]
        try:
            self._enter(request)  # type: ignore[arg-type]
        except FrostbyteError as error:
            return _render(request, error)
        else:
            return self.get_response(request)
        finally:
            connection.set_schema_to_public()  # type: ignore[attr-defined]

    def _enter(self, request: "TenantRequest") -> None:
        request.credential = _presented(request)
        by_host = _tenant_by_host(request)
        if request.credential and by_host:
            _require_same(by_host, request.credential)
        request.tenant = by_host or (request.credential.tenant if request.credential else None)
        if request.tenant is None:
            request.urlconf = settings.PUBLIC_SCHEMA_URLCONF
            return
        _require_active(request.tenant)
        structlog.contextvars.bind_contextvars(tenant=request.tenant.slug)
        request.urlconf = settings.ROOT_URLCONF
        connection.set_tenant(request.tenant)  # type: ignore[attr-defined]
        groups = request.credential.groups if request.credential else ()
        connection.set_reader(reader_of(groups))  # type: ignore[attr-defined]


class ReaderMiddleware:
    """Let a person who is signed in read what their groups open, before any view runs.

    It stands after Django's AuthenticationMiddleware and the limits of sessions. A bearer has been
    let in with what the key opens; a session that comes along counts for nothing.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        tenant, credential = request.tenant, request.credential  # type: ignore[attr-defined]
        if credential is not None:
            # A key's rights and a person's never come together.
            request.user = AnonymousUser()
        elif tenant is not None:
            groups = group_names(request.user) if request.user.is_authenticated else frozenset()
            connection.set_reader(reader_of(groups))  # type: ignore[attr-defined]
        return self.get_response(request)


def _render(request: HttpRequest, error: FrostbyteError) -> HttpResponse:
    # Rendering belongs to a layer above; the settings name it.
    response: HttpResponse = import_string(settings.ERROR_RENDERER)(request, error)
    return response


def _presented(request: HttpRequest) -> Credential | None:
    bearer = bearer_of(request.headers.get("Authorization", ""))
    if bearer is None:
        return None
    try:
        credential = credential_of(bearer)
    except AuthenticationRequiredError:
        _count_guess(request)
        raise
    key_touch(key=credential.key)
    return credential


def _count_guess(request: HttpRequest) -> None:
    """Count a bearer that is not known; past the limit an address is told to wait.

    Only bad ones are counted and only bad ones are told, so that nobody can shut a good key out.
    """
    try:
        require_unlocked(request, BEARER)
        if count_failure(request, BEARER):
            record_failure(request, component="api", resource="bearer")
    except (RedisError, OSError) as error:
        log.warning("bad bearer not counted", error=type(error).__name__)


def _require_same(by_host: Tenant, credential: Credential) -> None:
    if credential.tenant is None or credential.tenant.pk != by_host.pk:
        raise HostKeyMismatchError(
            "The key or token belongs to another tenant than this host, or to none.",
            remediation="Use it on its own tenant's host, or on the public host.",
        )


def _tenant_by_host(request: HttpRequest) -> Tenant | None:
    host, _port = split_domain_port(request.get_host())
    if not host.endswith(f".{settings.BASE_DOMAIN}"):
        return None
    tenant = tenant_for_host(host=host)
    if tenant is None:
        raise TenantNotFoundError("No tenant answers on this host.")
    return tenant


def _require_active(tenant: Tenant) -> None:
    if not tenant.is_active:
        raise TenantSuspendedError(
            "This tenant is stopped at present.",
            remediation="Ask the platform's operator; nothing that was handed over is lost.",
        )
