"""A machine whose clock is a day off: leases and due times are PostgreSQL's, not its own."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from processing.clock import database_now
from processing.dead_letters import Decision, dead_letter_decide
from processing.handing import work_announce, work_next
from processing.leases import claim_stage, renew
from processing.models import Run, RunState
from processing.runner import run_advance
from processing.services import run_start
from tenants.context import tenant_context
from tenants.models import Tenant
from tests.conftest import Receive

DAY = timedelta(days=1)


@pytest.fixture(params=[DAY, -DAY], ids=["ahead", "behind"])
def wrong_clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Move the clock that Python code asks through Django."""
    real = timezone.now

    def shifted() -> datetime:
        moved: datetime = real() + request.param
        return moved

    monkeypatch.setattr(timezone, "now", shifted)


@pytest.fixture
def queued(acme: Tenant, globex: Tenant, receive: Receive) -> Run:
    receipt = receive(acme, "minutes.txt", b"The harbour board met at nine.\n")
    assert receipt.document is not None
    with tenant_context(acme):
        return run_start(tenant=acme, document=receipt.document)


def test_a_wrong_clock_neither_steals_nor_sticks(
    acme: Tenant, globex: Tenant, receive: Receive, queued: Run, wrong_clock: None
) -> None:
    with tenant_context(acme):
        held = claim_stage(queued.pk, tenant=acme)
        assert held is not None
        assert held.lease_expires_at is not None
        assert timedelta(0) < held.lease_expires_at - database_now() < timedelta(minutes=1)
        assert claim_stage(queued.pk, tenant=acme) is None
        assert renew(held)
    other = receive(acme, "other.txt", b"The harbour board met at ten.\n").document
    assert other is not None
    with tenant_context(acme):
        run_of_other_clock = run_start(tenant=acme, document=other)
        run = run_advance(tenant=acme, run_id=run_of_other_clock.pk)
        assert run.state == RunState.PUBLISHED
        assert run.finished_at is not None
        assert abs(run.finished_at - database_now()) < timedelta(minutes=1)


def test_a_retry_by_a_wrong_clock_is_due_at_once(
    acme: Tenant, globex: Tenant, queued: Run, wrong_clock: None
) -> None:
    with tenant_context(acme):
        Run.objects.filter(pk=queued.pk).update(state=RunState.FAILED)
        queued.stages.filter(stage="intake").update(state="failed")
        dead_letter_decide(tenant=acme, decision=Decision.RETRY, run_id=queued.pk, actor="tester")
        run = run_advance(tenant=acme, run_id=queued.pk)
        assert run.state == RunState.PUBLISHED


def test_a_worker_with_a_wrong_clock_takes_no_turn(
    acme: Tenant, globex: Tenant, queued: Run, wrong_clock: None
) -> None:
    work_announce([acme])
    assert work_next() is None
    with tenant_context(acme):
        assert not queued.stages.exclude(attempt=0).exists()


def test_a_worker_with_a_right_clock_takes_it(acme: Tenant, globex: Tenant, queued: Run) -> None:
    work_announce([acme])
    run = work_next()
    assert run is not None
    assert run.state == RunState.PUBLISHED
