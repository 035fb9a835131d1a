"""Who calls, and for which tenant, as the views need it."""

from rest_framework.request import Request

from tenants.access.credentials import Credential
from tenants.errors import InsufficientPermissionsError
from tenants.models import Tenant


def tenant_of(request: Request) -> Tenant | None:
    """Return the tenant that routing has found for the request, or None on the public host."""
    tenant: Tenant | None = getattr(request, "tenant", None)
    return tenant


def require_tenant(request: Request) -> Tenant:
    """Return the request's tenant; raises `InsufficientPermissionsError` where there is none."""
    tenant = tenant_of(request)
    if tenant is None:
        raise InsufficientPermissionsError(
            "This works within a tenant, and the request names none.",
            remediation="Send an API key of the tenant, or use the tenant's host.",
        )
    return tenant


def actor_of(request: Request) -> str:
    """Return how the caller is named in receipts and audit events."""
    if isinstance(request.auth, Credential):
        return request.auth.actor
    kind = "operator" if tenant_of(request) is None else "user"
    return f"{kind}:{request.user.get_username()}"
