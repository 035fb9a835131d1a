"""Changes to tenants, their keys and their people: one transaction and one audit event each."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from audit.events import EventType
from tenants.access.credentials import KEY_PREFIX
from tenants.access.groups import groups_named
from tenants.access.sessions import sessions_end_all
from tenants.configuration import TenantConfiguration, configuration_of
from tenants.context import tenant_context
from tenants.errors import TenantNotActiveError, VersionConflictError
from tenants.lifecycle.states import TenantState
from tenants.lifecycle.transitions import state_change, state_hold, tenant_event
from tenants.lifecycle.work import tenant_work
from tenants.models import ApiKey, PlatformKey, Scope, Tenant

FIRST_SCOPES: Final = (Scope.INGEST, Scope.QUERY, Scope.AUDIT)
"""What the key may do that a tenant gets when it is set up or resumed."""


@transaction.atomic
def tenant_suspend(*, tenant: Tenant, actor: str) -> Tenant:
    """Stop the tenant: no request is served and no stage begins; keys and sessions end for good.

    What runs is finished and kept, what waits keeps waiting.
    """
    # First of all: no key is issued meanwhile, and a tenant without a schema is not entered.
    state_hold(tenant=tenant, target=TenantState.SUSPENDED)
    revoked = tenant.api_keys.filter(revoked_at=None).update(revoked_at=timezone.now())
    with tenant_context(tenant):
        ended = sessions_end_all()
    state_change(
        tenant=tenant,
        target=TenantState.SUSPENDED,
        event=EventType.TENANT_SUSPENDED,
        actor=actor,
        details={"revoked_keys": revoked, "ended_sessions": ended},
    )
    return tenant


@transaction.atomic
def tenant_resume(*, tenant: Tenant, actor: str) -> Tenant:
    """Let the tenant work again, with one new key (`issued_key`); the old stay revoked.

    Work that waited is handed out at once.
    """
    state_change(
        tenant=tenant, target=TenantState.ACTIVE, event=EventType.TENANT_RESUMED, actor=actor
    )
    _key, tenant.issued_key = api_key_issue(
        tenant=tenant, name="after resume", scopes=FIRST_SCOPES, actor=actor
    )
    transaction.on_commit(lambda: tenant_work().hand_out(tenant))
    return tenant


@transaction.atomic
def tenant_configure(
    *,
    tenant: Tenant,
    changes: Mapping[str, Any],
    actor: str,
    expected_version: int | None = None,
) -> Tenant:
    """Change settings by name, bump the version, and record old and new of each field.

    None sets a field back to its default. With `expected_version` nothing is changed unless that
    version is in force. Raises `ValidationError` that names each field that is unknown or out of
    range, and `VersionConflictError`.
    """
    locked = Tenant.objects.select_for_update(of=("self",)).get(pk=tenant.pk)
    _require_version(locked, expected_version)
    kept = {name: value for name, value in locked.configuration.items() if name not in changes}
    given = {name: value for name, value in changes.items() if value is not None}
    before = locked.settings.model_dump(mode="json")
    wanted = configuration_of({**kept, **given, **_unknown(changes)})
    after = wanted.model_dump(mode="json")
    changed = {
        name: {"old": before[name], "new": value}
        for name, value in after.items()
        if value != before[name]
    }
    tenant.configuration = locked.configuration
    tenant.config_version = locked.config_version
    if changed:
        tenant.configuration = wanted.model_dump(mode="json", exclude_unset=True)
        tenant.config_version += 1
        tenant.save(update_fields=["configuration", "config_version"])
        details = {"changed": changed, "version": tenant.config_version}
        tenant_event(
            tenant=tenant,
            event=EventType.TENANT_CONFIG_UPDATED,
            actor=actor,
            details=details,
        )
    return tenant


@transaction.atomic
def tenant_rename(*, tenant: Tenant, name: str, actor: str) -> Tenant:
    """Give the tenant another name; its slug and all that bears it stay."""
    before, tenant.name = tenant.name, name
    tenant.full_clean(exclude=["schema_name"])
    if name != before:
        tenant.save(update_fields=["name"])
        tenant_event(
            tenant=tenant,
            event=EventType.TENANT_RENAMED,
            actor=actor,
            details={"old": before, "new": name},
        )
    return tenant


@transaction.atomic
def tenant_update(
    *,
    tenant: Tenant,
    name: str | None,
    changes: Mapping[str, Any],
    actor: str,
    expected_version: int | None = None,
) -> Tenant:
    """Change the name, where one is given, and settings: all of it, or nothing when one fails."""
    tenant = tenant_configure(
        tenant=tenant, changes=changes, actor=actor, expected_version=expected_version
    )
    return tenant if name is None else tenant_rename(tenant=tenant, name=name, actor=actor)


def _require_version(tenant: Tenant, expected: int | None) -> None:
    if expected is not None and expected != tenant.config_version:
        raise VersionConflictError(
            f"Version {tenant.config_version} of the configuration is in force, not {expected}.",
            remediation="Read the configuration again, and repeat the change on what is there.",
            extra={"current_version": tenant.config_version, "expected_version": expected},
        )


def _unknown(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is no setting, so that the validation names it: a reset of one is an error."""
    return {name: None for name in changes if name not in TenantConfiguration.model_fields}


@transaction.atomic
def api_key_issue(
    *,
    tenant: Tenant,
    name: str,
    scopes: Sequence[Scope | str],
    actor: str,
    groups: Sequence[str] = (),
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Make a key and return it with its full text, which is shown this once and not kept.

    `groups` are groups of the tenant's people: the key reads what they read, and without any
    unrestricted collections only. Raises `GroupNotFoundError`, and `TenantNotActiveError` for a
    tenant that is stopped or going: a key made while it is being suspended would outlive the
    suspension.
    """
    _require_keys_allowed(tenant)
    group_ids: list[int] = []
    if groups:
        with tenant_context(tenant):
            group_ids = sorted(group.pk for group in groups_named(groups))
    key = ApiKey(
        tenant=tenant,
        name=name,
        scopes=list(scopes),
        groups=sorted(set(groups)),
        expires_at=expires_at,
    )
    text = key_make(key, owner=tenant.slug)
    tenant_event(
        tenant=tenant,
        event=EventType.KEY_ISSUED,
        actor=actor,
        details={"key_id": key.key_id, "scopes": key.scopes, "groups": group_ids},
    )
    return key, text


def _require_keys_allowed(tenant: Tenant) -> None:
    state = Tenant.objects.select_for_update(of=("self",)).get(pk=tenant.pk).state
    if state not in {TenantState.ACTIVE, TenantState.PROVISIONING}:
        raise TenantNotActiveError(
            f"Only a tenant that is active can have new keys; '{tenant.slug}' is {state}.",
            remediation="Resuming a suspended tenant gives it a new key.",
        )


def key_make(key: ApiKey | PlatformKey, *, owner: str) -> str:
    """Give a new key its id and secret, save it, and return its text `fb_<owner>_<id>_<secret>`."""
    secret = secrets.token_hex(32)
    key.key_id, key.secret_hash = secrets.token_hex(8), key.hash_secret(secret)
    key.scopes = [Scope(scope).value for scope in key.scopes]
    key.full_clean()
    key.save()
    return f"{KEY_PREFIX}_{owner}_{key.key_id}_{secret}"


@transaction.atomic
def api_key_revoke(*, key: ApiKey, actor: str) -> ApiKey:
    """Withdraw a key for good; doing it twice changes nothing."""
    if key.revoked_at is None:
        key.revoked_at = timezone.now()
        key.save(update_fields=["revoked_at"])
        tenant_event(
            tenant=key.tenant,
            event=EventType.KEY_REVOKED,
            actor=actor,
            details={"key_id": key.key_id},
        )
    return key


def key_touch(*, key: ApiKey | PlatformKey) -> None:
    """Note that the key was used, at most once a minute, so that reading does not mean writing."""
    now = timezone.now()
    if key.last_used_at is None or (now - key.last_used_at).total_seconds() > 60:
        type(key).objects.filter(pk=key.pk).update(last_used_at=now)


@transaction.atomic
def api_keys_withdraw(*, tenant: Tenant, actor: str) -> int:
    """Revoke every key of the tenant that is in force, and return how many there were."""
    keys = list(tenant.api_keys.filter(revoked_at=None))
    for key in keys:
        api_key_revoke(key=key, actor=actor)
    return len(keys)
