"""Batches that end before all of their files have come: cancelled, or past their time."""

from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.utils import timezone

from audit.models import AuditEvent
from intake.batches.selectors import batch_file_get
from intake.batches.services import batch_file_receive, batches_expire
from intake.errors import BatchNotOpenError
from intake.models import Batch, Document, Receipt
from processing.models import Run, RunState
from processing.services import start_missing_runs
from tenants.context import tenant_context
from tenants.models import Tenant
from tests.api.conftest import KeyCaller, assert_problem
from tests.batches.requests import BATCHES, announce_by_json

FILES = {
    "cranes.txt": b"Cranes are looked at every ninety days.\n",
    "valves.txt": b"Valves are looked at every thirty days.\n",
}


def bring(tenant: Tenant, batch: dict[str, Any], file_id: str, data: bytes) -> Receipt:
    with tenant_context(tenant):
        file = batch_file_get(batch_id=batch["id"], file_id=file_id)
        return batch_file_receive(
            tenant=tenant, batch_file=file, stream=BytesIO(data), actor="sender"
        )


def events_of(batch: dict[str, Any]) -> list[str]:
    events = AuditEvent.objects.filter(resource_id=batch["id"]).order_by("sequence")
    return [event.event_type for event in events]


def test_files_come_one_by_one_and_the_last_closes_the_batch(
    acme: Tenant, globex: Tenant, by_key: KeyCaller
) -> None:
    caller = by_key(acme)
    batch = announce_by_json(caller, FILES).json()
    assert bring(acme, batch, "f2", FILES["valves.txt"]).outcome == "accepted"
    assert caller.get(f"{BATCHES}/{batch['id']}").json()["state"] == "open"
    with pytest.raises(BatchNotOpenError):
        bring(acme, batch, "f2", FILES["valves.txt"])
    bring(acme, batch, "f1", FILES["cranes.txt"])
    told = caller.get(f"{BATCHES}/{batch['id']}").json()
    assert (told["state"], told["counts"]["accepted"]) == ("received", 2)
    assert events_of(batch) == ["BATCH_OPENED", "BATCH_RECEIVED"]


def test_what_does_not_come_in_time_is_rejected(
    acme: Tenant, globex: Tenant, by_key: KeyCaller
) -> None:
    caller = by_key(acme)
    batch = announce_by_json(caller, FILES).json()
    other = announce_by_json(by_key(globex), FILES).json()
    bring(acme, batch, "f1", FILES["cranes.txt"])
    later = timezone.now() + timedelta(hours=25)
    with tenant_context(acme):
        assert batches_expire(tenant=acme, now=timezone.now(), actor="worker") == 0
        assert batches_expire(tenant=acme, now=later, actor="worker") == 1
        assert batches_expire(tenant=acme, now=later, actor="worker") == 0
    told = caller.get(f"{BATCHES}/{batch['id']}").json()
    assert [file["receipt"]["code"] for file in told["files"]] == ["", "UPLOAD_EXPIRED"]
    assert told["state"] == "received"
    with pytest.raises(BatchNotOpenError):
        bring(acme, batch, "f2", FILES["valves.txt"])
    with tenant_context(globex):
        assert Batch.objects.get(pk=other["id"]).state == "open"


def test_a_cancelled_batch_takes_no_more_and_its_runs_end(
    acme: Tenant, globex: Tenant, by_key: KeyCaller
) -> None:
    caller = by_key(acme)
    batch = announce_by_json(caller, FILES).json()
    bring(acme, batch, "f1", FILES["cranes.txt"])
    with tenant_context(acme):
        start_missing_runs(tenant=acme)
    address = f"{BATCHES}/{batch['id']}/cancel"
    assert_problem(by_key(globex).post(address), 404, "RESOURCE_NOT_FOUND")
    assert_problem(by_key(acme, "query").post(address), 403, "INSUFFICIENT_PERMISSIONS")
    answer = caller.post(address)
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert told["state"] == "cancelled"
    assert [file["receipt"]["code"] for file in told["files"]] == ["", "BATCH_CANCELLED"]
    assert [file["state"] for file in told["files"]] == ["cancelled", None]
    with tenant_context(acme):
        assert Run.objects.get().state == RunState.CANCELLED
        assert Document.objects.count() == 1
    assert "BATCH_CANCELLED" in events_of(batch)
    with pytest.raises(BatchNotOpenError):
        bring(acme, batch, "f2", FILES["valves.txt"])
    assert_problem(caller.post(address), 409, "BATCH_NOT_OPEN")
