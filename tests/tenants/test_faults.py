"""A fault at every place of set-up and removal: a whole tenant or none, and a retry completes it.

Generated from the steps themselves, so that a new one is tested as soon as it is there. What is
left is asked of the stores.
"""

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

import pytest

from audit.models import AuditEvent
from audit.verification import chain_verify
from intake.services import document_receive
from tenants.context import tenant_context
from tenants.errors import DeprovisioningError, ProvisioningError
from tenants.lifecycle import deprovisioning
from tenants.lifecycle.deprovisioning import Removal, removals, tenant_deprovision
from tenants.lifecycle.provisioning import STEPS, Step, tenant_provision
from tenants.lifecycle.recovery import tenant_retry
from tenants.lifecycle.states import TenantState
from tenants.models import Tenant
from tests.keys import api_key_authenticate
from tests.tenants.faults import Act, after, before, break_steps

STEP_NAMES = [step.name for step in STEPS]
REMOVAL_NAMES = [removal.name for removal in removals()]


def left_of(tenant: Tenant) -> list[str]:
    """Return the names of what the tenant still has, asked of each store."""
    return [step.name for step in STEPS if not step.is_gone(tenant)]


def failed(slug: str, name: str) -> Tenant:
    """Provision a tenant that fails at the step, and return it."""
    with pytest.raises(ProvisioningError) as caught:
        tenant_provision(slug=slug, name="", actor="tester")
    assert caught.value.extra["step"] == name
    tenant = Tenant.objects.get(slug=slug)
    assert tenant.state == TenantState.FAILED
    event = AuditEvent.objects.filter(tenant=slug).latest("sequence")
    assert event.event_type == "TENANT_PROVISION_FAILED"
    assert event.details["code"] == "OSError"
    assert event.details["step"] == name
    return tenant


def assert_whole(tenant: Tenant) -> None:
    assert tenant.state == TenantState.ACTIVE
    assert left_of(tenant) == STEP_NAMES
    assert api_key_authenticate(presented=tenant.issued_key).tenant == tenant
    assert chain_verify(tenant=tenant.slug).valid


@pytest.mark.parametrize("name", STEP_NAMES)
@pytest.mark.parametrize("fault", [before, after])
def test_a_fault_in_making_leaves_none_and_a_retry_makes_a_whole_tenant(
    committed: None,
    name: str,
    fault: Callable[[Act], Act],
    monkeypatch: pytest.MonkeyPatch,
    fault_row: list[str],
) -> None:
    with monkeypatch.context() as patch:
        break_steps(
            patch, lambda step: replace(step, make=fault(step.make)) if step.name == name else step
        )
        tenant = failed("brittle", name)
        assert left_of(tenant) == []
    assert_whole(tenant_retry(tenant=tenant, actor="tester"))
    assert [run.state for run in tenant.lifecycle_runs.all()] == ["failed", "done"]
    fault_row += [name, f"{fault.__name__} make", "FAILED, nothing left", "retry: ACTIVE, whole"]


@pytest.mark.parametrize("name", STEP_NAMES)
def test_a_fault_in_the_health_check_leaves_none(
    committed: None, name: str, monkeypatch: pytest.MonkeyPatch, fault_row: list[str]
) -> None:
    with monkeypatch.context() as patch:
        break_steps(
            patch,
            lambda step: replace(step, check=after(step.check)) if step.name == name else step,
        )
        tenant = failed("brittle", name)
        assert left_of(tenant) == []
    assert_whole(tenant_retry(tenant=tenant, actor="tester"))
    fault_row += [name, "in the health check", "FAILED, nothing left", "retry: ACTIVE, whole"]


@pytest.mark.parametrize("name", STEP_NAMES)
@pytest.mark.parametrize("way_out", ["retry", "remove"])
def test_a_fault_in_undoing_is_on_record_and_finished_later(
    committed: None,
    name: str,
    way_out: str,
    monkeypatch: pytest.MonkeyPatch,
    fault_row: list[str],
) -> None:
    last = STEPS[-1].name

    # The vector table lies in the schema, and goes with it all the same.
    expected = [] if name == "vectors" else [name]

    def change(step: Step) -> Step:
        undone = replace(step, undo=before(step.undo)) if step.name == name else step
        return replace(undone, make=after(step.make)) if step.name == last else undone

    with monkeypatch.context() as patch:
        break_steps(patch, change)
        tenant = failed("brittle", last)
        assert set(expected) <= set(left_of(tenant))
        event = AuditEvent.objects.filter(tenant="brittle").latest("sequence")
        assert event.details["left"] == left_of(tenant)
        steps = tenant.lifecycle_runs.get().steps.filter(action="undo", state="failed")
        assert name in {step.name for step in steps}
    left = ", ".join(left_of(tenant)) or "nothing left"
    if way_out == "retry":
        assert_whole(tenant_retry(tenant=tenant, actor="tester"))
        done = "retry: ACTIVE, whole"
    else:
        tenant_deprovision(tenant=tenant, confirmation="brittle", actor="tester")
        assert_removed(tenant)
        types = AuditEvent.objects.filter(tenant="brittle").values_list("event_type", flat=True)
        assert "TENANT_ABANDONED" in types
        done = "abandon: DEPROVISIONED"
    fault_row += [name, "in the undoing", f"FAILED, on record: {left}", done]


def assert_removed(tenant: Tenant) -> None:
    assert tenant.state == TenantState.DEPROVISIONED
    assert left_of(tenant) == []
    assert chain_verify(tenant=tenant.slug).valid


@pytest.mark.parametrize("name", REMOVAL_NAMES)
@pytest.mark.parametrize("fault", [before, after])
def test_a_fault_in_removal_stops_there_and_a_retry_completes_it(
    committed: None,
    name: str,
    fault: Callable[[Act], Act],
    monkeypatch: pytest.MonkeyPatch,
    fault_row: list[str],
) -> None:
    tenant = tenant_provision(slug="leaving", name="", actor="tester")
    with tenant_context(tenant):
        document_receive(
            tenant=tenant, filename="a.txt", stream=BytesIO(b"The pier is blue.\n"), actor="t"
        )

    def broken() -> tuple[Removal, ...]:
        return tuple(
            replace(each, remove=fault(each.remove)) if each.name == name else each
            for each in removals()
        )

    with monkeypatch.context() as patch:
        patch.setattr(deprovisioning, "removals", broken)
        with pytest.raises(DeprovisioningError) as caught:
            tenant_deprovision(tenant=tenant, confirmation="leaving", actor="tester")
    assert caught.value.extra == {"step": name}
    tenant.refresh_from_db()
    assert tenant.state == TenantState.FAILED
    event = AuditEvent.objects.filter(tenant="leaving").latest("sequence")
    assert event.event_type == "TENANT_DEPROVISION_FAILED"
    assert set(event.details["removed"]) == set(REMOVAL_NAMES[: REMOVAL_NAMES.index(name)])
    removed = f"FAILED, removed before: {len(event.details['removed'])}"

    assert_removed(tenant_retry(tenant=tenant, actor="tester"))
    event = AuditEvent.objects.filter(tenant="leaving").latest("sequence")
    assert event.details["removed"]["work"] == {"deleted": 1, "left": 0}
    assert event.details["removed"]["bucket"] == {"deleted": 1, "left": 0}
    assert set(event.details["removed"]) == set(REMOVAL_NAMES)
    fault_row += [name, f"{fault.__name__} remove", removed, "retry: DEPROVISIONED"]


def test_the_other_tenants_keep_everything(acme: Tenant, globex: Tenant) -> None:
    for tenant in (acme, globex):
        # Their keys are issued by the tests that use them.
        assert set(STEP_NAMES) - set(left_of(tenant)) <= {"key"}
        assert tenant.state == TenantState.ACTIVE
