"""The kill switch and removal as the pipeline meets them: between stages, in bulk, in a task."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from intake.services import document_receive
from processing.bulk import ingest_files
from processing.leases import LeaseLostError, claim_stage, fence, renew
from processing.models import Run, StageState
from processing.runner import _run_stage, run_advance
from processing.services import run_start
from processing.tasks import measure, work
from processing.work import PIPELINE_WORK
from tenants.context import tenant_context
from tenants.errors import TenantSuspendedError
from tenants.lifecycle.deprovisioning import tenant_deprovision
from tenants.lifecycle.gate import require_active
from tenants.lifecycle.provisioning import tenant_provision
from tenants.models import Tenant
from tenants.services import tenant_resume, tenant_suspend
from tenants.stores import for_tenant
from tenants.workload.turns import Turn, turns_ask
from tests.conftest import Receive


@pytest.fixture
def queued(acme: Tenant, receive: Receive) -> Run:
    """A run of one file that waits."""
    receipt = receive(acme, "pier.txt", b"The crane on pier one is blue.\n")
    with tenant_context(acme):
        assert receipt.document is not None
        return run_start(tenant=acme, document=receipt.document)


def test_no_stage_begins_between_suspension_and_resumption(
    acme: Tenant, globex: Tenant, queued: Run
) -> None:
    with tenant_context(acme):
        first = claim_stage(queued.pk, tenant=acme)
        assert first is not None
    tenant_suspend(tenant=acme, actor="tester")
    with tenant_context(acme):
        # What ran when the switch was thrown is finished and kept.
        assert _run_stage(acme, first, None) is not None
        first.refresh_from_db()
        assert first.state == StageState.DONE
        # The object in memory may be older than the registry: only the registry counts.
        stale = Tenant(pk=acme.pk, slug="acme", schema_name=acme.schema_name, state="ACTIVE")
        assert claim_stage(queued.pk, tenant=stale) is None
        run = run_advance(tenant=stale, run_id=queued.pk)
        assert not run.is_final
        assert run.stages.filter(started_at=None).count() == 5
    tenant_resume(tenant=acme, actor="tester")
    with tenant_context(acme):
        assert run_advance(tenant=acme, run_id=queued.pk).state == "published"
        assert set(queued.stages.values_list("attempt", flat=True)) == {1}


def test_a_suspended_tenant_has_no_turn_until_it_is_resumed(
    acme: Tenant, globex: Tenant, queued: Run, django_capture_on_commit_callbacks: Any
) -> None:
    turns_ask([acme])
    tenant_suspend(tenant=acme, actor="tester")
    assert work.apply().successful()
    with tenant_context(acme):
        assert queued.stages.filter(started_at=None).count() == 6
    with django_capture_on_commit_callbacks(execute=True):
        tenant_resume(tenant=acme, actor="tester")
    assert work.apply().successful()
    with tenant_context(acme):
        assert Run.objects.get(pk=queued.pk).state == "published"


def test_bulk_intake_stops_with_the_tenant(acme: Tenant, globex: Tenant, tmp_path: Path) -> None:
    path = tmp_path / "one.txt"
    path.write_text("The crane on pier two is red.\n")
    tenant_suspend(tenant=acme, actor="tester")
    with tenant_context(acme), pytest.raises(TenantSuspendedError, match="SUSPENDED"):
        ingest_files(tenant=acme, paths=[path], actor="tester")
    with tenant_context(globex):
        require_active(globex)


def test_a_worker_whose_run_was_dropped_puts_nothing(
    acme: Tenant, globex: Tenant, queued: Run
) -> None:
    with tenant_context(acme):
        held = claim_stage(queued.pk, tenant=acme)
        assert held is not None
    before = set(for_tenant(acme).objects.list())
    assert PIPELINE_WORK.count(acme) >= 1
    PIPELINE_WORK.cancel(acme)
    assert PIPELINE_WORK.count(acme) == 0
    with tenant_context(acme):
        assert not renew(held)
        with pytest.raises(LeaseLostError):
            fence(held)
        # Its input was read before: it does the work, and drops the result.
        assert _run_stage(acme, held, None) is None
    assert set(for_tenant(acme).objects.list()) == before


def test_a_task_of_a_removed_tenant_ends_quietly(
    committed: None, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    tenant = tenant_provision(slug="leaving", name="", actor="tester")
    with tenant_context(tenant):
        document_receive(
            tenant=tenant, filename="a.txt", stream=BytesIO(b"Blue.\n"), actor="tester"
        )
        assert Run.objects.count() == 1
    tenant_deprovision(tenant=tenant, confirmation="leaving", actor="tester")
    # As a worker that read it when the tenant was there, and goes on when it is not.
    Tenant.objects.filter(pk=tenant.pk).update(state="ACTIVE")
    stale = Tenant.objects.get(pk=tenant.pk)
    Tenant.objects.filter(pk=tenant.pk).update(state="DEPROVISIONED")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tenants.tasks.tenant_get", lambda slug: stale)
        assert measure.apply(("leaving",)).successful()
        turns = iter([Turn(stale, timezone.now())])
        patch.setattr("processing.handing.turn_take", lambda: next(turns, None))
        assert work.apply().successful()
    assert "task failed" not in caplog.text + capsys.readouterr().out
    assert connection.schema_name == "public"  # type: ignore[attr-defined]
