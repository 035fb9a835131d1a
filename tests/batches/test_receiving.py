"""Batches at the door: what refuses all of one, and what is one file's own trouble."""

import json
from typing import Any

import pytest

from audit.models import AuditEvent
from intake.models import Batch, BatchFile, BatchState, Document, Priority, Receipt
from processing.models import Run
from processing.services import start_missing_runs
from tenants.context import tenant_context
from tenants.models import Tenant
from tenants.services import tenant_configure
from tenants.stores import for_tenant
from tests.api.conftest import KeyCaller, assert_problem
from tests.batches.requests import (
    BATCHES,
    BOUNDARY,
    MULTIPART,
    Part,
    announce_by_json,
    body_of,
    manifest_of,
    parts_of,
    send,
)

FILES = {
    "cranes.txt": b"Cranes are looked at every ninety days.\n",
    "empty.txt": b"",
    "valves.txt": b"Valves are looked at every thirty days.\n",
}


def kept(tenant: Tenant) -> tuple[int, int, int, int]:
    """How many batches, receipts, documents and raw objects a tenant has."""
    with tenant_context(tenant):
        rows = (Batch.objects.count(), Receipt.objects.count(), Document.objects.count())
    return (*rows, len(list(for_tenant(tenant).objects.list("raw/"))))


def by_id(answer: Any) -> dict[str, Any]:
    return {file["file_id"]: file for file in answer.json()["files"]}


def test_each_file_gets_its_receipt_and_one_bad_file_fails_no_other(
    acme: Tenant, globex: Tenant, by_key: KeyCaller
) -> None:
    before = kept(globex)
    answer = send(by_key(acme, "ingest", "query"), parts_of(FILES, priority="high"))
    assert answer.status_code == 202, answer.content
    told = answer.json()
    assert told["batch_id"] == "delivery-1"
    assert told["priority"] == "high"
    assert told["counts"] == {
        "accepted": 2, "duplicates": 0, "rejected": 1, "quarantined": 0, "awaited": 0,
    }  # fmt: skip
    files = by_id(answer)
    assert [file["outcome"] for file in files.values()] == ["accepted", "rejected", "accepted"]
    refused = files["f2"]["receipt"]
    assert refused["code"] == "EMPTY_FILE"
    assert refused["remediation"]
    assert files["f1"]["receipt"]["file_id"] == "f1"
    assert files["f1"]["receipt"]["batch_id"] == told["id"]
    assert answer["Location"] == told["links"]["self"]
    with tenant_context(acme):
        # The test's own transaction never commits: the sweep starts what was not announced.
        assert start_missing_runs(tenant=acme) == 2
        run = Run.objects.get(document_id=files["f1"]["receipt"]["document_id"])
        assert (str(run.batch_id), run.priority) == (told["id"], Priority.HIGH)
        events = AuditEvent.objects.filter(resource_id=told["id"]).order_by("sequence")
        assert [event.event_type for event in events] == ["BATCH_OPENED", "BATCH_RECEIVED"]
        assert Batch.objects.get().state == BatchState.RECEIVED
    assert kept(globex) == before


def test_a_named_file_that_does_not_come_is_rejected(
    acme: Tenant, globex: Tenant, by_key: KeyCaller
) -> None:
    answer = send(by_key(acme), parts_of(FILES)[:2])
    assert answer.status_code == 202
    codes = {name: file["receipt"]["code"] for name, file in by_id(answer).items()}
    assert codes == {"f1": "", "f2": "FILE_MISSING", "f3": "FILE_MISSING"}
    assert answer.json()["state"] == "received"


@pytest.mark.parametrize(
    ("claim", "code"),
    [
        ({"size_bytes": 7}, "CHECKSUM_MISMATCH"),
        ({"sha256": "0" * 64}, "CHECKSUM_MISMATCH"),
        ({"mime_type": "application/pdf"}, "TYPE_MISMATCH"),
    ],
    ids=["size", "sha256", "type"],
)
def test_what_the_manifest_claims_is_checked(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, claim: dict[str, Any], code: str
) -> None:
    parts = parts_of(FILES)
    manifest = manifest_of(FILES)
    manifest["files"][0] |= claim
    answer = send(by_key(acme), [("manifest", "", json.dumps(manifest).encode()), *parts[1:]])
    receipts = {name: file["receipt"] for name, file in by_id(answer).items()}
    assert receipts["f1"]["code"] == code
    assert receipts["f1"]["remediation"]
    assert receipts["f3"]["outcome"] == "accepted"


def fault(name: str) -> tuple[list[Part], int, str]:
    """A batch with one fault of the whole, and how it is answered."""
    good = parts_of(FILES)
    manifest = manifest_of(FILES)
    twice = [*manifest["files"][:2], manifest["files"][0]]
    deep: Any = 1
    for _ in range(30):
        deep = [deep]
    return {
        "no JSON": ([("manifest", "", b"{"), *good[1:]], 400, "MANIFEST_INVALID"),
        "a member twice": (
            [("manifest", "", b'{"batch_id": "a", "batch_id": "b"}'), *good[1:]],
            400,
            "MANIFEST_INVALID",
        ),
        "a field too many": (parts_of(FILES, colour="red"), 400, "MANIFEST_INVALID"),
        "no files": (parts_of({}), 400, "MANIFEST_INVALID"),
        "nested": (
            parts_of(FILES, files=[{**manifest["files"][0], "metadata": {"a": deep}}]),
            400,
            "MANIFEST_INVALID",
        ),
        "a wrong priority": (parts_of(FILES, priority=2), 400, "MANIFEST_INVALID"),
        "a wrong count": (parts_of(FILES, file_count=2), 400, "MANIFEST_FILE_COUNT_MISMATCH"),
        "an id twice": (parts_of(FILES, files=twice), 400, "DUPLICATE_FILE_ID"),
        "an unknown collection": (parts_of(FILES, collection="nowhere"), 404, "RESOURCE_NOT_FOUND"),
        "files first": ([*good[1:], good[0]], 400, "UNEXPECTED_PART"),
        "a part that is not named": ([*good, ("f9", "x.txt", b"x")], 400, "UNEXPECTED_PART"),
        "a part twice": ([*good, good[1]], 400, "DUPLICATE_FILE_ID"),
        "a second manifest": ([good[0], *good], 400, "UNEXPECTED_PART"),
        "nothing": ([], 400, "UNEXPECTED_PART"),
        "more files than the tenant takes": (
            parts_of({f"{n}.txt": b"x" for n in range(4)}),
            413,
            "BATCH_TOO_LARGE",
        ),
    }[name]


FAULTS = (
    "no JSON", "a member twice", "a field too many", "no files", "nested", "a wrong priority",
    "a wrong count", "an id twice", "an unknown collection", "files first",
    "a part that is not named", "a part twice", "a second manifest", "nothing",
    "more files than the tenant takes",
)  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_batch_refuses_all_of_it_and_keeps_nothing(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, name: str
) -> None:
    tenant_configure(tenant=acme, changes={"max_batch_size": 3}, actor="t")
    parts, status, code = fault(name)
    before = [kept(tenant) for tenant in (acme, globex)]
    problem = assert_problem(send(by_key(acme), parts), status, code)
    assert problem["remediation"]
    assert [kept(tenant) for tenant in (acme, globex)] == before


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (body_of(parts_of(FILES))[:-40], MULTIPART),
        (b"nothing of a form", MULTIPART),
        (b"x", f"multipart/form-data; boundary={BOUNDARY}x"),
    ],
    ids=["cut off", "no form", "another boundary"],
)
def test_a_broken_body_keeps_nothing(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, body: bytes, content_type: str
) -> None:
    before = kept(acme)
    answer = by_key(acme).post(BATCHES, body, content_type=content_type)
    assert answer.status_code == 400, answer.content
    assert kept(acme) == before


def test_more_bytes_than_may_come_are_refused_unread(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, settings: Any
) -> None:
    settings.MAX_REQUEST_BYTES = 400
    problem = assert_problem(send(by_key(acme), parts_of(FILES)), 413, "BATCH_TOO_LARGE")
    assert problem["limit_bytes"] == 400
    assert kept(acme)[:2] == (0, 0)


def test_a_reference_is_taken_once_in_a_collection_and_free_elsewhere(
    acme: Tenant, globex: Tenant, by_key: KeyCaller
) -> None:
    caller = by_key(acme)
    first = send(caller, parts_of(FILES)).json()
    before = kept(acme)
    problem = assert_problem(send(caller, parts_of(FILES)), 409, "BATCH_EXISTS")
    assert problem["batch"] == first["id"]
    assert_problem(announce_by_json(caller, FILES), 409, "BATCH_EXISTS")
    assert kept(acme) == before
    assert send(by_key(globex), parts_of(FILES)).status_code == 202


def test_the_manifest_alone_opens_a_batch_that_waits(
    acme: Tenant, globex: Tenant, by_key: KeyCaller
) -> None:
    caller = by_key(acme)
    answer = announce_by_json(caller, FILES)
    assert answer.status_code == 201, answer.content
    told = answer.json()
    assert told["state"] == "open"
    assert told["expires_at"]
    assert [file["outcome"] for file in told["files"]] == ["awaited"] * 3
    assert caller.get(f"{BATCHES}/{told['id']}").json() == told
    assert by_key(globex).get(f"{BATCHES}/{told['id']}").status_code == 404


def test_a_request_that_broke_off_is_gone_on_with(
    acme: Tenant, globex: Tenant, by_key: KeyCaller
) -> None:
    """The same manifest again, with the batch still open: what has its receipt keeps it."""
    caller = by_key(acme)
    opened = announce_by_json(caller, FILES).json()
    answer = send(caller, parts_of(FILES))
    assert answer.status_code == 202, answer.content
    assert answer.json()["id"] == opened["id"]
    with tenant_context(acme):
        assert BatchFile.objects.filter(receipt=None).count() == 0
        assert Receipt.objects.count() == 3


def test_the_list_is_filtered_and_tells_counts(
    acme: Tenant, globex: Tenant, by_key: KeyCaller
) -> None:
    caller = by_key(acme)
    send(caller, parts_of(FILES))
    announce_by_json(caller, FILES, batch_id="delivery-2")

    def found(query: str) -> list[str]:
        return [each["batch_id"] for each in caller.get(f"{BATCHES}?{query}").json()["results"]]

    assert found("") == ["delivery-2", "delivery-1"]
    assert found("state=open") == ["delivery-2"]
    assert found("batch_id=delivery-1") == ["delivery-1"]
    assert found("collection=nowhere") == []
    assert_problem(caller.get(f"{BATCHES}?state=lost"), 400, "VALIDATION_ERROR")
    assert by_key(globex).get(BATCHES).json()["results"] == []


def test_who_may_not_hand_in_is_refused(acme: Tenant, globex: Tenant, by_key: KeyCaller) -> None:
    assert_problem(send(by_key(acme, "query"), parts_of(FILES)), 403, "INSUFFICIENT_PERMISSIONS")
    assert kept(acme)[:2] == (0, 0)
