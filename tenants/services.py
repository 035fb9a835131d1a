"""Changes to tenants, their keys and their people: one transaction and one audit event each."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit.events import EventType
from audit.services import record_event
from tenants.configuration import TenantConfiguration, configuration_of
from tenants.credentials import KEY_PREFIX
from tenants.errors import VersionConflictError
from tenants.lifecycle import TenantState, require_transition
from tenants.models import ApiKey, PlatformKey, Scope, Tenant


@transaction.atomic
def tenant_suspend(*, tenant: Tenant, actor: str) -> Tenant:
    """Stop the tenant: no request is served and no stage runs; its keys are revoked."""
    _change_state(tenant, TenantState.SUSPENDED)
    revoked = tenant.api_keys.filter(revoked_at=None).update(revoked_at=timezone.now())
    _record(tenant, EventType.TENANT_SUSPENDED, actor, {"revoked_keys": revoked})
    return tenant


@transaction.atomic
def tenant_resume(*, tenant: Tenant, actor: str) -> Tenant:
    """Let the tenant work again; keys that were revoked stay revoked."""
    _change_state(tenant, TenantState.ACTIVE)
    _record(tenant, EventType.TENANT_RESUMED, actor, {})
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
        _record(tenant, EventType.TENANT_CONFIG_UPDATED, actor, details)
    return tenant


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
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Make a key and return it with its full text, which is shown this once and not kept."""
    key = ApiKey(tenant=tenant, name=name, scopes=list(scopes), expires_at=expires_at)
    text = key_make(key, owner=tenant.slug)
    _record(tenant, EventType.KEY_ISSUED, actor, {"key_id": key.key_id, "scopes": key.scopes})
    return key, text


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
        _record(key.tenant, EventType.KEY_REVOKED, actor, {"key_id": key.key_id})
    return key


def key_touch(*, key: ApiKey | PlatformKey) -> None:
    """Note that the key was used, at most once a minute, so that reading does not mean writing."""
    now = timezone.now()
    if key.last_used_at is None or (now - key.last_used_at).total_seconds() > 60:
        type(key).objects.filter(pk=key.pk).update(last_used_at=now)


def _change_state(tenant: Tenant, target: TenantState) -> None:
    locked = Tenant.objects.select_for_update().get(pk=tenant.pk)
    require_transition(TenantState(locked.state), target)
    tenant.state = target
    tenant.save(update_fields=["state"])


def _record(tenant: Tenant, event: EventType, actor: str, details: Mapping[str, Any]) -> None:
    record_event(
        tenant=tenant.slug,
        event_type=event,
        actor=actor,
        resource_type="tenant",
        resource_id=tenant.slug,
        details=details,
    )
