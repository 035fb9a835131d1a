"""Who calls: the bearer of a key or token. People who are signed in come by Django's session."""

from copy import copy
from dataclasses import dataclass
from typing import Any, ClassVar

from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from drf_spectacular.authentication import SessionScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from tenants.access.credentials import Credential


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """The caller behind a key or token, in the place of a user: known, and nobody's account."""

    credential: Credential

    is_authenticated: ClassVar = True
    is_anonymous: ClassVar = False
    is_active: ClassVar = True
    is_staff: ClassVar = False
    pk: ClassVar = None


class BearerAuthentication(BaseAuthentication):
    """Take what `tenants.routing` has found good; `request.auth` is the `Credential`.

    A bearer that is not good never comes this far, so it is never passed over for a session.
    """

    def authenticate(self, request: Request) -> tuple[KeyHolder, Credential] | None:
        """Return the holder and the credential, or None where nothing was borne."""
        credential: Credential | None = getattr(request, "credential", None)
        return (KeyHolder(credential), credential) if credential else None

    def authenticate_header(self, _request: Request) -> str:
        """Name the scheme of the 401 challenge."""
        return 'Bearer realm="frostbyte"'


class PersonAuthentication(SessionAuthentication):
    """Django's session; the CSRF token is asked of the header only.

    A form's field would have the whole body read before anybody knows what its sender may do.
    """

    def enforce_csrf(self, request: Any) -> None:
        """Raise `PermissionDenied` unless the header has the token."""
        bare = copy(request._request)  # noqa: SLF001 - DRF's own way to Django's request
        bare._post, bare._files = QueryDict(), MultiValueDict()  # noqa: SLF001
        super().enforce_csrf(bare)


class PersonScheme(SessionScheme):  # type: ignore[no-untyped-call]
    """The same for the OpenAPI description as Django's session."""

    target_class = "tenants.api.authentication.PersonAuthentication"


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI description tells of keys and tokens."""

    target_class = "tenants.api.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the security scheme object."""
        del auto_schema
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "fb_<slug>_<id>_<secret>, or a JWT",
            "description": (
                "A key with scopes, or a token that it was exchanged for. It names its tenant on "
                "any host; one of the platform opens the operators' part on the public host."
            ),
        }
