"""Changes to people: a tenant's staff, in its schema, and the platform's, in the public one.

Each change is one transaction and one audit event: in the tenant's chain for its staff, in the
platform's for operators and auditors.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from audit.events import COMMAND_LINE, EventType
from audit.services import record_event
from frostbyte.kernel.errors import NotFoundError, ValidationError
from tenants.access.roles import (
    OPERATOR,
    PLATFORM_ROLES,
    TENANT_ADMIN,
    TENANT_ROLES,
    TENANT_USER,
    Roles,
    role_of,
)
from tenants.access.sessions import sessions_end
from tenants.context import tenant_context
from tenants.errors import PersonNotFoundError
from tenants.models import PlatformKey, Scope, Tenant
from tenants.naming import PLATFORM
from tenants.services import key_make


@dataclass(frozen=True, slots=True)
class Invitation:
    """What makes the address at which a person sets a password, once."""

    uid: str
    token: str


def staff_list() -> QuerySet[User]:
    """Return the people of the tenant in force with their groups, by name."""
    return User.objects.order_by("username").prefetch_related("groups")


def staff_get(*, username: str) -> User:
    """Return a person of the tenant in force; raises `PersonNotFoundError`."""
    return _person(username)


def staff_create(
    *,
    tenant: Tenant,
    username: str,
    password: str | None = None,
    role: str = TENANT_USER,
    email: str = "",
    actor: str = COMMAND_LINE,
) -> User:
    """Create a person who signs in at the tenant's pages; without a password, by invitation.

    Raises `ValidationError` for a name that is taken, a weak password or an unknown role.
    """
    with tenant_context(tenant), transaction.atomic():
        user = _new_user(username, password, email=email)
        _take_role(user, role, TENANT_ROLES)
        _record(tenant.slug, EventType.STAFF_CREATED, user, actor, {"role": role})
    return user


@transaction.atomic
def staff_invite(*, tenant: Tenant, user: User, actor: str) -> Invitation:
    """Take the person's password away, end their sessions, and let them set a new one, once."""
    user.set_unusable_password()
    user.save(update_fields=["password"])
    sessions_end(user=user)
    _record(tenant.slug, EventType.STAFF_CHANGED, user, actor, {"changed": "password link"})
    return invitation_of(user)


def invitation_of(user: User) -> Invitation:
    """Return a person's invitation; it ends when it is used, and with PASSWORD_RESET_TIMEOUT."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return Invitation(uid, default_token_generator.make_token(user))


@transaction.atomic
def staff_change_role(*, tenant: Tenant, user: User, role: str, actor: str) -> User:
    """Give the person another role; raises `ValidationError` where no administrator would stay."""
    before = role_of(user, roles=TENANT_ROLES)
    if role != TENANT_ADMIN:
        _require_another_admin(user)
    _take_role(user, role, TENANT_ROLES)
    _record(
        tenant.slug, EventType.STAFF_CHANGED, user, actor, {"role": {"old": before, "new": role}}
    )
    return user


@transaction.atomic
def staff_set_active(*, tenant: Tenant, user: User, is_active: bool, actor: str) -> User:
    """Let the person sign in, or not: then their sessions end at once.

    Raises `ValidationError` where no administrator would stay.
    """
    if not is_active:
        _require_another_admin(user)
    _set_active(user, is_active)
    _record(tenant.slug, EventType.STAFF_CHANGED, user, actor, {"is_active": is_active})
    return user


def operator_list() -> QuerySet[User]:
    """Return the people of the platform with their groups, by name."""
    return User.objects.filter(is_staff=True).order_by("username").prefetch_related("groups")


def operator_get(*, username: str) -> User:
    """Return a person of the platform; raises `PersonNotFoundError`."""
    return _person(username, is_staff=True)


@transaction.atomic
def operator_create(
    *, username: str, password: str, role: str = OPERATOR, actor: str = COMMAND_LINE
) -> User:
    """Create an operator or auditor of the platform, who signs in at the console."""
    user = _new_user(username, password, is_staff=True)
    _take_role(user, role, PLATFORM_ROLES)
    _record(PLATFORM, EventType.STAFF_CREATED, user, actor, {"role": role})
    return user


@transaction.atomic
def operator_change_role(*, user: User, role: str, actor: str) -> User:
    """Give a person of the platform another role; keys that may more than it are revoked."""
    before = role_of(user, roles=PLATFORM_ROLES)
    _take_role(user, role, PLATFORM_ROLES)
    user.is_superuser = False
    user.save(update_fields=["is_superuser"])
    for key in PlatformKey.objects.filter(owner=user, revoked_at=None):
        if not PLATFORM_ROLES[role].issuperset(key.scopes):
            platform_key_revoke(key=key, actor=actor)
    _record(PLATFORM, EventType.STAFF_CHANGED, user, actor, {"role": {"old": before, "new": role}})
    return user


@transaction.atomic
def operator_set_active(*, user: User, is_active: bool, actor: str) -> User:
    """Let a person of the platform sign in, or not; then sessions and keys stop at once."""
    _set_active(user, is_active)
    _record(PLATFORM, EventType.STAFF_CHANGED, user, actor, {"is_active": is_active})
    return user


@transaction.atomic
def operator_set_password(*, user: User, password: str, actor: str) -> User:
    """Give a person of the platform another password; their sessions end."""
    _set_password(user, password)
    user.save(update_fields=["password"])
    sessions_end(user=user)
    _record(PLATFORM, EventType.STAFF_CHANGED, user, actor, {"changed": "password"})
    return user


def person_password_changed(*, user: User, tenant: Tenant | None) -> None:
    """Record that someone of the tenant, or of the platform, has set their own password."""
    kind, chain = ("user", tenant.slug) if tenant else ("operator", PLATFORM)
    actor = f"{kind}:{user.get_username()}"
    _record(chain, EventType.STAFF_CHANGED, user, actor, {"changed": "password"})


@transaction.atomic
def person_sign_out(*, user: User, tenant: Tenant | None, actor: str) -> int:
    """End all sessions of a person, of the tenant or of the platform; return how many."""
    ended = sessions_end(user=user)
    chain = tenant.slug if tenant else PLATFORM
    _record(chain, EventType.STAFF_CHANGED, user, actor, {"ended_sessions": ended})
    return ended


def platform_key_get(*, key_id: str) -> PlatformKey:
    """Return a key of the platform; raises `NotFoundError`."""
    key = PlatformKey.objects.select_related("owner").filter(key_id=key_id).first()
    if key is None:
        raise NotFoundError("The platform has no such key.")
    return key


@transaction.atomic
def platform_key_issue(
    *,
    owner: User,
    name: str,
    scopes: list[Scope] | None = None,
    actor: str,
    expires_at: datetime | None = None,
) -> tuple[PlatformKey, str]:
    """Make a key of the platform, and return it with its text, which is shown this once.

    `scopes` are all of the owner's role unless named; raises `ValidationError` for one beyond it.
    """
    held = PLATFORM_ROLES.get(role_of(owner, roles=PLATFORM_ROLES), frozenset())
    wanted = sorted(held) if scopes is None else [Scope(scope).value for scope in scopes]
    if not wanted or not held.issuperset(wanted):
        raise ValidationError(
            "A key cannot have a scope that its owner's role does not have.",
            remediation=f"Scopes of the role: {', '.join(sorted(held)) or 'none'}.",
        )
    key = PlatformKey(owner=owner, name=name, scopes=wanted, expires_at=expires_at)
    text = key_make(key, owner=PLATFORM)
    _record(PLATFORM, EventType.KEY_ISSUED, owner, actor, _told(key))
    return key, text


@transaction.atomic
def platform_key_revoke(*, key: PlatformKey, actor: str) -> PlatformKey:
    """Withdraw a key of the platform for good; doing it twice changes nothing."""
    if key.revoked_at is None:
        key.revoked_at = timezone.now()
        key.save(update_fields=["revoked_at"])
        _record(PLATFORM, EventType.KEY_REVOKED, key.owner, actor, _told(key))
    return key


def _told(key: PlatformKey) -> dict[str, Any]:
    return {"key_id": key.key_id, "scopes": key.scopes}


def _person(username: str, **conditions: bool) -> User:
    user = User.objects.filter(username=username, **conditions).first()
    if user is None:
        raise PersonNotFoundError("There is no person of this name here.")
    return user


def _new_user(
    username: str, password: str | None, *, email: str = "", is_staff: bool = False
) -> User:
    user = User(username=username, email=email, is_staff=is_staff)
    _set_password(user, password)
    try:
        user.full_clean()
    except DjangoValidationError as error:
        raise ValidationError(" ".join(error.messages)) from error
    user.save()
    return user


def _set_password(user: User, password: str | None) -> None:
    """Set a password that passes the validators; None means that none can be used."""
    try:
        if password is not None:
            validate_password(password, user)
    except DjangoValidationError as error:
        raise ValidationError(" ".join(error.messages)) from error
    user.set_password(password)


def _take_role(user: User, role: str, roles: Roles) -> None:
    if role not in roles:
        raise ValidationError(f"The role must be one of {', '.join(roles)}.")
    group, _created = Group.objects.get_or_create(name=role)
    user.groups.remove(*user.groups.filter(name__in=roles).exclude(pk=group.pk))
    user.groups.add(group)


def _require_another_admin(user: User) -> None:
    admins = User.objects.select_for_update().filter(groups__name=TENANT_ADMIN, is_active=True)
    names = {admin.pk for admin in admins}
    if names == {user.pk}:
        raise ValidationError(
            "This is the last administrator who may sign in.",
            remediation="Make another person an administrator first.",
        )


def _set_active(user: User, is_active: bool) -> None:
    user.is_active = is_active
    user.save(update_fields=["is_active"])
    if not is_active:
        sessions_end(user=user)


def _record(
    chain: str, event: EventType, user: User, actor: str, details: Mapping[str, Any]
) -> None:
    record_event(
        tenant=chain,
        event_type=event,
        actor=actor,
        resource_type="person",
        resource_id=user.get_username()[:100],
        details={"component": "tenants", **details},
    )


def initial_password() -> str:
    """Return a random password of 96 bits, to be shown once."""
    return secrets.token_urlsafe(12)
