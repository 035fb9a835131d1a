"""Keys, people and settings: who gets in, and what is recorded of it."""

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from audit.events import EventType
from audit.models import AuditEvent
from frostbyte.kernel.errors import ValidationError
from tenants.access.people import staff_create
from tenants.context import tenant_context
from tenants.errors import AuthenticationRequiredError, TokenExpiredError, TokenRevokedError
from tenants.models import ApiKey, Scope, Tenant
from tenants.services import (
    api_key_issue,
    api_key_revoke,
    tenant_configure,
    tenant_resume,
    tenant_suspend,
)
from tests.keys import api_key_authenticate


def issue(tenant: Tenant, expires_at: datetime | None = None) -> tuple[ApiKey, str]:
    return api_key_issue(
        tenant=tenant, name="test", scopes=[Scope.QUERY], actor="tester", expires_at=expires_at
    )


def latest_event(tenant: Tenant, kind: EventType) -> AuditEvent:
    """Return the last event of a kind in the tenant's own chain; each chain counts for itself."""
    return AuditEvent.objects.filter(tenant=tenant.slug, event_type=kind).latest("sequence")


def test_a_key_opens_its_own_tenant_and_is_kept_as_a_hash(acme: Tenant, globex: Tenant) -> None:
    for tenant in (acme, globex):
        key, text = issue(tenant)
        assert text.startswith(f"fb_{tenant.slug}_{key.key_id}_")
        assert api_key_authenticate(presented=text).tenant == tenant
        secret = text.rsplit("_", 1)[1]
        assert secret not in str(ApiKey.objects.filter(pk=key.pk).values().get())
        event = latest_event(tenant, EventType.KEY_ISSUED)
        assert secret not in str(event.details)


def test_a_key_that_names_another_tenant_is_unknown(acme: Tenant, globex: Tenant) -> None:
    _key, text = issue(acme)
    with pytest.raises(AuthenticationRequiredError):
        api_key_authenticate(presented=text.replace("fb_acme_", "fb_globex_"))


@pytest.mark.parametrize(
    "presented", ["", "fb", "fb_acme", "fb_acme_1_2", "xx_acme_1_2", "fb_a'b_1_2"]
)
def test_what_is_no_key_is_unknown(acme: Tenant, globex: Tenant, presented: str) -> None:
    with pytest.raises(AuthenticationRequiredError):
        api_key_authenticate(presented=presented)


def test_a_guess_learns_nothing_of_a_revoked_key(acme: Tenant, globex: Tenant) -> None:
    key, text = issue(acme)
    api_key_revoke(key=key, actor="tester")
    with pytest.raises(TokenRevokedError):
        api_key_authenticate(presented=text)
    with pytest.raises(AuthenticationRequiredError):
        api_key_authenticate(presented=text[:-1] + ("0" if text[-1] != "0" else "1"))


def test_an_expired_key_says_so(acme: Tenant, globex: Tenant) -> None:
    _key, text = issue(acme, expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(TokenExpiredError):
        api_key_authenticate(presented=text)


def test_suspension_revokes_keys_of_that_tenant_for_good(acme: Tenant, globex: Tenant) -> None:
    _key, mine = issue(acme)
    _other, theirs = issue(globex)
    tenant_suspend(tenant=acme, actor="tester")
    with pytest.raises(TokenRevokedError):
        api_key_authenticate(presented=mine)
    assert api_key_authenticate(presented=theirs).tenant == globex
    tenant_resume(tenant=acme, actor="tester")
    with pytest.raises(TokenRevokedError):
        api_key_authenticate(presented=mine)


def test_people_live_in_their_tenants_schema(acme: Tenant, globex: Tenant) -> None:
    staff_create(tenant=acme, username="kim", password="a long pass phrase")
    with tenant_context(acme):
        kim = User.objects.get(username="kim")
        assert kim.check_password("a long pass phrase")
        assert [group.name for group in kim.groups.all()] == ["tenant_user"]
    with tenant_context(globex):
        assert not User.objects.filter(username="kim").exists()
    assert not User.objects.filter(username="kim").exists()


@pytest.mark.parametrize("password", ["short", "12345678", "password"])
def test_weak_passwords_are_refused(acme: Tenant, globex: Tenant, password: str) -> None:
    with pytest.raises(ValidationError):
        staff_create(tenant=acme, username="kim", password=password)


def test_a_change_of_settings_is_versioned_and_told_field_by_field(
    acme: Tenant, globex: Tenant
) -> None:
    before = acme.config_version
    tenant_configure(tenant=acme, changes={"pii_policy": "flag", "retention_days": 90}, actor="t")
    assert acme.config_version == before + 1
    assert Tenant.objects.get(slug="globex").settings.pii_policy == "redact"
    event = latest_event(acme, EventType.TENANT_CONFIG_UPDATED)
    assert event.details["changed"] == {
        "pii_policy": {"old": "redact", "new": "flag"},
        "retention_days": {"old": 2555, "new": 90},
    }
    tenant_configure(tenant=acme, changes={"pii_policy": "flag"}, actor="t")
    assert acme.config_version == before + 1


BAD_SETTINGS = [
    {"retention_days": 1},
    {"pii_types": ["SHOE_SIZE"]},
    {"unknown": 1},
    {"injection_flag_threshold": 0.9},
    {"retrieval_top_k_default": 60},
]


@pytest.mark.parametrize("changes", BAD_SETTINGS)
def test_settings_out_of_range_are_refused_by_name(
    acme: Tenant, globex: Tenant, changes: dict[str, object]
) -> None:
    with pytest.raises(ValidationError) as caught:
        tenant_configure(tenant=acme, changes=changes, actor="t")
    assert caught.value.extra["errors"]
    assert Tenant.objects.get(slug="acme").config_version == 1
