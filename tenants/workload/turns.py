"""Whose turn it is: round robin over the tenants that have work.

A tenant asks for turns when it has something to do, and keeps getting one after all the others
until somebody looks and finds nothing. `asked_at` tells such a look from a request that came
meanwhile, so that none is lost.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection, transaction

from tenants.context import registry_context
from tenants.lifecycle.states import TenantState
from tenants.models import Tenant


@dataclass(frozen=True, slots=True)
class Turn:
    """A tenant's turn, and when it last asked for one."""

    tenant: Tenant
    asked_at: datetime


_ASK: Final = """
INSERT INTO public.tenants_workturn (tenant_id, asked_at)
SELECT id, clock_timestamp() FROM public.tenants_tenant WHERE id = ANY(%s) ORDER BY id
ON CONFLICT (tenant_id) DO UPDATE SET asked_at = excluded.asked_at
"""

_TAKE: Final = """
UPDATE public.tenants_workturn SET served_at = clock_timestamp()
WHERE tenant_id = (
    SELECT turn.tenant_id
    FROM public.tenants_workturn turn JOIN public.tenants_tenant t ON t.id = turn.tenant_id
    WHERE turn.asked_at IS NOT NULL AND t.state = %s
    ORDER BY turn.served_at NULLS FIRST, turn.tenant_id
    LIMIT 1 FOR UPDATE OF turn {wait}
)
RETURNING tenant_id, asked_at
"""

_LEAVE: Final = """
UPDATE public.tenants_workturn SET asked_at = NULL WHERE tenant_id = %s AND asked_at = %s
"""


def turns_ask(tenants: Iterable[Tenant]) -> None:
    """Put tenants in the round; one that never had a turn is first."""
    with registry_context(), connection.cursor() as cursor:
        cursor.execute(_ASK, [[tenant.pk for tenant in tenants]])


def turn_take() -> Turn | None:
    """Return the turn of the active tenant that waits longest for one; None when none asks.

    A tenant that another worker looks at just now is passed over for the next, or waited for where
    it is the only one.
    """
    with registry_context(), transaction.atomic(), connection.cursor() as cursor:
        for wait in ("SKIP LOCKED", ""):
            cursor.execute(_TAKE.format(wait=wait), [TenantState.ACTIVE])
            if row := cursor.fetchone():
                return Turn(Tenant.objects.get(pk=row[0]), row[1])
    return None


def turn_pass(turn: Turn) -> None:
    """Take the tenant out of the round: it has nothing to do, unless it has asked since."""
    with registry_context(), connection.cursor() as cursor:
        cursor.execute(_LEAVE, [turn.tenant.pk, turn.asked_at])
