"""A process that is killed in the middle of a set-up or a removal: seen, settled, gone on with."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from audit.models import AuditEvent
from audit.verification import chain_verify
from tenants.errors import TenantBusyError
from tenants.lifecycle.deprovisioning import tenant_deprovision
from tenants.lifecycle.provisioning import STEPS, tenant_provision
from tenants.lifecycle.recovery import settle_interrupted, tenant_retry, tenants_interrupted
from tenants.lifecycle.states import TenantState
from tenants.models import Tenant
from tenants.tasks import settle
from tests.tenants.test_faults import assert_removed, assert_whole, left_of

PROJECT_DIR = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 60
STOPPED = """
import os, sys, time
import django
from django.conf import settings
django.setup()
settings.DATABASES["default"]["NAME"] = sys.argv[1]
settings.BUCKET_PREFIX = sys.argv[2]
from dataclasses import replace
from tenants.lifecycle import deprovisioning
from tenants.lifecycle import provisioning

def hang(_tenant):
    print("hanging", flush=True)
    time.sleep(600)

what, step = sys.argv[3], sys.argv[4]
if what == "provision":
    provisioning.STEPS = tuple(
        replace(each, make=hang) if each.name == step else each for each in provisioning.STEPS
    )
    provisioning.tenant_provision(slug="halted", name="", actor="tester")
else:
    removals = deprovisioning.removals()
    deprovisioning.removals = lambda: tuple(
        replace(each, remove=hang) if each.name == step else each for each in removals
    )
    tenant = provisioning.Tenant.objects.get(slug="halted")
    deprovisioning.tenant_deprovision(tenant=tenant, confirmation="halted", actor="tester")
"""
"""Another process at work on a tenant, which comes to the named step and stays there."""


@pytest.fixture
def halt(committed: None, settings: object) -> Iterator[Callable[[str, str], None]]:
    """A function that starts such a process, and kills it with no chance to clean up."""
    started: list[subprocess.Popen[str]] = []

    def _halt(what: str, step: str) -> None:
        process = subprocess.Popen(
            [
                sys.executable, "-c", STOPPED, connection.settings_dict["NAME"],
                settings.BUCKET_PREFIX, what, step,  # type: ignore[attr-defined]
            ],
            cwd=PROJECT_DIR,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "frostbyte.settings.test"},
            stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "hanging\n"
        tenant = Tenant.objects.get(slug="halted")
        assert tenants_interrupted() == []
        with pytest.raises(TenantBusyError):
            tenant_retry(tenant=tenant, actor="tester")
        process.send_signal(signal.SIGKILL)
        process.wait()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while tenants_interrupted() != [tenant] and time.monotonic() < deadline:
            time.sleep(0.05)
        assert tenants_interrupted() == [tenant]

    yield _halt
    for process in started:
        process.kill()
        process.wait()


def types_of(slug: str) -> list[str]:
    """Return its changes of state since it was made; earlier tests left their history."""
    events = AuditEvent.objects.filter(tenant=slug, event_type__startswith="TENANT_")
    events = events.order_by("sequence")
    types = list(events.values_list("event_type", flat=True))
    return types[len(types) - 1 - types[::-1].index("TENANT_CREATED") :]


@pytest.mark.parametrize("step", [STEPS[1].name, STEPS[-1].name])
def test_a_killed_set_up_is_undone_by_the_sweep_and_retried(
    halt: Callable[[str, str], None], step: str
) -> None:
    halt("provision", step)
    tenant = Tenant.objects.get(slug="halted")
    assert tenant.state == TenantState.PROVISIONING
    assert left_of(tenant)
    settle.apply()
    tenant.refresh_from_db()
    assert tenant.state == TenantState.FAILED
    assert left_of(tenant) == []
    event = AuditEvent.objects.filter(tenant="halted").latest("sequence")
    assert (event.event_type, event.details["code"]) == ("TENANT_PROVISION_FAILED", "INTERRUPTED")
    assert settle_interrupted() == 0
    assert_whole(tenant_retry(tenant=tenant, actor="tester"))
    assert [run.state for run in tenant.lifecycle_runs.all()] == ["interrupted", "done"]


def test_a_killed_set_up_is_retried_without_the_sweep(halt: Callable[[str, str], None]) -> None:
    halt("provision", STEPS[-1].name)
    assert_whole(tenant_retry(tenant=Tenant.objects.get(slug="halted"), actor="tester"))
    assert types_of("halted") == [
        "TENANT_CREATED", "TENANT_PROVISION_STARTED", "TENANT_PROVISION_FAILED",
        "TENANT_PROVISION_RETRY", "TENANT_PROVISION_STARTED", "TENANT_PROVISIONED",
    ]  # fmt: skip


def test_a_killed_set_up_can_be_abandoned(halt: Callable[[str, str], None]) -> None:
    halt("provision", STEPS[-1].name)
    tenant = Tenant.objects.get(slug="halted")
    assert_removed(tenant_deprovision(tenant=tenant, confirmation="halted", actor="tester"))
    assert "TENANT_ABANDONED" in types_of("halted")


@pytest.mark.parametrize("step", ["key", "schema", "domain"])
def test_a_killed_removal_goes_on_where_it_stopped(
    halt: Callable[[str, str], None], step: str
) -> None:
    tenant_provision(slug="halted", name="", actor="tester")
    halt("deprovision", step)
    tenant = Tenant.objects.get(slug="halted")
    assert tenant.state == TenantState.DEPROVISIONING
    assert settle_interrupted() == 1
    tenant.refresh_from_db()
    assert tenant.state == TenantState.FAILED
    assert_removed(tenant_retry(tenant=tenant, actor="tester"))
    assert chain_verify(tenant="halted").valid
    assert [run.state for run in tenant.lifecycle_runs.filter(kind="deprovision")] == [
        "interrupted",
        "done",
    ]


def test_a_tenant_that_was_registered_and_no_more_is_set_up_by_a_retry(committed: None) -> None:
    tenant = Tenant.objects.create(slug="waiting", name="Waiting", schema_name="t_waiting")
    assert tenant.state == TenantState.PENDING
    assert_whole(tenant_retry(tenant=tenant, actor="tester"))


def test_the_shared_tenants_are_not_taken_for_interrupted(acme: Tenant, globex: Tenant) -> None:
    assert tenants_interrupted() == []
    assert settle_interrupted() == 0
    assert {acme.state, globex.state} == {TenantState.ACTIVE}
