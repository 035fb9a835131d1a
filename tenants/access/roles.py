"""Who may do what: the roles of a tenant's people and of the platform's, in one table.

A role is a group of this name in the person's schema. Other groups may stand beside the roles;
they grant no scope. Pages, console and API ask `scopes_of`, and nothing else decides.
"""

from collections.abc import Mapping
from typing import Final

from django.contrib.auth.models import User
from django.db.models import prefetch_related_objects

from tenants.models import Scope

TENANT_USER: Final = "tenant_user"
TENANT_ADMIN: Final = "tenant_admin"
AUDITOR: Final = "auditor"
OPERATOR: Final = "operator"

Roles = Mapping[str, frozenset[str]]

TENANT_ROLES: Final[Roles] = {
    TENANT_USER: frozenset({Scope.QUERY.value}),
    TENANT_ADMIN: frozenset(
        {Scope.INGEST.value, Scope.QUERY.value, Scope.AUDIT.value, Scope.ADMIN.value}
    ),
    AUDITOR: frozenset({Scope.AUDIT.value}),
}
"""Roles of people in a tenant's schema. `admin` there means the tenant's own people."""

PLATFORM_ROLES: Final[Roles] = {
    OPERATOR: frozenset({Scope.ADMIN.value, Scope.AUDIT.value}),
    AUDITOR: frozenset({Scope.AUDIT.value}),
}
"""Roles of people in the public schema. `admin` there means the life of all tenants."""

ROLE_NAMES: Final = frozenset({*TENANT_ROLES, *PLATFORM_ROLES})
"""Names that a group beyond the roles must not have."""


def group_names(user: User) -> frozenset[str]:
    """Return the names of the person's groups, roles among them; read once for each instance.

    Django keeps what was read with the instance, and drops it when the groups change through it.
    """
    prefetch_related_objects([user], "groups")
    return frozenset(group.name for group in user.groups.all())


def scopes_of(user: User, *, roles: Roles) -> frozenset[str]:
    """Return what the person may do by the roles that they have in the schema in force.

    On the platform only staff may do anything, and a superuser is an operator.
    """
    if not user.is_active or (roles is PLATFORM_ROLES and not user.is_staff):
        return frozenset()
    held = set(group_names(user))
    if roles is PLATFORM_ROLES and user.is_superuser:
        held.add(OPERATOR)
    return frozenset[str]().union(*(roles.get(name, frozenset()) for name in held))


def role_of(user: User, *, roles: Roles) -> str:
    """Return the name of the person's role, or an empty text."""
    if roles is PLATFORM_ROLES and user.is_superuser:
        return OPERATOR
    held = group_names(user)
    return next((name for name in roles if name in held), "")
