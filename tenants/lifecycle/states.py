"""The states of a tenant and the only changes between them."""

from typing import Final

from django.db import models

from tenants.errors import InvalidStateTransitionError


class TenantState(models.TextChoices):
    """Where a tenant is in its life."""

    PENDING = "PENDING"
    PROVISIONING = "PROVISIONING"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    DEPROVISIONING = "DEPROVISIONING"
    DEPROVISIONED = "DEPROVISIONED"
    FAILED = "FAILED"


S = TenantState
TRANSITIONS: Final[dict[TenantState, tuple[TenantState, ...]]] = {
    S.PENDING: (S.PROVISIONING,),
    S.PROVISIONING: (S.ACTIVE, S.FAILED),
    S.ACTIVE: (S.SUSPENDED, S.DEPROVISIONING),
    S.SUSPENDED: (S.ACTIVE, S.DEPROVISIONING),
    S.DEPROVISIONING: (S.DEPROVISIONED, S.FAILED),
    S.DEPROVISIONED: (),
    S.FAILED: (S.PROVISIONING, S.DEPROVISIONING),
}


def require_transition(current: TenantState, target: TenantState) -> None:
    """Raise `InvalidStateTransitionError` unless a tenant may go from `current` to `target`."""
    allowed = TRANSITIONS[current]
    if target not in allowed:
        names = ", ".join(allowed) or "none, this state is final"
        raise InvalidStateTransitionError(
            f"A tenant that is {current} cannot become {target}.",
            remediation=f"Allowed from here: {names}.",
            extra={"current": current.value, "allowed": [state.value for state in allowed]},
        )
