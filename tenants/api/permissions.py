"""What a caller may do: each view names the scope it needs, and a view that names none is shut."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from tenants.access.credentials import HOW, Credential
from tenants.access.roles import PLATFORM_ROLES, TENANT_ROLES, scopes_of
from tenants.api.callers import require_tenant, tenant_of
from tenants.errors import AuthenticationRequiredError, InsufficientPermissionsError

ScopeRule = str | tuple[str, ...]
"""A scope, or several of which one suffices."""


class HasScope(BasePermission):
    """Let a caller of the request's tenant pass who holds a scope that the view asks for.

    The view declares `required_scope`: a `ScopeRule`, or a mapping of one for each method.
    Raises `AuthenticationRequiredError` or `InsufficientPermissionsError`.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return True, or raise what is missing."""
        _require_known(request)
        require_tenant(request)
        _require_scope(request, view)
        return True


class HoldsKey(BasePermission):
    """Let the bearer of a key itself pass, of a tenant or of the platform; not of a token."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return True, or raise what is missing."""
        _require_known(request)
        if not isinstance(request.auth, Credential) or request.auth.is_token:
            raise InsufficientPermissionsError(
                "Only a key is exchanged for a token.", remediation=HOW
            )
        _require_scope(request, view)
        return True


class IsOperator(BasePermission):
    """Let a platform operator or its key pass: on the public host, staff, in no tenant."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return True, or raise what is missing."""
        _require_known(request)
        if tenant_of(request) is not None:
            raise InsufficientPermissionsError(
                "This is for operators of the platform.",
                remediation="Sign in on the public host, or use a key of the platform there.",
            )
        _require_scope(request, view)
        return True


def required_scopes(view: Any, method: str) -> frozenset[str]:
    """Return the scopes of which the view asks one for a method; none means: shut to all."""
    declared: ScopeRule | Mapping[str, ScopeRule] = getattr(view, "required_scope", ())
    if isinstance(declared, Mapping):
        if method == "OPTIONS":
            return frozenset().union(*(_as_set(rule) for rule in declared.values()))
        return _as_set(declared.get("GET" if method == "HEAD" else method, ()))
    return _as_set(declared)


def granted_scopes(request: Request) -> frozenset[str]:
    """Return the scopes that the caller holds: by key or token, or by role."""
    if isinstance(request.auth, Credential):
        return request.auth.scopes
    if not isinstance(request.user, User):
        return frozenset()
    roles = PLATFORM_ROLES if tenant_of(request) is None else TENANT_ROLES
    return scopes_of(request.user, roles=roles)


def _require_known(request: Request) -> None:
    if not request.user.is_authenticated:
        raise AuthenticationRequiredError("This needs a key or a sign-in.", remediation=HOW)


def _require_scope(request: Request, view: Any) -> None:
    wanted = required_scopes(view, request.method or "")
    if wanted.isdisjoint(granted_scopes(request)):
        raise InsufficientPermissionsError(
            "The caller lacks the scope that this needs.",
            remediation="Ask the tenant's administrator for a key or a role that has it.",
            extra={"required_scopes": sorted(wanted)},
        )


def _as_set(rule: ScopeRule) -> frozenset[str]:
    return frozenset((rule,) if isinstance(rule, str) else rule)
