"""Onboarding: whole or not at all, whatever step fails; and the states between."""

from dataclasses import replace

import pytest
from django.core.exceptions import ImproperlyConfigured

from audit.models import AuditEvent
from audit.verification import chain_verify
from tenants.context import tenant_context
from tenants.errors import (
    InvalidStateTransitionError,
    TenantAlreadyExistsError,
)
from tenants.lifecycle import deprovisioning
from tenants.lifecycle.deprovisioning import ORDER, removals
from tenants.lifecycle.provisioning import STEPS, _nothing, tenant_provision
from tenants.lifecycle.states import TRANSITIONS, TenantState, require_transition
from tenants.models import Tenant
from tenants.stores import for_tenant
from tests.keys import api_key_authenticate

STEP_NAMES = [step.name for step in STEPS]


def remains(tenant: Tenant) -> dict[str, bool]:
    """Return which of a tenant's things exist, asked of their stores."""
    return {step.name: not step.is_gone(tenant) for step in STEPS}


def test_a_new_tenant_has_everything_and_a_domain(committed: None) -> None:
    tenant = tenant_provision(slug="north-clinic", name="North Clinic", actor="tester")
    assert tenant.state == TenantState.ACTIVE
    assert all(remains(tenant).values())
    assert tenant.domains.get().domain == "north-clinic.localhost"
    with tenant_context(tenant):
        assert for_tenant(tenant).vectors.exists()
    assert chain_verify(tenant="north-clinic").events == 5
    run = tenant.lifecycle_runs.get()
    assert (run.kind, run.attempt, run.state, run.actor) == ("provision", 1, "done", "tester")
    told = [(step.action, step.name, step.state) for step in run.steps.all()]
    assert told == [("make", name, "done") for name in STEP_NAMES] + [
        ("check", name, "done") for name in STEP_NAMES
    ]


def test_the_first_key_comes_with_the_tenant(committed: None) -> None:
    tenant = tenant_provision(slug="keyed", name="", actor="tester")
    assert api_key_authenticate(presented=tenant.issued_key).tenant == tenant
    assert Tenant.objects.get(slug="keyed").issued_key == ""
    assert tenant.issued_key not in str(AuditEvent.objects.filter(tenant="keyed").values())


def test_every_step_says_how_it_is_checked_and_removed() -> None:
    for step in STEPS:
        assert step.check is not _nothing, f"the step {step.name} has no check"
    assert {step.name for step in STEPS} <= set(ORDER)
    assert [removal.name for removal in removals()] == [
        name for name in ORDER if name in {*STEP_NAMES, "work"}
    ]


def test_a_step_without_a_place_in_removal_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    extra = replace(STEPS[0], name="extra")
    monkeypatch.setattr(deprovisioning, "STEPS", (*STEPS, extra))
    with pytest.raises(ImproperlyConfigured, match="extra"):
        removals()


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
