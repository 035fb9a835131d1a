"""Requests that are sent again under one `Idempotency-Key`."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone

from intake.idempotency import Claim, idempotency_clear
from intake.models import Batch, IdempotencyKey, Receipt
from tenants.context import tenant_context
from tenants.models import Tenant
from tests.api.conftest import Caller, KeyCaller, assert_problem
from tests.batches.requests import announce_by_json, manifest_of, parts_of, send

FILES = {"cranes.txt": b"Cranes are looked at every ninety days.\n"}
KEY = {"HTTP_IDEMPOTENCY_KEY": "0199c1f0-6a3e-7c1b-9d52-3f0c2b7a4e11"}


def receipts(tenant: Tenant) -> int:
    with tenant_context(tenant):
        return Receipt.objects.count()


def hand_in(caller: Caller, data: bytes, **options: Any) -> Any:
    body = {"file": SimpleUploadedFile("note.txt", data)}
    return caller.post("/api/v1/documents", body, **options)


def assert_same(first: Any, again: Any) -> None:
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    for name in ("Content-Type", "Location"):
        assert again.headers.get(name) == first.headers.get(name)
    assert (again.status_code, again.content) == (first.status_code, first.content)


def test_a_batch_again_gets_the_first_answer(
    acme: Tenant, globex: Tenant, by_key: KeyCaller
) -> None:
    caller = by_key(acme)
    first = send(caller, parts_of(FILES), **KEY)
    assert first.status_code == 202
    assert_same(first, send(caller, parts_of(FILES), **KEY))
    assert receipts(acme) == 1
    other = parts_of(FILES, batch_id="delivery-2")
    assert_problem(send(caller, other, **KEY), 422, "IDEMPOTENCY_KEY_REUSED")
    assert_problem(send(caller, parts_of(FILES)), 409, "BATCH_EXISTS")
    with tenant_context(acme):
        assert Batch.objects.count() == 1


def test_a_manifest_again_gets_the_first_answer(
    acme: Tenant, globex: Tenant, by_key: KeyCaller
) -> None:
    caller = by_key(acme)
    first = caller.post_json("/api/v1/batches", manifest_of(FILES), **KEY)
    assert first.status_code == 201
    assert_same(first, caller.post_json("/api/v1/batches", manifest_of(FILES), **KEY))
    # Keys differ by address and by caller; without one the reference is taken.
    assert_problem(announce_by_json(caller, FILES), 409, "BATCH_EXISTS")


@pytest.mark.parametrize("data", [b"A note about cranes.\n", b""], ids=["accepted", "refused"])
def test_a_document_again_gets_the_first_answer(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, data: bytes
) -> None:
    caller = by_key(acme)
    first = hand_in(caller, data, **KEY)
    assert_same(first, hand_in(caller, data, **KEY))
    assert receipts(acme) == 1
    assert_problem(hand_in(caller, b"another\n", **KEY), 422, "IDEMPOTENCY_KEY_REUSED")
    assert receipts(acme) == 1


def test_a_key_is_its_callers_own(acme: Tenant, globex: Tenant, by_key: KeyCaller) -> None:
    for caller in (by_key(acme), by_key(acme), by_key(globex)):
        answer = hand_in(caller, b"A note about cranes.\n", **KEY)
        assert "Idempotent-Replayed" not in answer
    assert (receipts(acme), receipts(globex)) == (2, 1)


def test_a_fault_of_ours_is_not_kept(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, settings: Any
) -> None:
    caller, at = by_key(acme), settings.S3_ENDPOINT_URL
    settings.S3_ENDPOINT_URL = "http://127.0.0.1:9"
    assert_problem(hand_in(caller, b"A note.\n", **KEY), 503, "SERVICE_UNAVAILABLE")
    settings.S3_ENDPOINT_URL = at
    assert hand_in(caller, b"A note.\n", **KEY).status_code == 202


def test_what_is_no_key_is_told(acme: Tenant, globex: Tenant, by_key: KeyCaller) -> None:
    answer = hand_in(by_key(acme), b"A note.\n", HTTP_IDEMPOTENCY_KEY="two words")
    assert assert_problem(answer, 400, "VALIDATION_ERROR")["errors"][0]["field"] == (
        "Idempotency-Key"
    )


@pytest.fixture
def elsewhere(acme: Tenant) -> Iterator[Any]:
    """Another session of the database, as another process of ours has one."""
    other = connection.copy()
    other.set_tenant(acme)  # type: ignore[attr-defined]
    yield other
    other.close()


def test_a_request_in_work_is_waited_for_and_a_dead_one_is_not(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, elsewhere: Any
) -> None:
    caller = by_key(acme)
    assert hand_in(caller, b"A note.\n", **KEY).status_code == 202
    with tenant_context(acme):
        row = IdempotencyKey.objects.get()
        IdempotencyKey.objects.update(status=None)
    named = "\x1f".join(("idempotency", row.principal, row.endpoint, row.key))
    with elsewhere.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_lock(hashtextextended(%s || %s, 0))", [acme.schema_name, named]
        )
    problem = assert_problem(hand_in(caller, b"A note.\n", **KEY), 409, "IDEMPOTENCY_IN_WORK")
    assert problem["retry_after"] > 0
    # The process is killed: its session ends, and with it the lock.
    with elsewhere.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock_all()")
    again = hand_in(caller, b"A note.\n", **KEY)
    assert again.status_code == 200
    assert again.json()["is_duplicate"]


def test_a_key_is_forgotten_after_its_time(acme: Tenant, globex: Tenant, by_key: KeyCaller) -> None:
    caller = by_key(acme)
    hand_in(caller, b"A note.\n", **KEY)
    with tenant_context(acme):
        IdempotencyKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert "Idempotent-Replayed" not in hand_in(caller, b"A note.\n", **KEY)
    with tenant_context(acme):
        IdempotencyKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        assert idempotency_clear() == 1


def test_a_claim_that_is_let_go_leaves_nothing(acme: Tenant, globex: Tenant) -> None:
    with tenant_context(acme):
        claim = Claim(key="k", principal="key:1", endpoint="POST /x")
        assert claim.take("a" * 64) is None
        claim.let_go()
        assert not IdempotencyKey.objects.exists()
