"""What a bearer presents, and what it stands for: the one way from `Authorization` to a key.

A bearer is a key of a tenant, a key of the platform, or a token that was issued for one. A token
is looked up by the key behind it, so revoking the key or stopping the tenant ends it at once.
"""

from dataclasses import dataclass
from typing import Final

from django.db.models import QuerySet
from django.utils import timezone

from tenants.access.tokens import Claims, token_read
from tenants.errors import AuthenticationRequiredError, TokenExpiredError, TokenRevokedError
from tenants.models import ApiKey, PlatformKey, Tenant
from tenants.naming import PLATFORM, SLUG_PATTERN

KEY_PREFIX: Final = "fb"
HOW: Final = (
    "Send 'Authorization: Bearer fb_<slug>_<id>_<secret>', or sign in on the tenant's host."
)


@dataclass(frozen=True, slots=True)
class Credential:
    """A key in force, and what the bearer may do with it: all of it, or what a token narrowed."""

    key: ApiKey | PlatformKey
    scopes: frozenset[str]
    is_token: bool = False

    @property
    def tenant(self) -> Tenant | None:
        """The tenant that the key opens; None for a key of the platform."""
        return self.key.tenant if isinstance(self.key, ApiKey) else None

    @property
    def groups(self) -> tuple[str, ...]:
        """The tenant's groups whose restricted collections the key reads."""
        return tuple(self.key.groups) if isinstance(self.key, ApiKey) else ()

    @property
    def actor(self) -> str:
        """How the bearer is named in receipts and audit events."""
        return f"key:{self.key.key_id}"


def bearer_of(header: str) -> str | None:
    """Return what an Authorization header bears, or None when it is of another scheme."""
    scheme, _, bearer = header.partition(" ")
    return bearer.strip() if scheme.lower() == "bearer" else None


def credential_of(bearer: str) -> Credential:
    """Return what the bearer stands for; one query.

    Raises `AuthenticationRequiredError` for anything unknown, and only for a key or token that is
    right `TokenRevokedError` or `TokenExpiredError`: a guess learns nothing.
    """
    if bearer.startswith(f"{KEY_PREFIX}_"):
        return _by_key(bearer)
    if bearer.count(".") == 2:
        return _by_token(token_read(bearer))
    raise _unknown()


def _by_key(bearer: str) -> Credential:
    parts = bearer.split("_")
    if len(parts) != 4 or not SLUG_PATTERN.fullmatch(parts[1]):
        raise _unknown()
    _, owner, key_id, secret = parts
    key = _keys_of(owner).filter(key_id=key_id, secret_hash=ApiKey.hash_secret(secret)).first()
    return Credential(_require_in_force(key), frozenset(key.scopes if key else ()))


def _by_token(claims: Claims) -> Credential:
    key = _require_in_force(_keys_of(claims.tenant).filter(key_id=claims.key_id).first())
    return Credential(key, claims.scopes & frozenset(key.scopes), is_token=True)


def _keys_of(owner: str) -> QuerySet[ApiKey] | QuerySet[PlatformKey]:
    if owner == PLATFORM:
        return PlatformKey.objects.select_related("owner")
    return ApiKey.objects.select_related("tenant").filter(tenant__slug=owner)


def _require_in_force(key: ApiKey | PlatformKey | None) -> ApiKey | PlatformKey:
    if key is None:
        raise _unknown()
    if key.revoked_at is not None or not _owner_is_active(key):
        raise TokenRevokedError(
            "This key has been revoked, or its owner is stopped.",
            remediation="Ask whoever issued it for a new one.",
        )
    if key.expires_at is not None and key.expires_at <= timezone.now():
        raise TokenExpiredError(
            "This key has expired.", remediation="Ask whoever issued it for a new one."
        )
    return key


def _owner_is_active(key: ApiKey | PlatformKey) -> bool:
    return key.tenant.is_active if isinstance(key, ApiKey) else key.owner.is_active


def _unknown() -> AuthenticationRequiredError:
    return AuthenticationRequiredError("The bearer is no key or token in force.", remediation=HOW)
