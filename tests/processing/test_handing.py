"""Who is next: round robin over tenants, priority and age within one, pauses, and the messages."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from celery import current_app
from django.db.models.functions import Now

from audit.models import AuditEvent
from intake.models import Priority
from processing.handing import work_announce, work_next, workers_wake
from processing.leases import claim_next
from processing.models import Run, RunState, StageRun, StageState
from processing.pipeline import STAGE_NAMES
from processing.services import run_start
from processing.tasks import sweep, work
from tenants.context import tenant_context
from tenants.models import Tenant, Worker, WorkTurn
from tenants.naming import PLATFORM
from tenants.workload.pauses import NotPausedError, pauses_of, stage_pause, stage_resume
from tenants.workload.turns import turn_pass, turn_take, turns_ask
from tenants.workload.workers import worker_seen, workers_alive
from tests.conftest import Receive


@pytest.fixture(autouse=True)
def queue(settings: Any) -> Iterator[str]:
    """A queue of this test's own, of which it knows how many messages are in it."""
    settings.PIPELINE_QUEUE = f"test-{uuid4()}"
    yield settings.PIPELINE_QUEUE
    with current_app.connection_for_write() as connection:
        connection.default_channel.queue_purge(settings.PIPELINE_QUEUE)  # type: ignore[attr-defined]


def waiting(queue: str) -> int:
    with current_app.connection_for_write() as connection:
        channel: Any = connection.default_channel
        return int(channel.queue_declare(queue).message_count)


def hand_in(receive: Receive, tenant: Tenant, number: int, **of_run: Any) -> Run:
    document = receive(tenant, f"{number}.txt", f"Crane {number} of {tenant}.\n".encode()).document
    assert document is not None
    with tenant_context(tenant):
        return run_start(tenant=tenant, document=document, **of_run)


def test_one_document_of_a_tenant_does_not_wait_for_all_of_anothers(
    acme: Tenant, globex: Tenant, receive: Receive
) -> None:
    """The order in which one worker really does them: in turn, and B's one at the second place."""
    runs = [hand_in(receive, acme, number) for number in range(5)]
    turns_ask([acme])
    assert work_next() is not None
    runs.append(hand_in(receive, globex, 0))
    turns_ask([globex])
    assert len(list(iter(work_next, None))) == 5
    published = AuditEvent.objects.filter(
        event_type="DOCUMENT_PUBLISHED", resource_id__in=[run.document_id for run in runs]
    )
    ended = list(published.order_by("timestamp"))
    assert [event.tenant for event in ended] == ["acme", "globex", "acme", "acme", "acme", "acme"]


def test_two_tenants_with_much_to_do_go_in_turn(
    acme: Tenant, globex: Tenant, receive: Receive
) -> None:
    for tenant in (acme, globex):
        for number in range(3):
            hand_in(receive, tenant, number)
    turns_ask([acme, globex])
    served = []
    while turn := turn_take():
        served.append(turn.tenant.slug)
        if len(served) == 8:
            turn_pass(turn)
            break
    assert served == ["acme", "globex"] * 4
    assert [turn.tenant.slug for turn in (turn_take(), turn_take()) if turn] == ["acme", "acme"]


def test_priority_goes_before_age_within_a_tenant(
    acme: Tenant, globex: Tenant, receive: Receive
) -> None:
    given = [Priority.LOW, Priority.NORMAL, Priority.HIGH, Priority.NORMAL, Priority.HIGH]
    runs = [hand_in(receive, acme, n, priority=priority) for n, priority in enumerate(given)]
    turns_ask([acme])
    done = [run.pk for run in iter(work_next, None)]
    assert done == [runs[n].pk for n in (2, 4, 1, 3, 0)]
    with tenant_context(globex):
        assert not Run.objects.exists()


def test_a_tenant_has_so_many_runs_in_work_and_no_more(
    acme: Tenant, globex: Tenant, receive: Receive, settings: Any
) -> None:
    settings.PIPELINE_RUNS_IN_FLIGHT_PER_TENANT = 2
    for number in range(3):
        hand_in(receive, acme, number)
    hand_in(receive, globex, 0)
    with tenant_context(acme):
        held = [claim_next(tenant=acme), claim_next(tenant=acme)]
        assert all(held)
        assert claim_next(tenant=acme) is None
        StageRun.objects.filter(pk=held[0].pk).update(lease_expires_at=Now())  # type: ignore[union-attr]
        again = claim_next(tenant=acme)
        assert again is not None
        assert again.pk == held[0].pk  # type: ignore[union-attr]
        assert again.lost_leases == 1
    with tenant_context(globex):
        assert claim_next(tenant=globex) is not None


def test_a_request_that_comes_while_somebody_looks_is_not_lost(
    acme: Tenant, globex: Tenant
) -> None:
    turns_ask([acme])
    turn = turn_take()
    assert turn is not None
    turns_ask([acme])
    turn_pass(turn)
    again = turn_take()
    assert again is not None
    turn_pass(again)
    assert turn_take() is None
    assert WorkTurn.objects.get(tenant=acme).served_at is not None
    assert not WorkTurn.objects.filter(tenant=globex).exists()


def test_the_broker_holds_one_message_a_place_whatever_waits(
    acme: Tenant, globex: Tenant, receive: Receive, queue: str
) -> None:
    """Lost messages are made up for by the sweep; a run's end leaves one for the next."""
    assert waiting(queue) == 0
    for number in range(4):
        hand_in(receive, acme, number)
    assert work_announce([acme, globex]) == 1
    assert workers_wake() == 0
    worker_seen(name="w1", places=3)
    assert workers_wake() == 2
    with current_app.connection_for_write() as connection:
        connection.default_channel.queue_purge(queue)  # type: ignore[attr-defined]
    assert sweep.apply().successful()
    assert waiting(queue) == 3
    assert work.apply().successful()
    assert waiting(queue) == 4
    while work_next():
        pass
    assert work.apply().successful()
    assert waiting(queue) == 4


def test_a_paused_stage_begins_nothing_until_it_is_resumed(
    acme: Tenant, globex: Tenant, receive: Receive
) -> None:
    hand_in(receive, acme, 0)
    hand_in(receive, globex, 0)
    stage_pause(stage="embed", tenant=acme, actor="tester", reason="model is changed")
    assert [(p.stage, p.tenant, p.by, p.reason) for p in pauses_of(acme)] == [
        ("embed", "acme", "tester", "model is changed")
    ]
    assert pauses_of(globex) == []
    turns_ask([acme, globex])
    while work_next():
        pass
    with tenant_context(acme):
        run = Run.objects.get()
        assert run.state == RunState.QUEUED
        assert set(run.stages.filter(state=StageState.DONE).values_list("stage", flat=True)) == {
            "intake",
            "parse",
            "policy",
        }
    with tenant_context(globex):
        assert Run.objects.get().state == RunState.PUBLISHED
    stage_resume(stage="embed", tenant=acme, actor="tester")
    turns_ask([acme])
    while work_next():
        pass
    with tenant_context(acme):
        assert Run.objects.get().state == RunState.PUBLISHED
        assert set(Run.objects.get().stages.values_list("attempt", flat=True)) == {1}
    with pytest.raises(NotPausedError):
        stage_resume(stage="embed", tenant=acme, actor="tester")
    told = AuditEvent.objects.filter(tenant="acme", resource_type="stage").order_by("sequence")
    assert [event.event_type for event in told] == ["STAGE_PAUSED", "STAGE_RESUMED"]


def test_a_pause_of_the_platform_holds_for_every_tenant(
    acme: Tenant, globex: Tenant, receive: Receive
) -> None:
    for tenant in (acme, globex):
        hand_in(receive, tenant, 0)
    first = stage_pause(stage="intake", tenant=None, actor="operator:o", reason="store moves")
    assert stage_pause(stage="intake", tenant=None, actor="other", reason="") == first
    turns_ask([acme, globex])
    assert work_next() is None
    assert [pause.by for pause in pauses_of(globex)] == ["operator:o"]
    stage_resume(stage="intake", tenant=None, actor="operator:o")
    turns_ask([acme, globex])
    done = [run.state for run in iter(work_next, None)]
    assert done == [RunState.PUBLISHED, RunState.PUBLISHED]
    told = AuditEvent.objects.filter(tenant=PLATFORM, resource_type="stage")
    assert told.count() == 2


def test_workers_are_alive_for_as_long_as_they_say_so(acme: Tenant, globex: Tenant) -> None:
    assert workers_alive().last_seen is None
    with tenant_context(acme):
        worker_seen(name="a", places=2)
    worker_seen(name="b", places=1)
    assert (workers_alive().alive, workers_alive().places) == (2, 3)
    Worker.objects.filter(name="a").update(seen_at=Now() - timedelta(minutes=1))
    worker_seen(name="b", places=0)
    gone = workers_alive()
    assert (gone.alive, gone.places) == (0, 0)
    assert gone.last_seen == Worker.objects.get(name="b").seen_at


def test_a_run_on_which_two_workers_died_goes_after_all_others(
    acme: Tenant, globex: Tenant, receive: Receive
) -> None:
    suspected = hand_in(receive, acme, 0, priority=Priority.HIGH)
    sound = [hand_in(receive, acme, number) for number in (1, 2)]
    untouched = hand_in(receive, globex, 0)
    with tenant_context(acme):
        for lost in (0, 1):
            taken = claim_next(tenant=acme)
            assert taken is not None
            assert (taken.run_id, taken.lost_leases) == (suspected.pk, lost)
            StageRun.objects.filter(pk=taken.pk).update(lease_expires_at=Now())
        order = [stage.run_id for stage in iter(lambda: claim_next(tenant=acme), None)]
    assert order == [*(run.pk for run in sound), suspected.pk]
    with tenant_context(globex):
        assert untouched.stages.filter(attempt=0).count() == len(STAGE_NAMES)
