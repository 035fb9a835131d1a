"""Who calls: the holder of an API key. People who are signed in come by Django's session."""

from dataclasses import dataclass
from typing import Any, ClassVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from tenants.errors import AuthenticationRequiredError
from tenants.models import ApiKey

HOW = "Send 'Authorization: Bearer fb_<slug>_<id>_<secret>', or sign in on the tenant's host."


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """The caller behind an API key, in the place of a user: known, and nobody's account."""

    key: ApiKey

    is_authenticated: ClassVar = True
    is_anonymous: ClassVar = False
    is_active: ClassVar = True
    is_staff: ClassVar = False
    pk: ClassVar = None


class ApiKeyAuthentication(BaseAuthentication):
    """Take the key that `tenants.routing` has found good; `request.auth` is the `ApiKey`."""

    def authenticate(self, request: Request) -> tuple[KeyHolder, ApiKey] | None:
        """Return the holder and the key, or None where no bearer token was sent.

        Raises `AuthenticationRequiredError` for a bearer token that is no API key: it is never
        passed over in favour of a session.
        """
        key: ApiKey | None = getattr(request, "api_key", None)
        if key is not None:
            return KeyHolder(key), key
        if request.headers.get("Authorization", "").lower().startswith("bearer"):
            raise AuthenticationRequiredError(
                "The bearer token is no API key of this platform.", remediation=HOW
            )
        return None

    def authenticate_header(self, _request: Request) -> str:
        """Name the scheme of the 401 challenge."""
        return 'Bearer realm="frostbyte"'


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI description tells of API keys."""

    target_class = "tenants.api.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the security scheme object."""
        del auto_schema
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "fb_<slug>_<id>_<secret>",
            "description": "An API key of a tenant, with scopes. It names its tenant on any host.",
        }
