"""The loop that runs the pipeline: leases, tries, and what is left of a stage that fails."""

from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from audit.models import AuditEvent
from audit.verification import chain_verify
from intake.models import Document
from intake.services import document_receive
from processing.canonical import decode
from processing.dead_letters import Decision, dead_letter_decide
from processing.leases import MAX_LOST_LEASES, LeaseLostError, claim_stage, fence, renew
from processing.models import Chunk, Redaction, Run, RunState, StageRun, StageState
from processing.payloads import ClearedDocument, Published
from processing.pipeline import PIPELINE, STAGE_NAMES, stage_named
from processing.runner import _run_stage, payload_key, run_advance
from processing.services import run_start, start_missing_runs
from tenants.context import tenant_context
from tenants.models import Tenant
from tenants.stores import for_tenant
from tenants.workload.pauses import stage_pause, stage_resume
from tests.conftest import Receive

NOTE = b"Minutes of the harbour board, by clerk@harbour.example: crane four is closed.\n"
CLOSED_PORT = "http://127.0.0.1:9"


@pytest.fixture
def queued(acme: Tenant, globex: Tenant, receive: Receive) -> Run:
    """A document of acme with its first run, nothing done yet."""
    receipt = receive(acme, "minutes.txt", NOTE)
    assert receipt.document is not None
    with tenant_context(acme):
        return run_start(tenant=acme, document=receipt.document)


def make_due(run: Run) -> None:
    StageRun.objects.filter(run=run).update(due_at=timezone.now() - timedelta(seconds=1))


def wait_of(stage: StageRun) -> float:
    """Return the seconds between the end of the last try and the next."""
    assert stage.finished_at is not None
    return (stage.due_at - stage.finished_at).total_seconds()


def expire(run: Run) -> None:
    past = timezone.now() - timedelta(seconds=1)
    StageRun.objects.filter(run=run, state=StageState.RUNNING).update(lease_expires_at=past)


def test_a_document_goes_through_and_every_hash_joins_the_next(
    acme: Tenant, globex: Tenant, queued: Run
) -> None:
    with tenant_context(acme):
        run = run_advance(tenant=acme, run_id=queued.pk)
        stages = list(run.stages.order_by("position"))
        assert run.state == RunState.PUBLISHED, (run.error_code, run.error_message)
        assert [stage.stage for stage in stages] == list(STAGE_NAMES)
        assert stages[0].input_hash == run.document.sha256
        assert all(after.input_hash == before.output_hash for before, after in pairwise(stages))
        assert {payload_key(run.pk, name) for name in STAGE_NAMES} == set(
            for_tenant(acme).objects.list(f"derived/{run.pk}/")
        )
        document = Document.objects.get(pk=run.document_id)
        assert document.published_run_id == run.pk
        assert Chunk.objects.filter(run=run).count() == 1
        assert for_tenant(acme).vectors.count(document_id=document.pk) == 1
        told = AuditEvent.objects.filter(resource_id=str(document.pk)).order_by("sequence")
        assert [event.event_type for event in told] == [
            "DOCUMENT_INGESTED",
            "DOCUMENT_CONFIRMED",
            "DOCUMENT_PARSED",
            "POLICY_GATE_PASSED",
            "PII_DETECTED",
            "DOCUMENT_EMBEDDED",
            "INDEX_WRITTEN",
            "DOCUMENT_PUBLISHED",
        ]
        assert NOTE.decode()[:30] not in str([event.details for event in told])
        assert chain_verify(tenant=acme.slug).valid
    with tenant_context(globex):
        assert Document.objects.count() == Run.objects.count() == Chunk.objects.count() == 0
        assert for_tenant(globex).vectors.count() == 0


def test_an_accepted_document_waits_for_the_store_as_long_as_it_takes(
    acme: Tenant, globex: Tenant, queued: Run, settings: Any
) -> None:
    endpoint, waits = settings.S3_ENDPOINT_URL, stage_named("intake").outage_waits
    settings.S3_ENDPOINT_URL = CLOSED_PORT
    with tenant_context(acme):
        for seconds in (*waits, waits[-1], waits[-1]):
            run = run_advance(tenant=acme, run_id=queued.pk)
            stage = run.stages.get(stage="intake")
            assert (run.state, stage.state) == (RunState.WAITING, StageState.WAITING)
            assert run.error_code == "SERVICE_UNAVAILABLE"
            assert wait_of(stage) == pytest.approx(seconds, abs=5)
            assert run_advance(tenant=acme, run_id=queued.pk).state == RunState.WAITING
            make_due(run)
        settings.S3_ENDPOINT_URL = endpoint
        run = run_advance(tenant=acme, run_id=queued.pk)
        assert (run.state, run.error_code) == (RunState.PUBLISHED, "")


@pytest.mark.parametrize("name", ["parse", "policy", "embed", "store", "serve"])
def test_an_outage_waits_by_the_table_and_then_is_a_dead_letter(
    acme: Tenant, globex: Tenant, queued: Run, name: str, settings: Any
) -> None:
    """What the stage before made cannot be read."""
    endpoint, stage = settings.S3_ENDPOINT_URL, stage_named(name)
    stage_pause(stage=name, tenant=acme, actor="tester", reason="")
    with tenant_context(acme):
        assert run_advance(tenant=acme, run_id=queued.pk).state == RunState.QUEUED
        stage_resume(stage=name, tenant=acme, actor="tester")
        settings.S3_ENDPOINT_URL = CLOSED_PORT
        for seconds in stage.waits:
            run = run_advance(tenant=acme, run_id=queued.pk)
            assert run.state == RunState.WAITING, (run.error_code, run.error_message)
            assert wait_of(run.stages.get(stage=name)) == pytest.approx(seconds, abs=5)
            make_due(run)
        run = run_advance(tenant=acme, run_id=queued.pk)
        expected = RunState.QUARANTINED if name == "policy" else RunState.FAILED
        assert run.state == expected
        assert run.is_dead_letter
        assert run.stages.get(stage=name).attempt == len(stage.waits) + 1
        ended = AuditEvent.objects.filter(resource_id=str(run.document_id)).latest("sequence")
        assert ended.details["status"] == stage.verdict
        # Nothing half-written is left in tables and vectors.
        assert Chunk.objects.count() == Redaction.objects.count() == 0
        assert for_tenant(acme).vectors.count() == 0
        settings.S3_ENDPOINT_URL = endpoint
        dead_letter_decide(tenant=acme, decision=Decision.RETRY, run_id=run.pk, actor="tester")
        run = run_advance(tenant=acme, run_id=run.pk)
        assert (run.state, run.error_code) == (RunState.PUBLISHED, "")


def test_the_table_is_the_contracts() -> None:
    table = {stage.name: (stage.waits, stage.verdict) for stage in PIPELINE}
    long = (10, 60, 300)
    assert table == {
        "intake": ((), "rejected"),
        "parse": (long, "parse_failed"),
        "policy": ((30, 30), "quarantined"),
        "embed": (long, "embed_failed"),
        "store": (long, "index_failed"),
        "serve": (long, "index_failed"),
    }


def test_a_stage_has_one_worker_and_a_dead_ones_result_is_dropped(
    acme: Tenant, globex: Tenant, queued: Run
) -> None:
    with tenant_context(acme):
        first = claim_stage(queued.pk, tenant=acme)
        assert first is not None
        assert claim_stage(queued.pk, tenant=acme) is None
        assert renew(first)
        expire(queued)
        second = claim_stage(queued.pk, tenant=acme)
        assert second is not None
        assert second.lost_leases == 1
        assert not renew(first)
        with pytest.raises(LeaseLostError):
            fence(first)
        assert fence(second).pk == second.pk


def test_a_file_that_ends_its_workers_is_given_up_alone(
    acme: Tenant, globex: Tenant, queued: Run, receive: Receive
) -> None:
    other = receive(acme, "other.txt", b"Another note, about the lighthouse lamp.\n")
    assert other.document is not None
    with tenant_context(acme):
        sound = run_start(tenant=acme, document=other.document)
        for _ in range(MAX_LOST_LEASES):
            assert claim_stage(queued.pk, tenant=acme) is not None
            expire(queued)
        run = run_advance(tenant=acme, run_id=queued.pk)
        assert (run.state, run.error_code) == (RunState.FAILED, "WORKER_LOST")
        assert run_advance(tenant=acme, run_id=sound.pk).state == RunState.PUBLISHED


def test_doing_a_stage_twice_leaves_one_of_everything(
    acme: Tenant, globex: Tenant, queued: Run
) -> None:
    with tenant_context(acme):
        run = run_advance(tenant=acme, run_id=queued.pk)
        before = set(Chunk.objects.values_list("pk", "chunk_id", "sha256"))
        run.stages.filter(stage__in=("store", "serve")).update(state=StageState.PENDING)
        Run.objects.filter(pk=run.pk).update(state=RunState.QUEUED)
        assert run_advance(tenant=acme, run_id=run.pk).state == RunState.PUBLISHED
        assert set(Chunk.objects.values_list("pk", "chunk_id", "sha256")) == before
        assert for_tenant(acme).vectors.count() == len(before)


def test_a_second_run_replaces_the_first_whole(acme: Tenant, globex: Tenant, queued: Run) -> None:
    with tenant_context(acme):
        first = run_advance(tenant=acme, run_id=queued.pk)
        second = run_start(tenant=acme, document=first.document)
        assert Document.objects.get().published_run_id == first.pk
        run_advance(tenant=acme, run_id=second.pk)
        assert Document.objects.get().published_run_id == second.pk
        assert set(Chunk.objects.values_list("run_id", flat=True)) == {second.pk}
        assert for_tenant(acme).vectors.count() == Chunk.objects.count()
        assert set(Redaction.objects.values_list("run_id", flat=True)) == {second.pk}


def test_a_document_has_one_open_run(acme: Tenant, globex: Tenant, queued: Run) -> None:
    """Of two at once one would remove what the other has stored, and publish nothing."""
    with tenant_context(acme):
        with pytest.raises(IntegrityError, match="one_open_run"), transaction.atomic():
            run_start(tenant=acme, document=queued.document)
        assert run_advance(tenant=acme, run_id=queued.pk).state == RunState.PUBLISHED
        again = run_start(tenant=acme, document=queued.document)
        assert run_advance(tenant=acme, run_id=again.pk).state == RunState.PUBLISHED


def test_nothing_is_shown_whose_passages_are_gone(
    acme: Tenant, globex: Tenant, queued: Run
) -> None:
    with tenant_context(acme):
        payload = None
        for _stage in STAGE_NAMES[:-1]:
            stage_run = claim_stage(queued.pk, tenant=acme)
            assert stage_run is not None
            payload = _run_stage(acme, stage_run, payload)
        Chunk.objects.filter(run=queued).delete()
        run = run_advance(tenant=acme, run_id=queued.pk)
        assert (run.state, run.error_code) == (RunState.WAITING, "INDEX_FAILED")
        assert Document.objects.get(pk=queued.document_id).published_run_id is None


def test_a_refused_write_leaves_nothing_and_is_tried_again(
    acme: Tenant, globex: Tenant, queued: Run
) -> None:
    table = f"{acme.schema_name}.vector_point"
    with tenant_context(acme):
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT no CHECK (model_id = '')")
        run = run_advance(tenant=acme, run_id=queued.pk)
        assert (run.state, run.error_code) == (RunState.WAITING, "INDEX_FAILED")
        assert Chunk.objects.count() == Redaction.objects.count() == 0
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT no")
        make_due(run)
        assert run_advance(tenant=acme, run_id=run.pk).state == RunState.PUBLISHED
        assert for_tenant(acme).vectors.count() == Chunk.objects.count() > 0
    with tenant_context(globex):
        assert for_tenant(globex).vectors.count() == 0


def test_what_is_in_memory_is_not_used_past_the_next_stage(
    acme: Tenant, globex: Tenant, queued: Run
) -> None:
    with tenant_context(acme):
        run = run_advance(tenant=acme, run_id=queued.pk)
        run.stages.filter(stage="serve").update(state=StageState.PENDING)
        Run.objects.filter(pk=run.pk).update(state=RunState.QUEUED)
        claimed = claim_stage(run.pk, tenant=acme)
        assert claimed is not None
        older = decode(for_tenant(acme).objects.get(payload_key(run.pk, "policy")), ClearedDocument)
        assert isinstance(_run_stage(acme, claimed, older), Published)
        assert Run.objects.get(pk=run.pk).state == RunState.PUBLISHED


def test_a_stored_result_that_was_changed_is_not_used(
    acme: Tenant, globex: Tenant, queued: Run
) -> None:
    with tenant_context(acme):
        run = run_advance(tenant=acme, run_id=queued.pk)
        run.stages.filter(stage__in=("embed", "store", "serve")).update(state=StageState.PENDING)
        Run.objects.filter(pk=run.pk).update(state=RunState.QUEUED)
        for_tenant(acme).objects.put(payload_key(run.pk, "policy"), b"{}")
        run = run_advance(tenant=acme, run_id=run.pk)
        assert (run.state, run.error_code) == (RunState.WAITING, "INTERNAL_ERROR")
        assert run.stages.get(stage="embed").state == StageState.WAITING


def test_raw_bytes_that_were_changed_are_refused(acme: Tenant, globex: Tenant, queued: Run) -> None:
    with tenant_context(acme):
        for_tenant(acme).objects.put(queued.document.raw_key, NOTE + b"and more")
        run = run_advance(tenant=acme, run_id=queued.pk)
        assert (run.state, run.error_code) == (RunState.FAILED, "CHECKSUM_MISMATCH")


def test_a_document_whose_announcement_was_lost_gets_its_run(
    acme: Tenant, globex: Tenant, receive: Receive
) -> None:
    receive(acme, "minutes.txt", NOTE)
    with tenant_context(acme):
        Run.objects.all().delete()
        assert start_missing_runs(tenant=acme) == 1
        assert start_missing_runs(tenant=acme) == 0
        assert Run.objects.get().state == RunState.QUEUED
    with tenant_context(globex):
        assert start_missing_runs(tenant=globex) == 0


def test_the_lock_of_content_lets_the_same_bytes_in_once(
    acme: Tenant, globex: Tenant, receive: Receive, tmp_path: Path
) -> None:
    first, second = receive(acme, "a.txt", NOTE), receive(acme, "b.txt", NOTE)
    assert second.is_duplicate
    assert second.document_id == first.document_id
    other = receive(globex, "a.txt", NOTE)
    assert not other.is_duplicate
    with tenant_context(acme):
        assert Document.objects.count() == 1
        (tmp_path / "c.txt").write_bytes(NOTE)
        with (tmp_path / "c.txt").open("rb") as stream:
            third = document_receive(tenant=acme, filename="c.txt", stream=stream, actor="t")
        assert third.is_duplicate
