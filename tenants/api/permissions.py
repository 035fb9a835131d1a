"""What a caller may do: each view names the scope it needs, and a view that names none is shut."""

from collections.abc import Mapping
from typing import Any, Final

from django.contrib.auth.models import User
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from tenants.api.authentication import HOW
from tenants.api.callers import require_tenant, tenant_of
from tenants.errors import AuthenticationRequiredError, InsufficientPermissionsError
from tenants.models import ApiKey, Scope
from tenants.services import TENANT_ADMIN, TENANT_USER

ROLE_SCOPES: Final[Mapping[str, frozenset[str]]] = {
    TENANT_USER: frozenset({Scope.QUERY.value}),
    TENANT_ADMIN: frozenset({Scope.INGEST.value, Scope.QUERY.value, Scope.AUDIT.value}),
}
OPERATOR_SCOPES: Final = frozenset({Scope.ADMIN.value})

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


class IsOperator(BasePermission):
    """Let a platform operator pass: signed in on the public host, staff, in no tenant."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return True, or raise what is missing."""
        _require_known(request)
        if tenant_of(request) is not None:
            raise InsufficientPermissionsError(
                "This is for operators of the platform.",
                remediation="Sign in as an operator on the public host.",
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
    """Return the scopes that the caller holds: by key, by role in the tenant, or as operator."""
    if isinstance(request.auth, ApiKey):
        return frozenset(request.auth.scopes)
    if not isinstance(request.user, User):
        return frozenset()
    if tenant_of(request) is None:
        return OPERATOR_SCOPES if request.user.is_staff else frozenset()
    roles = request.user.groups.values_list("name", flat=True)
    return frozenset().union(*(ROLE_SCOPES.get(role, frozenset()) for role in roles))


def _require_known(request: Request) -> None:
    if not request.user.is_authenticated:
        raise AuthenticationRequiredError("This needs an API key or a sign-in.", remediation=HOW)


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
