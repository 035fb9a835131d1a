"""Short-lived signed tokens in the place of a key: JWTs (RFC 7519, profile of RFC 9068).

Only the platform reads what it signs, so the signature is HMAC-SHA256 under a key derived for
this purpose. The algorithm is fixed here; the token's own `alg` is compared with it, not obeyed.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt
from django.conf import settings
from django.utils import timezone

from frostbyte.kernel.errors import ValidationError
from frostbyte.kernel.ids import new_id
from tenants.encryption.signing import derived_key
from tenants.errors import (
    AuthenticationRequiredError,
    InsufficientPermissionsError,
    TokenExpiredError,
)
from tenants.models import Scope

ALGORITHM: Final = "HS256"
TYPE: Final = "at+jwt"
AUDIENCE: Final = "urn:frostbyte:api"
LIFETIME: Final = timedelta(minutes=15)
LEEWAY: Final = timedelta(seconds=10)
"""How far the clocks of the machines that serve may be apart."""
_REQUIRED: Final = ("iss", "aud", "exp", "iat", "jti", "tenant", "key", "scope")
_PURPOSE: Final = "access token"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says: the key behind it, that key's tenant by slug, and the scopes."""

    key_id: str
    tenant: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token with its end and its scopes."""

    text: str
    expires_in: int
    scopes: tuple[str, ...]


def issuer() -> str:
    """Return the name under which this platform signs."""
    return f"https://{settings.BASE_DOMAIN}"


def narrowed(held: frozenset[str], wanted: list[str] | None) -> frozenset[str]:
    """Return the scopes that are asked for, or all that are held.

    Raises `ValidationError` for none, and `InsufficientPermissionsError` for one that is not held.
    """
    if wanted is None:
        return held
    if not wanted:
        raise ValidationError("Name at least one scope, or leave `scopes` out.")
    if not held.issuperset(wanted):
        raise InsufficientPermissionsError(
            "A token cannot have a scope that the key does not have.",
            remediation="Leave `scopes` out, or name some of the key's.",
            extra={"key_scopes": sorted(held)},
        )
    return frozenset(wanted)


def token_issue(
    *, key_id: str, tenant: str, scopes: frozenset[str], key_expires_at: datetime | None
) -> IssuedToken:
    """Sign a token for the holder of a key; it never outlives the key."""
    now = timezone.now().replace(microsecond=0)
    end = min(now + LIFETIME, key_expires_at or datetime.max.replace(tzinfo=UTC))
    claims = {
        "iss": issuer(),
        "aud": AUDIENCE,
        "iat": now,
        "exp": end,
        "jti": str(new_id()),
        "tenant": tenant,
        "key": key_id,
        "scope": " ".join(sorted(scopes)),
    }
    text = jwt.encode(claims, derived_key(_PURPOSE), algorithm=ALGORITHM, headers={"typ": TYPE})
    return IssuedToken(text, int((end - now).total_seconds()), tuple(sorted(scopes)))


def token_read(text: str) -> Claims:
    """Return what a token says, if this platform signed it for this purpose and it is in force.

    Raises `TokenExpiredError` only for a token that was signed here, and
    `AuthenticationRequiredError` for anything else.
    """
    try:
        whole = jwt.decode_complete(
            text,
            derived_key(_PURPOSE),
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=issuer(),
            leeway=LEEWAY,
            options={"require": list(_REQUIRED)},
        )
    except jwt.ExpiredSignatureError as error:
        raise TokenExpiredError(
            "This token has expired.", remediation="Exchange the key for a new one."
        ) from error
    except (jwt.PyJWTError, RecursionError) as error:  # the latter by deeply nested JSON
        raise _unknown() from error
    if whole["header"].get("typ") != TYPE:
        raise _unknown()
    return _claims(whole["payload"])


def _claims(payload: dict[str, Any]) -> Claims:
    named = [payload[name] for name in ("key", "tenant", "scope")]
    if not all(isinstance(value, str) for value in named):
        raise _unknown()
    key_id, tenant, scope = named
    return Claims(key_id, tenant, frozenset(scope.split()) & frozenset(Scope.values))


def _unknown() -> AuthenticationRequiredError:
    return AuthenticationRequiredError(
        "The token is not known.",
        remediation="Exchange an API key for a new token at POST /api/v1/auth/token.",
    )
