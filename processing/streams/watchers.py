"""Who listens to a stream, asked again while it is open: keys are revoked, sessions end."""

import time
from dataclasses import dataclass
from importlib import import_module
from typing import Final

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import User
from django.http import HttpRequest

from tenants.access.credentials import Credential, bearer_of, credential_of
from tenants.access.readers import reader_of
from tenants.access.roles import TENANT_ROLES, group_names, scopes_of
from tenants.access.sessions import is_over
from tenants.errors import AuthenticationRequiredError, TokenExpiredError, TokenRevokedError
from tenants.models import Scope

MAY_WATCH: Final = frozenset({Scope.INGEST.value, Scope.QUERY.value})


@dataclass(frozen=True, slots=True)
class Watcher:
    """The bearer or the session that opened a stream."""

    bearer: str = ""
    session_key: str = ""

    @classmethod
    def of(cls, request: HttpRequest) -> "Watcher":
        """Return who has sent the request, which has been let in."""
        bearer = bearer_of(request.headers.get("Authorization", ""))
        return cls(bearer) if bearer else cls(session_key=request.session.session_key or "")


def reader_by_bearer(watcher: Watcher, *, tenant_id: int) -> str | None:
    """Return what the bearer reads as, or None when it opens nothing any more; in public."""
    try:
        credential = credential_of(watcher.bearer)
    except (AuthenticationRequiredError, TokenExpiredError, TokenRevokedError):
        return None
    return _reader_of_key(credential, tenant_id)


def reader_by_session(watcher: Watcher) -> str | None:
    """Return what the person reads as, or None when the session is over; in the tenant."""
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(watcher.session_key)
    user = get_user(request)
    if not isinstance(user, User) or is_over(request.session, now=int(time.time())):
        return None
    if MAY_WATCH.isdisjoint(scopes_of(user, roles=TENANT_ROLES)):
        return None
    return reader_of(group_names(user))


def _reader_of_key(credential: Credential, tenant_id: int) -> str | None:
    is_theirs = credential.tenant is not None and credential.tenant.pk == tenant_id
    if not is_theirs or MAY_WATCH.isdisjoint(credential.scopes):
        return None
    return reader_of(credential.groups)
