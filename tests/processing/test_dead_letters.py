"""Dead letters and cancelling: who decides what, what stays, and what is on record."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command

from audit.models import AuditEvent
from frostbyte.kernel.errors import NotFoundError
from intake.models import Collection, Document
from processing.cancelling import batch_cancel_runs, run_cancel
from processing.dead_letters import (
    Decision,
    DecisionNotPossibleError,
    dead_letter_decide,
    dead_letter_list,
    dead_letters_decide,
)
from processing.leases import LeaseLostError, claim_stage, fence, renew
from processing.models import Chunk, Resolution, Run, RunState, StageState
from processing.runner import _run_stage, run_advance
from processing.services import run_start
from processing.storage import storage_reconcile
from tenants.access.readers import reader_of
from tenants.context import reading, tenant_context
from tenants.models import Tenant
from tenants.stores import for_tenant
from tenants.workload.pauses import stage_pause, stage_resume
from tests.conftest import Receive

NOTE = b"Minutes of the harbour board: crane four is closed.\n"


def document_of(receive: Receive, tenant: Tenant, name: str = "note.txt") -> Document:
    document = receive(tenant, name, NOTE + name.encode()).document
    assert document is not None
    return document


@pytest.fixture
def dead(acme: Tenant, globex: Tenant, receive: Receive) -> Run:
    """A run of acme that failed at its first stage: the stored bytes are not the received ones."""
    document = document_of(receive, acme)
    with tenant_context(acme):
        for_tenant(acme).objects.put(document.raw_key, b"changed")
        run = run_start(tenant=acme, document=document)
        run = run_advance(tenant=acme, run_id=run.pk)
        assert run.is_dead_letter
        return run


def mend(tenant: Tenant, run: Run) -> None:
    for_tenant(tenant).objects.put(run.document.raw_key, NOTE + b"note.txt")


def decide(tenant: Tenant, run: Run, decision: Decision, reason: str = "") -> Run:
    with tenant_context(tenant):
        return dead_letter_decide(
            tenant=tenant, decision=decision, run_id=run.pk, actor="user:kim", reason=reason
        )


def test_one_that_was_set_aside_can_be_tried_again(acme: Tenant, globex: Tenant, dead: Run) -> None:
    decide(acme, dead, Decision.SKIP, "the sender looks into it")
    with tenant_context(acme):
        assert not dead_letter_list().exists()
        assert dead_letter_list(resolution=Resolution.SKIPPED).get().pk == dead.pk
        with pytest.raises(DecisionNotPossibleError):
            decide(acme, dead, Decision.SKIP)
        mend(acme, dead)
        assert decide(acme, dead, Decision.RETRY).state == RunState.QUEUED
        assert run_advance(tenant=acme, run_id=dead.pk).state == RunState.PUBLISHED
    with pytest.raises(NotFoundError):
        decide(acme, dead, Decision.RETRY)
    told = AuditEvent.objects.filter(tenant="acme", event_type__startswith="DEAD_LETTER")
    assert [
        (e.event_type, e.actor, e.details.get("reason")) for e in told.order_by("sequence")
    ] == [
        ("DEAD_LETTER_SKIPPED", "user:kim", "the sender looks into it"),
        ("DEAD_LETTER_RETRIED", "user:kim", None),
    ]


def test_one_that_is_closed_keeps_its_file_and_nothing_else(
    acme: Tenant,
    globex: Tenant,
    receive: Receive,
    settings: Any,
    django_capture_on_commit_callbacks: Any,
) -> None:
    document = document_of(receive, acme)
    with tenant_context(acme):
        run = run_start(tenant=acme, document=document)
        stage_pause(stage="embed", tenant=acme, actor="t", reason="")
        run_advance(tenant=acme, run_id=run.pk)
        stage_resume(stage="embed", tenant=acme, actor="t")
        for_tenant(acme).objects.put(f"derived/{run.pk}/policy.json", b"{}")
        run.stages.filter(stage="embed").update(attempt=3)
        assert run_advance(tenant=acme, run_id=run.pk).is_dead_letter
        objects = for_tenant(acme).objects
        assert len(list(objects.list(f"derived/{run.pk}/"))) == 3
        with django_capture_on_commit_callbacks(execute=True):
            decide(acme, run, Decision.ABANDON)
        assert list(objects.list(f"derived/{run.pk}/")) == []
        assert objects.get(document.raw_key) == NOTE + b"note.txt"
        assert document.receipts.count() == 1
        for decision in Decision:
            with pytest.raises(DecisionNotPossibleError):
                decide(acme, run, decision)
    with tenant_context(globex):
        assert not Run.objects.exists()


def test_many_are_decided_over_at_once_and_strangers_are_not(
    acme: Tenant, globex: Tenant, dead: Run
) -> None:
    for tenant, expected in ((globex, 0), (acme, 1)):
        with tenant_context(tenant):
            count = dead_letters_decide(
                tenant=tenant, decision=Decision.SKIP, run_ids=[dead.pk, uuid4()], actor="t"
            )
            assert count == expected


def test_who_may_not_read_the_document_does_not_see_that_there_is_one(
    acme: Tenant, globex: Tenant, dead: Run
) -> None:
    with tenant_context(acme):
        board = Group.objects.create(name="board")
        shelf = Collection.objects.create(name="board-papers", restricted=True)
        shelf.groups.add(board)
        Document.objects.filter(pk=dead.document_id).update(collection=shelf)
        with reading(reader_of(())):
            assert not dead_letter_list().exists()
            with pytest.raises(NotFoundError):
                decide(acme, dead, Decision.RETRY)
        with reading(reader_of(["board"])):
            assert dead_letter_list().get().pk == dead.pk


def test_a_batch_is_cancelled_wherever_its_runs_are(
    acme: Tenant, globex: Tenant, receive: Receive, django_capture_on_commit_callbacks: Any
) -> None:
    """One waits, one is in a stage, one is between stages, one was over before."""
    batch, other = uuid4(), uuid4()
    with tenant_context(acme):
        runs = [
            run_start(tenant=acme, document=document_of(receive, acme, f"{n}.txt"), batch_id=batch)
            for n in range(4)
        ]
        stranger = run_start(
            tenant=acme, document=document_of(receive, acme, "other.txt"), batch_id=other
        )
        over = run_advance(tenant=acme, run_id=runs[0].pk)
        held = claim_stage(runs[1].pk, tenant=acme)
        assert held is not None
        stage_pause(stage="serve", tenant=acme, actor="t", reason="")
        assert run_advance(tenant=acme, run_id=runs[2].pk).state == RunState.QUEUED
        stage_resume(stage="serve", tenant=acme, actor="t")
        assert Chunk.objects.filter(run=runs[2]).exists()
        with django_capture_on_commit_callbacks(execute=True):
            assert batch_cancel_runs(tenant=acme, batch_id=batch, actor="user:kim") == 3
        assert batch_cancel_runs(tenant=acme, batch_id=batch, actor="user:kim") == 0
        assert over.state == Run.objects.get(pk=over.pk).state == RunState.PUBLISHED
        # The worker that had one finds its lease gone, and what it made is dropped.
        assert not renew(held)
        with pytest.raises(LeaseLostError):
            fence(held)
        assert _run_stage(acme, held, None) is None
        for run in runs[1:]:
            assert Run.objects.get(pk=run.pk).state == RunState.CANCELLED
            assert set(run.stages.values_list("state", flat=True)) == {StageState.PENDING}
            assert list(for_tenant(acme).objects.list(f"derived/{run.pk}/")) == []
        assert set(Chunk.objects.values_list("run_id", flat=True)) == {over.pk}
        assert for_tenant(acme).vectors.count() == 1
        assert Run.objects.get(pk=stranger.pk).state == RunState.QUEUED
        assert run_cancel(tenant=acme, run_id=stranger.pk, actor="user:kim")
        again = decide(acme, runs[1], Decision.RETRY)
        assert run_advance(tenant=acme, run_id=again.pk).state == RunState.PUBLISHED
    with tenant_context(globex), pytest.raises(NotFoundError):
        run_cancel(tenant=globex, run_id=runs[1].pk, actor="t")
    told = AuditEvent.objects.filter(tenant="acme", event_type="RUN_CANCELLED")
    assert told.count() == 4
    assert {event.actor for event in told} == {"user:kim"}


def test_what_was_left_of_a_cancelled_run_is_found_and_removed(
    acme: Tenant, globex: Tenant, receive: Receive
) -> None:
    """As when the store was away, or the process died, after the commit."""
    document = document_of(receive, acme)
    with tenant_context(acme):
        run = run_start(tenant=acme, document=document)
        stage_pause(stage="embed", tenant=acme, actor="t", reason="")
        run_advance(tenant=acme, run_id=run.pk)
        left = set(for_tenant(acme).objects.list(f"derived/{run.pk}/"))
        assert len(left) == 3
        run_cancel(tenant=acme, run_id=run.pk, actor="t")
    found = storage_reconcile(tenant=acme, actor="t", repair=True, patience=timedelta(0))
    assert left <= {each.key for each in found.differences}
    assert not list(for_tenant(acme).objects.list(f"derived/{run.pk}/"))
    assert document.raw_key in set(for_tenant(acme).objects.list("raw/"))


def said(*arguments: str) -> str:
    output = StringIO()
    call_command("pipeline", *arguments, stdout=output)
    return output.getvalue()


def test_the_command_shows_and_decides(acme: Tenant, globex: Tenant, dead: Run) -> None:
    listed = json.loads(said("dead-letters", "--tenant", "acme", "--json"))
    assert [(row["id"], row["outcome"], row["code"], row["attempts"]) for row in listed] == [
        (str(dead.pk), "rejected", "CHECKSUM_MISMATCH", 1)
    ]
    assert json.loads(said("dead-letters", "--tenant", "globex", "--json")) == []
    status = json.loads(said("status", "--json"))
    counted = {each["slug"]: each["dead_letters"] for each in status["tenants"]}
    assert (counted["acme"], counted["globex"], status["dead_letters"]) == (1, 0, 1)
    assert "note.txt" not in said("status")
    assert "1 set aside" in said("skip", "--tenant", "acme", "--all", "--reason", "later")
    assert "0 tried again" in said("retry", "--tenant", "acme", "--all")
    with pytest.raises(CommandError, match="RESOURCE_NOT_FOUND") as caught:
        said("retry", "--tenant", "globex", "--run", str(dead.pk))
    assert caught.value.returncode == 1
    with tenant_context(acme):
        mend(acme, dead)
    assert "1 tried again" in said("retry", "--tenant", "acme", "--run", str(dead.pk))
    assert "1 cancelled; 0" in said("cancel", "--tenant", "acme", "--run", str(dead.pk))


def test_the_command_pauses_drains_and_resumes(
    acme: Tenant, globex: Tenant, receive: Receive
) -> None:
    document = document_of(receive, acme)
    with tenant_context(acme):
        run = run_start(tenant=acme, document=document)
        assert claim_stage(run.pk, tenant=acme) is not None
    assert "intake is paused" in said("pause", "intake", "--reason", "the store moves")
    status = said("status")
    assert "intake is paused since" in status
    assert "the store moves" in status
    assert "no worker" in status
    with pytest.raises(CommandError, match="1 are still in intake") as caught:
        said("drain", "intake", "--timeout", "0")
    assert caught.value.returncode == 3
    assert "Nothing runs in intake" in said("drain", "intake", "--tenant", "globex")
    assert "goes on" in said("resume", "intake")
    with pytest.raises(CommandError, match="is not paused"):
        said("resume", "intake")
