"""Who comes in by an identity provider, and as what: decided from verified claims alone."""

from collections.abc import Mapping
from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import User
from django.db import transaction

from audit.events import EventType
from audit.services import record_event
from tenants.access.oidc.config import IdentityProvider
from tenants.access.people import staff_change_role, staff_create
from tenants.access.roles import TENANT_ROLES, role_of
from tenants.errors import SignInRefusedError
from tenants.models import Tenant

ACTOR = "identity provider"


@transaction.atomic
def person_of(
    *, tenant: Tenant, provider: IdentityProvider, claims: Mapping[str, Any], linked: User | None
) -> User:
    """Return the person whom the claims tell of, linked, found by e-mail, or made; in the tenant.

    An account is found or made by an e-mail address only when the provider has verified it.
    Raises `SignInRefusedError` that says why somebody may not come in.
    """
    email = _email(provider, claims, required=linked is None)
    role = _role(provider, claims)
    user = linked or _by_email(email) or _made(tenant, email, claims, role)
    if not user.is_active:
        raise SignInRefusedError("This account has been deactivated.")
    if provider.role_claim:
        _keep_role(tenant, user, role)
    return user


def link(*, tenant: Tenant, user: User, account: SocialAccount) -> None:
    """Remember that the provider's account is this person's, and record it."""
    account.user = user
    account.save()
    record_event(
        tenant=tenant.slug,
        event_type=EventType.STAFF_CHANGED,
        actor=ACTOR,
        resource_type="person",
        resource_id=user.get_username()[:100],
        details={"component": "tenants", "changed": "identity linked"},
    )


def _email(provider: IdentityProvider, claims: Mapping[str, Any], *, required: bool) -> str:
    email = str(claims.get("email") or "").strip()
    is_verified = claims.get("email_verified") is True
    if (required or provider.email_domains) and not (email and is_verified):
        raise SignInRefusedError(
            "The identity provider has not verified an e-mail address of this account.",
            remediation="Have it verified there, and sign in again.",
        )
    if provider.email_domains and email.rpartition("@")[2].lower() not in provider.email_domains:
        raise SignInRefusedError("Addresses of this e-mail domain may not sign in here.")
    return email


def _role(provider: IdentityProvider, claims: Mapping[str, Any]) -> str:
    """Return the role by the claims, the default one, or an empty text."""
    held = claims.get(provider.role_claim) if provider.role_claim else None
    values = {str(value) for value in (held if isinstance(held, list) else [held])}
    mapped = (role for value, role in provider.roles if value in values)
    return next(mapped, provider.default_role)


def _by_email(email: str) -> User | None:
    found = list(User.objects.filter(email__iexact=email)[:2])
    if len(found) > 1:
        raise SignInRefusedError(
            "Several people here have this e-mail address.",
            remediation="Ask an administrator to leave it with one of them.",
        )
    return found[0] if found else None


def _made(tenant: Tenant, email: str, claims: Mapping[str, Any], role: str) -> User:
    if not role:
        raise SignInRefusedError(
            "You are not known here.", remediation="Ask an administrator to add you."
        )
    name = _free_name(str(claims.get("preferred_username") or email.partition("@")[0]))
    return staff_create(tenant=tenant, username=name, email=email, role=role, actor=ACTOR)


def _free_name(wanted: str) -> str:
    """Return `wanted` in the letters that user names have, with a number if it is taken."""
    plain = "".join(letter for letter in wanted if letter.isalnum() or letter in "@.+-_")[:140]
    plain = plain or "person"
    taken = set(User.objects.filter(username__startswith=plain).values_list("username", flat=True))
    numbered = (f"{plain}-{number}" for number in range(2, len(taken) + 3))
    return next(name for name in (plain, *numbered) if name not in taken)


def _keep_role(tenant: Tenant, user: User, role: str) -> None:
    """Let the provider's groups decide at each sign-in: who has lost them all is refused."""
    if not role:
        raise SignInRefusedError(
            "None of your groups may sign in here.", remediation="Ask an administrator."
        )
    if role_of(user, roles=TENANT_ROLES) != role:
        staff_change_role(tenant=tenant, user=user, role=role, actor=ACTOR)
