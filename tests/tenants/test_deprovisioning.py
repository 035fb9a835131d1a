"""Removal: asked for twice, everything gone from every store, the history kept, the slug taken."""

from collections.abc import Iterator
from io import BytesIO

import pytest
from django.db import connection

from audit.models import AuditEvent
from audit.verification import chain_verify
from intake.services import document_receive
from processing.models import Run
from processing.runner import run_advance
from tenants.context import tenant_context
from tenants.errors import (
    AuthenticationRequiredError,
    ConfirmationMismatchError,
    InvalidStateTransitionError,
    TenantAlreadyExistsError,
    TenantBusyError,
    TenantStoppedError,
)
from tenants.lifecycle import gate
from tenants.lifecycle.deprovisioning import removals, tenant_contents, tenant_deprovision
from tenants.lifecycle.provisioning import STEPS, tenant_provision
from tenants.lifecycle.recovery import tenant_retry
from tenants.lifecycle.states import TRANSITIONS, TenantState
from tenants.models import Tenant
from tenants.services import tenant_resume, tenant_suspend
from tenants.stores import for_tenant
from tenants.workspace import workspace_folder
from tests.keys import api_key_authenticate

TEXT = b"# Cranes\n\nThe crane on pier one is blue.\n"


def receive(tenant: Tenant, data: bytes = TEXT) -> None:
    with tenant_context(tenant):
        document_receive(tenant=tenant, filename="cranes.md", stream=BytesIO(data), actor="t")


@pytest.fixture
def leaving(committed: None) -> Tenant:
    """A tenant with one document that is published and one that waits."""
    tenant = tenant_provision(slug="leaving", name="Leaving Ltd", actor="tester")
    receive(tenant)
    with tenant_context(tenant):
        assert run_advance(tenant=tenant, run_id=Run.objects.get().pk).state == "published"
    receive(tenant, TEXT + b"And the one on pier two is red.\n")
    return tenant


def test_nothing_is_left_but_a_tombstone_and_the_history(leaving: Tenant) -> None:
    staying = tenant_provision(slug="staying", name="", actor="tester")
    receive(staying)
    before = tenant_contents(tenant=staying)
    folders = [workspace_folder(tenant.schema_name) for tenant in (leaving, staying)]
    found = tenant_contents(tenant=leaving)
    assert found["key"] == 1
    assert found["work"] == 1
    assert found["vectors"] >= 1
    assert found["schema"] > 20
    assert found["bucket"] == 2 + 6

    leaving.sign_in = {"name": "Their ID", "client_secret": "sealed"}
    leaving.save(update_fields=["sign_in"])
    tenant_suspend(tenant=leaving, actor="tester")
    tenant_deprovision(tenant=leaving, confirmation="leaving", actor="tester")

    tombstone = Tenant.objects.get(slug="leaving")
    assert (tombstone.state, tombstone.sign_in) == (TenantState.DEPROVISIONED, {})
    assert all(step.is_gone(leaving) for step in STEPS)
    assert all(removal.count(leaving) == 0 for removal in removals())
    assert [folder.exists() for folder in folders] == [False, True]
    with pytest.raises(AuthenticationRequiredError):
        api_key_authenticate(presented=leaving.issued_key)
    report = chain_verify(tenant="leaving")
    assert report.valid
    types = list(
        AuditEvent.objects.filter(tenant="leaving")
        .order_by("sequence")
        .values_list("event_type", flat=True)
    )
    assert types[:2] == ["TENANT_CREATED", "TENANT_PROVISION_STARTED"]
    assert "DOCUMENT_PUBLISHED" in types
    assert types[-1] == "TENANT_DEPROVISIONED"
    removed = AuditEvent.objects.filter(tenant="leaving").latest("sequence").details["removed"]
    assert {name: counts["left"] for name, counts in removed.items()} == dict.fromkeys(found, 0)
    for name in ("key", "work", "vectors", "bucket"):
        assert removed[name]["deleted"] == found[name]
    # The rows of the unfinished run went with the waiting work.
    assert 0 < removed["schema"]["deleted"] < found["schema"]
    assert tenant_contents(tenant=staying) == before
    assert staying.state == TenantState.ACTIVE


def test_the_slug_of_a_removed_tenant_stays_taken(leaving: Tenant) -> None:
    tenant_deprovision(tenant=leaving, confirmation="leaving", actor="tester")
    with pytest.raises(TenantAlreadyExistsError, match="was removed"):
        tenant_provision(slug="leaving", name="Someone else", actor="tester")
    assert Tenant.objects.get(slug="leaving").name == "Leaving Ltd"


def test_a_removed_tenant_is_told_from_a_stopped_one(leaving: Tenant) -> None:
    """Its schema and role are gone, so nothing may be looked up there before the refusal."""
    tenant_deprovision(tenant=leaving, confirmation="leaving", actor="tester")
    with pytest.raises(InvalidStateTransitionError) as caught:
        tenant_suspend(tenant=leaving, actor="tester")
    assert caught.value.extra == {"current": "DEPROVISIONED", "allowed": []}


@pytest.mark.parametrize("typed", ["", "globex", "LEAVING", "leaving ", "Leaving Ltd"])
def test_a_wrong_confirmation_removes_nothing(acme: Tenant, globex: Tenant, typed: str) -> None:
    events = AuditEvent.objects.filter(tenant="acme").count()
    with pytest.raises(ConfirmationMismatchError):
        tenant_deprovision(tenant=acme, confirmation=typed, actor="tester")
    assert Tenant.objects.get(slug="acme").state == TenantState.ACTIVE
    assert AuditEvent.objects.filter(tenant="acme").count() == events


OPERATIONS = {
    TenantState.SUSPENDED: lambda tenant: tenant_suspend(tenant=tenant, actor="t"),
    TenantState.ACTIVE: lambda tenant: tenant_resume(tenant=tenant, actor="t"),
    TenantState.DEPROVISIONING: lambda tenant: tenant_deprovision(
        tenant=tenant, confirmation=tenant.slug, actor="t"
    ),
    TenantState.PROVISIONING: lambda tenant: tenant_retry(tenant=tenant, actor="t"),
}
FORBIDDEN = [
    (current, target)
    for current in TenantState
    for target in OPERATIONS
    if target not in TRANSITIONS[current]
    # Between two states a removal or a retry is a way out: the row goes to FAILED first.
    and not (
        current in {TenantState.PROVISIONING, TenantState.DEPROVISIONING}
        and target in {TenantState.PROVISIONING, TenantState.DEPROVISIONING}
    )
]


@pytest.mark.parametrize(("current", "target"), FORBIDDEN)
def test_what_a_state_forbids_is_refused_with_what_it_allows(
    acme: Tenant, globex: Tenant, current: TenantState, target: TenantState
) -> None:
    Tenant.objects.filter(pk=acme.pk).update(state=current)
    acme.refresh_from_db()
    with pytest.raises(InvalidStateTransitionError) as caught:
        OPERATIONS[target](acme)
    assert caught.value.extra["current"] == current
    assert caught.value.extra["allowed"] == [state.value for state in TRANSITIONS[current]]
    assert Tenant.objects.get(slug="acme").state == current
    assert Tenant.objects.get(slug="globex").state == TenantState.ACTIVE


@pytest.fixture
def other_session() -> Iterator[object]:
    """A second connection to the database, as another process has it."""
    other = connection.copy()
    other.set_schema_to_public()  # type: ignore[attr-defined]
    yield other
    other.close()


def test_removal_waits_for_a_file_that_is_being_handed_in(
    leaving: Tenant, other_session: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "DRAIN_SECONDS", 1)
    with other_session.cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute("SELECT pg_advisory_lock_shared(%s, %s)", [gate._WRITERS, leaving.pk])
        with pytest.raises(Exception, match="stopped at 'work'") as caught:
            tenant_deprovision(tenant=leaving, confirmation="leaving", actor="tester")
        assert isinstance(caught.value.__cause__, TenantBusyError)
        cursor.execute("SELECT pg_advisory_unlock_shared(%s, %s)", [gate._WRITERS, leaving.pk])
    assert for_tenant(leaving).objects.exists()
    assert tenant_retry(tenant=leaving, actor="tester").state == TenantState.DEPROVISIONED


def test_two_at_once_do_not_meet(leaving: Tenant, other_session: object) -> None:
    with other_session.cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [gate._LIFE, leaving.pk])
        assert gate.tenants_in_work() == {leaving.pk}
        with pytest.raises(TenantBusyError):
            tenant_deprovision(tenant=leaving, confirmation="leaving", actor="tester")
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [gate._LIFE, leaving.pk])
    assert gate.tenants_in_work() == frozenset()
    assert Tenant.objects.get(slug="leaving").state == TenantState.ACTIVE


def test_nothing_is_handed_in_once_removal_has_begun(leaving: Tenant) -> None:
    Tenant.objects.filter(pk=leaving.pk).update(state=TenantState.DEPROVISIONING)
    before = sorted(for_tenant(leaving).objects.list())
    with pytest.raises(TenantStoppedError):
        receive(leaving, b"Late words.\n")
    assert sorted(for_tenant(leaving).objects.list()) == before
