"""Onboarding: whole or not at all, whatever step fails; and the states between."""

from dataclasses import replace
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from audit.verification import chain_verify
from tenants import provisioning
from tenants.context import tenant_context
from tenants.errors import (
    InvalidSlugError,
    InvalidStateTransitionError,
    ProvisioningError,
    TenantAlreadyExistsError,
)
from tenants.lifecycle import TRANSITIONS, TenantState, require_transition
from tenants.models import Tenant
from tenants.naming import validate_slug
from tenants.provisioning import STEPS, Step, tenant_provision, tenant_provision_retry
from tenants.stores import for_tenant

STEP_NAMES = [step.name for step in STEPS]


def remains(tenant: Tenant) -> dict[str, bool]:
    """Return which of a tenant's things exist, asked of their stores."""
    return {step.name: not step.is_gone(tenant) for step in STEPS}


def failing(step: Step) -> Step:
    """Return the step made to fail after it has done its work."""

    def make(tenant: Tenant) -> None:
        step.make(tenant)
        raise OSError("the disk is full")

    return replace(step, make=make)


def test_a_new_tenant_has_everything_and_a_domain(committed: None) -> None:
    tenant = tenant_provision(slug="north-clinic", name="North Clinic", actor="tester")
    assert tenant.state == TenantState.ACTIVE
    assert all(remains(tenant).values())
    assert tenant.domains.get().domain == "north-clinic.localhost"
    with tenant_context(tenant):
        assert for_tenant(tenant).vectors.exists()
    assert chain_verify(tenant="north-clinic").events == 3
    assert [step.state for step in tenant.provisioning_steps.all()] == ["done"] * len(STEPS)


@pytest.mark.parametrize("name", STEP_NAMES)
def test_a_fault_at_any_step_leaves_nothing_and_a_retry_completes(
    committed: None, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tuple(failing(step) if step.name == name else step for step in STEPS)
    monkeypatch.setattr(provisioning, "STEPS", broken)
    with pytest.raises(ProvisioningError) as caught:
        tenant_provision(slug="brittle", name="", actor="tester")
    tenant = Tenant.objects.get(slug="brittle")
    assert caught.value.extra == {"step": name}
    assert tenant.state == TenantState.FAILED
    assert not any(remains(tenant).values())

    monkeypatch.setattr(provisioning, "STEPS", STEPS)
    assert tenant_provision_retry(tenant=tenant, actor="tester").state == TenantState.ACTIVE
    assert all(remains(tenant).values())


@pytest.mark.parametrize(
    "slug",
    ["", "ab", "Acme", "1acme", "acme_corp", "acme corp", "аcme", "acme-", "a--b", "x" * 32,
     "public", "www", "platform", "acme;drop"],
)  # fmt: skip
def test_bad_slugs_are_refused_with_a_reason(slug: str) -> None:
    with pytest.raises(InvalidSlugError) as caught:
        validate_slug(slug)
    assert caught.value.remediation


def test_a_taken_slug_is_refused_and_changes_nothing(acme: Tenant, globex: Tenant) -> None:
    before = Tenant.objects.count()
    with pytest.raises(TenantAlreadyExistsError):
        tenant_provision(slug="acme", name="Another", actor="tester")
    assert Tenant.objects.count() == before
    assert Tenant.objects.get(slug="acme").name == "Acme"


def every_pair() -> list[tuple[TenantState, TenantState]]:
    return [(current, target) for current in TenantState for target in TenantState]


@pytest.mark.parametrize(("current", "target"), every_pair())
def test_only_listed_transitions_are_allowed(current: TenantState, target: TenantState) -> None:
    if target in TRANSITIONS[current]:
        require_transition(current, target)
        return
    with pytest.raises(InvalidStateTransitionError) as caught:
        require_transition(current, target)
    assert caught.value.extra["allowed"] == [state.value for state in TRANSITIONS[current]]


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("tenant", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_walks_through_a_tenants_life(committed: None) -> None:
    created = run("create", "walked", "--name", "Walked Ltd")
    assert "Tenant walked is ACTIVE." in created
    assert "fb_walked_" in created
    assert "walked.localhost" in run("show", "walked")
    assert 'pii_policy = "block"' in run("config", "walked", "pii_policy=block")
    assert "revoked" in run("suspend", "walked")
    assert "fb_walked_" in run("resume", "walked")
    listed = run("list")
    assert all(slug in listed for slug in ("acme", "globex", "walked"))
    with pytest.raises(CommandError, match="INVALID_STATE_TRANSITION"):
        run("resume", "walked")
    with pytest.raises(CommandError, match="VALIDATION_ERROR"):
        run("config", "walked", "retention_days=3")
    with pytest.raises(CommandError, match="RESOURCE_NOT_FOUND"):
        run("show", "nobody")
    assert connection.schema_name == "public"  # type: ignore[attr-defined]
