"""A batch is over when all of its files are, once, with its report on record."""

import json
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from audit.models import AuditEvent
from frostbyte.kernel.hashing import sha256_hex
from intake.models import Batch, BatchFile, BatchState
from intake.signals import batch_received
from processing.batches.progress import batch_progress
from processing.batches.settling import batch_settle, batches_settle_due, report_key
from processing.models import BatchReport, Run, RunState
from processing.storage import storage_reconcile
from processing.sweeping import tenants_with_work
from processing.tasks import sweep
from tenants.context import registry_context, tenant_context
from tenants.models import Tenant
from tenants.stores import for_tenant
from tests.batches.making import announce, begin, hand_in, received, work_off

FILES = {
    "minutes.txt": b"Minutes of the harbour board: crane four is closed until June.\n",
    "empty.txt": b"",
    "again.txt": b"Minutes of the harbour board: crane four is closed until June.\n",
    "rates.csv": b"berth,rate\nnorth,12\nsouth,9\n",
}


def events(tenant: Tenant) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(tenant=tenant.slug, event_type="BATCH_COMPLETED"))


def stored(tenant: Tenant, batch: Batch) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(for_tenant(tenant).objects.get(report_key(batch.pk)))
    return found


def test_progress_counts_what_is_where(acme: Tenant, globex: Tenant) -> None:
    batch = announce(acme, FILES)
    with tenant_context(acme):
        waiting = batch_progress(batch)
        assert (waiting.outcomes, waiting.over) == ({"awaited": 4}, 0)
        assert waiting.waiting is not None
        assert (waiting.waiting.file_id, waiting.waiting.since) == ("f1", batch.created_at)
    hand_in(acme, batch, FILES)
    begin(acme, batch)
    with tenant_context(acme):
        queued = batch_progress(batch)
        assert queued.outcomes == {"queued": 3, "rejected": 1}
        assert [(s.queued, s.done) for s in queued.stages] == [(3, 0), *[(0, 0)] * 5]
        assert queued.waiting is not None
        assert "worker" in queued.waiting.reason
        assert queued.version != waiting.version
    work_off(acme, batch)
    with tenant_context(acme):
        done = batch_progress(batch)
        assert (done.outcomes, done.over) == ({"published": 3, "rejected": 1}, 4)
        assert [stage.done for stage in done.stages] == [3] * 6
        assert done.waiting is None
        assert not done.final
    with tenant_context(globex):
        assert not Batch.objects.exists()


def test_progress_takes_the_same_queries_for_any_number(
    acme: Tenant, globex: Tenant, django_assert_max_num_queries: Any
) -> None:
    few = received(acme, {"one.txt": b"One word.\n"}, reference="few")
    many = received(acme, {f"{n}.txt": b"Word %d.\n" % n for n in range(12)}, reference="many")
    with tenant_context(acme):
        for batch in (few, many):
            connection.ensure_connection()
            with django_assert_max_num_queries(6):
                assert batch_progress(batch).outcomes["queued"] == batch.file_count


def test_a_batch_ends_once_with_a_report_that_its_event_binds(acme: Tenant, globex: Tenant) -> None:
    batch = received(acme, FILES)
    with tenant_context(acme):
        assert not batch_settle(acme, batch.pk)
    work_off(acme, batch)
    with tenant_context(acme):
        assert batch_settle(acme, batch.pk)
        assert not batch_settle(acme, batch.pk)
        batch.refresh_from_db()
        assert batch.state == BatchState.COMPLETED
        assert batch_progress(batch).final
        [event] = events(acme)
        data = for_tenant(acme).objects.get(report_key(batch.pk))
        assert event.details["report_sha256"] == sha256_hex(data) == batch.report.sha256
        assert event.details["outcomes"] == {"published": 3, "rejected": 1}
        report = json.loads(data)
    assert [file["outcome"] for file in report["files"]] == [
        "published",
        "rejected",
        "published",
        "published",
    ]
    assert report["totals"]["duplicates"] == 1
    assert report["totals"]["published"] == 3
    [trouble] = report["troubles"]
    assert (trouble["where"], trouble["code"], trouble["examples"]) == (
        "intake",
        "EMPTY_FILE",
        ["f2"],
    )
    assert trouble["remediation"]
    first = report["files"][0]
    assert first["parsing"]["chunks"] == first["indexing"]["chunks"] == 1
    assert len(first["canonical_sha256"]) == 64
    assert "harbour" not in data.decode()
    assert not events(globex)


def test_a_run_that_ends_settles_its_batch_and_those_of_its_duplicates(
    acme: Tenant, globex: Tenant, django_capture_on_commit_callbacks: Any
) -> None:
    first = received(acme, {"a.txt": FILES["minutes.txt"]}, reference="first")
    second = received(acme, {"b.txt": FILES["minutes.txt"]}, reference="second")
    with django_capture_on_commit_callbacks(execute=False) as callbacks:
        work_off(acme, first)
    with tenant_context(acme):
        for callback in callbacks:
            callback()
        states = set(Batch.objects.values_list("state", flat=True))
        assert states == {BatchState.COMPLETED}
        assert {event.resource_id for event in events(acme)} == {str(first.pk), str(second.pk)}


def test_a_batch_of_refused_files_ends_when_it_is_received(acme: Tenant, globex: Tenant) -> None:
    batch = received(acme, {"empty.txt": b"", "nothing.txt": b""})
    with tenant_context(acme):
        batch_received.send(Batch, tenant=acme, batch_id=batch.pk)
        batch.refresh_from_db()
        assert batch.state == BatchState.COMPLETED
        [trouble] = stored(acme, batch)["troubles"]
        assert (trouble["files"], trouble["occurrences"]) == (2, 2)


def test_the_sweep_ends_what_a_lost_call_left_open(acme: Tenant, globex: Tenant) -> None:
    batch = received(acme, FILES)
    work_off(acme, batch)
    with registry_context():
        assert tenants_with_work([acme, globex]) == [acme]
    sweep.apply()
    with tenant_context(acme):
        batch.refresh_from_db()
        assert batch.state == BatchState.COMPLETED
    with registry_context():
        assert tenants_with_work([acme, globex]) == []


def test_a_cancelled_batch_has_a_report_once_nothing_moves(acme: Tenant, globex: Tenant) -> None:
    batch = received(acme, FILES)
    with tenant_context(acme):
        row = batch.files.get(file_id="f4")
        BatchFile.objects.filter(pk=row.pk).update(receipt=None)
        Batch.objects.filter(pk=batch.pk).update(state=BatchState.CANCELLED)
        assert not batches_settle_due(acme)
        Run.objects.filter(batch_id=batch.pk).update(state=RunState.CANCELLED)
        assert batches_settle_due(acme) == 1
        batch.refresh_from_db()
        assert batch.state == BatchState.CANCELLED
        assert events(acme)[0].details["status"] == "cancelled"
        outcomes = {file["file_id"]: file["outcome"] for file in stored(acme, batch)["files"]}
    assert outcomes == {"f1": "cancelled", "f2": "rejected", "f3": "cancelled", "f4": "missing"}


def test_a_report_is_not_changed_and_reconciliation_knows_it(acme: Tenant, globex: Tenant) -> None:
    batch = received(acme, {"a.txt": b"A word.\n"})
    work_off(acme, batch)
    with tenant_context(acme):
        assert batch_settle(acme, batch.pk)
        with pytest.raises(DatabaseError, match="immutable"), transaction.atomic():
            BatchReport.objects.update(sha256="0" * 64)
    found = storage_reconcile(tenant=acme, actor="tester")
    keys = {difference.key for difference in found.differences}
    assert report_key(batch.pk) not in keys
