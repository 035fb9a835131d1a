"""What a tenant's identity provider is, and who may come in by it. Kept with the tenant's row."""

from collections.abc import Mapping
from typing import Any, Final

import pydantic
from allauth.socialaccount.models import SocialAccount
from django.db import transaction

from audit.events import EventType
from audit.services import record_event
from frostbyte.kernel.errors import ValidationError
from tenants.access.oidc.http import discover, require_url
from tenants.access.roles import TENANT_ROLES
from tenants.context import tenant_context
from tenants.encryption.sealing import seal, unseal
from tenants.models import Tenant

_PURPOSE: Final = "identity provider"


class IdentityProvider(pydantic.BaseModel):
    """A provider and its rules; `client_secret` is sealed.

    `roles` are pairs of a value of the claim `role_claim` and a role, of which the first that fits
    counts; who has none of them has `default_role`, or is refused where that is empty.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    name: str = pydantic.Field(min_length=1, max_length=40)
    issuer: str = pydantic.Field(min_length=8, max_length=300)
    client_id: str = pydantic.Field(min_length=1, max_length=190)
    client_secret: str = ""
    email_domains: tuple[str, ...] = ()
    role_claim: str = ""
    roles: tuple[tuple[str, str], ...] = ()
    default_role: str = ""
    password_allowed: bool = True

    @pydantic.field_validator("issuer")
    @classmethod
    def _plain_issuer(cls, value: str) -> str:
        return value.rstrip("/")

    @pydantic.field_validator("email_domains")
    @classmethod
    def _lower(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(domain.lower().lstrip("@") for domain in value)

    @pydantic.model_validator(mode="after")
    def _known_roles(self) -> "IdentityProvider":
        named = {*(role for _value, role in self.roles), *filter(None, (self.default_role,))}
        if unknown := named - set(TENANT_ROLES):
            raise ValueError(f"no such role: {', '.join(sorted(unknown))}")
        if self.roles and not self.role_claim:
            raise ValueError("roles need a role_claim")
        return self

    @property
    def secret(self) -> str:
        """The client secret as the provider knows it."""
        return unseal(self.client_secret, purpose=_PURPOSE) if self.client_secret else ""

    def told(self) -> dict[str, Any]:
        """Return all but the secret."""
        return self.model_dump(mode="json", exclude={"client_secret"})


def identity_provider_of(tenant: Tenant) -> IdentityProvider | None:
    """Return the tenant's provider, if it has one; reads the row at hand."""
    return IdentityProvider.model_validate(tenant.sign_in) if tenant.sign_in else None


def password_allowed(tenant: Tenant | None) -> bool:
    """Whether people of the tenant may sign in by password."""
    return tenant is None or bool(tenant.sign_in.get("password_allowed", True))


@transaction.atomic
def identity_provider_set(*, tenant: Tenant, values: Mapping[str, Any], actor: str) -> Tenant:
    """Set the provider's fields by name, after asking it who it is; others stay.

    `client_secret` is given in clear and stored sealed. Another issuer gets neither the secret nor
    the people of the one before. Raises `ValidationError`, or
    `IdentityProviderError` where the issuer does not answer as itself.
    """
    given = dict(values)
    if given.get("client_secret"):
        given["client_secret"] = seal(given["client_secret"], purpose=_PURPOSE)
    before = identity_provider_of(tenant)
    provider = _validated({**tenant.sign_in, **given})
    if before is not None and provider.issuer != before.issuer:
        provider = _validated({**tenant.sign_in, "client_secret": "", **given})
    require_url(provider.issuer)
    discover(provider.issuer)
    if before is not None and provider.issuer != before.issuer:
        _forget_links(tenant)
    _store(tenant, provider.model_dump(mode="json"))
    _record(tenant, actor, {"provider": provider.told()})
    return tenant


@transaction.atomic
def identity_provider_remove(*, tenant: Tenant, actor: str) -> Tenant:
    """Take the provider away: people sign in by password again."""
    _forget_links(tenant)
    _store(tenant, {})
    _record(tenant, actor, {"provider": None})
    return tenant


def _forget_links(tenant: Tenant) -> None:
    """Let people be found anew: what a provider calls a person means nothing at another's."""
    with tenant_context(tenant):
        SocialAccount.objects.all().delete()


def _store(tenant: Tenant, values: dict[str, Any]) -> None:
    tenant.sign_in = values
    tenant.save(update_fields=["sign_in"])


def _validated(values: Mapping[str, Any]) -> IdentityProvider:
    try:
        return IdentityProvider.model_validate(values)
    except pydantic.ValidationError as error:
        faults = error.errors(include_input=False, include_url=False)
        told = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults)
        raise ValidationError(f"The identity provider breaks a rule: {told}.") from error


def _record(tenant: Tenant, actor: str, details: dict[str, Any]) -> None:
    record_event(
        tenant=tenant.slug,
        event_type=EventType.SIGN_IN_CONFIGURED,
        actor=actor,
        resource_type="tenant",
        resource_id=tenant.slug,
        details={"component": "tenants", **details},
    )
