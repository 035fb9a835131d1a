"""Handing files in, and reading what was made of them."""

from typing import Any
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_django import DjangoAssertNumQueries

from frostbyte.kernel.hashing import sha256_hex
from frostbyte.kernel.ids import new_id
from intake.api.refusals import refusal_of
from intake.errors import ArchiveError, EncryptedFileError, FileRejectedError, LegacyOfficeError
from intake.models import Document, Receipt
from processing.models import Run, RunState, StageRun, StageState
from processing.pipeline import STAGE_NAMES
from processing.services import run_start
from tenants.access.roles import TENANT_ADMIN, TENANT_USER
from tenants.context import tenant_context
from tenants.models import Tenant
from tenants.services import tenant_configure
from tenants.stores import for_tenant
from tests.api.conftest import Caller, KeyCaller, Publish, StaffCaller, assert_problem

DOCUMENTS = "/api/v1/documents"
TEXT = b"Purchases above 5,000 euros are approved by the head of finance.\n"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600
ZIP = b"PK\x03\x04" + b"\x14\x00\x00\x00\x08\x00" + b"\x00" * 200


def test_a_file_is_accepted_and_followed(acme: Tenant, globex: Tenant, by_key: KeyCaller) -> None:
    caller = by_key(acme)
    response = caller.hand_in("policy.txt", TEXT)
    assert response.status_code == 202, response.content
    receipt = response.json()
    assert receipt["outcome"] == "accepted"
    assert receipt["sha256"] == sha256_hex(TEXT)
    assert receipt["size_bytes"] == len(TEXT)
    assert receipt["media_type"] == "text/plain"
    assert receipt["received_from"].startswith("key:")
    assert receipt["is_duplicate"] is False
    assert receipt["links"]["document"] == response["Location"]
    assert caller.get(receipt["links"]["self"]).json() == receipt
    document = caller.get(response["Location"]).json()
    assert document["id"] == receipt["document_id"]
    assert document["filename"] == "policy.txt"
    assert document["state"] == "queued"
    assert caller.get(document["links"]["chunks"]).json()["results"] == []
    with tenant_context(acme):
        stored = Document.objects.get(pk=document["id"])
        assert for_tenant(acme).objects.get(stored.raw_key) == TEXT
    assert by_key(globex).get(DOCUMENTS).json()["results"] == []


def test_the_same_bytes_again_lead_to_the_first_document(
    acme: Tenant, globex: Tenant, by_key: KeyCaller
) -> None:
    caller = by_key(acme)
    first = caller.hand_in("policy.txt", TEXT).json()
    again = caller.hand_in("copy.txt", TEXT)
    assert again.status_code == 200
    receipt = again.json()
    assert receipt["is_duplicate"] is True
    assert receipt["id"] != first["id"]
    assert receipt["document_id"] == first["document_id"]
    assert again["Location"] == first["links"]["document"]
    elsewhere = by_key(globex).hand_in("policy.txt", TEXT)
    assert elsewhere.status_code == 202
    assert elsewhere.json()["document_id"] != first["document_id"]


REFUSED = {
    "empty": ("a.txt", b"", 422, "EMPTY_FILE", ""),
    "blank": ("a.txt", b" \n\t\n", 422, "EMPTY_FILE", ""),
    "zip": ("a.zip", ZIP, 415, "UNSUPPORTED_FORMAT", "archive"),
    "denied by its name": ("a.pdf", TEXT, 415, "TYPE_MISMATCH", ""),
    "broken pdf": (
        "a.pdf",
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + b"0 obj\n" * 9,
        422,
        "CORRUPT_FILE",
        "",
    ),
}


@pytest.mark.parametrize(
    ("name", "data", "status", "code", "reason"), REFUSED.values(), ids=REFUSED.keys()
)
def test_a_refused_file_is_a_problem_with_its_receipt(
    acme: Tenant,
    globex: Tenant,
    by_key: KeyCaller,
    name: str,
    data: bytes,
    status: int,
    code: str,
    reason: str,
) -> None:
    caller = by_key(acme)
    problem = assert_problem(caller.hand_in(name, data), status, code)
    assert problem["outcome"] == "rejected"
    assert problem["reason"] == reason
    assert problem["remediation"]
    receipt = caller.get(f"/api/v1/receipts/{problem['receipt_id']}").json()
    assert receipt["code"] == code
    assert receipt["document_id"] is None
    assert receipt["links"]["document"] is None
    assert receipt["sha256"] == problem["sha256"] == sha256_hex(data)
    assert caller.get(DOCUMENTS).json()["results"] == []
    with tenant_context(acme):
        assert not any(for_tenant(acme).objects.list(f"raw/{receipt['id']}"))


def test_a_file_over_the_limit(acme: Tenant, globex: Tenant, by_key: KeyCaller) -> None:
    tenant_configure(tenant=acme, changes={"max_file_size_mb": 1}, actor="tester")
    big = TEXT * 20_000
    assert_problem(by_key(acme).hand_in("a.txt", big), 413, "SIZE_EXCEEDED")
    assert by_key(globex).hand_in("a.txt", big).status_code == 202


def test_a_refusal_is_the_error_that_its_receipt_names() -> None:
    for code, reason, kind in (
        ("UNSUPPORTED_FORMAT", "archive", ArchiveError),
        ("UNSUPPORTED_FORMAT", "legacy_office", LegacyOfficeError),
        ("ENCRYPTED_FILE", "", EncryptedFileError),
    ):
        error = refusal_of(Receipt(code=code, reason=reason, message="m", remediation="r"))
        assert type(error) is kind
        assert (error.message, error.remediation) == ("m", "r")
    assert issubclass(ArchiveError, FileRejectedError)


def test_a_request_without_a_file_or_with_several(acme: Tenant, by_key: KeyCaller) -> None:
    caller = by_key(acme)
    bodies: list[dict[str, Any]] = [
        {},
        {"file": "just text"},
        {"document": SimpleUploadedFile("a.txt", TEXT)},
        {"file": [SimpleUploadedFile("a.txt", TEXT), SimpleUploadedFile("b.txt", b"bb")]},
    ]
    for body in bodies:
        problem = assert_problem(caller.post(DOCUMENTS, body), 400, "VALIDATION_ERROR")
        assert [breach["field"] for breach in problem["errors"]] == ["file"]
    assert caller.get(DOCUMENTS).json()["results"] == []


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x\r\n"),
        ("multipart/form-data; boundary=x", b"--y"),
        ("multipart/form-data; boundary=" + "x" * 300, b""),
    ],
)
def test_a_multipart_body_that_is_none(
    acme: Tenant, by_key: KeyCaller, content_type: str, body: bytes
) -> None:
    response = by_key(acme).post(DOCUMENTS, body, content_type=content_type)
    assert_problem(response, 400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\a\\b.txt", "b.txt"),
        ("weißes Blatt, 白.txt", "weißes Blatt, 白.txt"),
        ("a" * 400 + ".txt", "a" * 251 + ".txt"),
    ],
)
def test_names_lose_their_folders(acme: Tenant, by_key: KeyCaller, sent: str, kept: str) -> None:
    file = SimpleUploadedFile("x.txt", TEXT)
    file.name = sent  # past the checks of SimpleUploadedFile, as an ill-meaning client would
    response = by_key(acme).post(DOCUMENTS, {"file": file})
    assert response.status_code == 202
    assert response.json()["filename"] == kept


def test_the_list_takes_the_same_queries_however_long(
    acme: Tenant,
    globex: Tenant,
    by_key: KeyCaller,
    publish: Publish,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    caller = by_key(acme)
    publish(acme, "first.txt", ["a"])
    publish(globex, "theirs.txt", ["b"])
    caller.get(DOCUMENTS)
    with django_assert_num_queries(5) as few:
        assert len(caller.get(DOCUMENTS).json()["results"]) == 1
    for number in range(30):
        publish(acme, f"{number}.txt", ["a"])
    with django_assert_num_queries(len(few.captured_queries)):
        assert len(caller.get(DOCUMENTS).json()["results"]) == 31


def test_a_document_takes_few_queries(
    acme: Tenant,
    by_key: KeyCaller,
    publish: Publish,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    caller, document = by_key(acme), publish(acme, "first.txt", ["a"])
    with django_assert_max_num_queries(9):
        assert caller.get(f"{DOCUMENTS}/{document.pk}").status_code == 200


def test_a_document_tells_its_run_stage_by_stage(
    acme: Tenant, globex: Tenant, by_key: KeyCaller
) -> None:
    caller = by_key(acme)
    document_id = caller.hand_in("policy.txt", TEXT).json()["document_id"]
    with tenant_context(acme):
        run = run_start(tenant=acme, document=Document.objects.get(pk=document_id))
        StageRun.objects.filter(run=run, stage="parse").update(
            state=StageState.FAILED, error_message="It cannot be read.", attempt=4
        )
        Run.objects.filter(pk=run.pk).update(
            state=RunState.FAILED, error_code="PARSE_FAILED", remediation="Save it again."
        )
    told = caller.get(f"{DOCUMENTS}/{document_id}").json()
    assert told["state"] == told["run"]["state"] == "failed"
    assert told["published_at"] is None
    assert told["run"]["error_code"] == "PARSE_FAILED"
    assert told["run"]["remediation"] == "Save it again."
    assert tuple(stage["name"] for stage in told["run"]["stages"]) == STAGE_NAMES
    parse = told["run"]["stages"][1]
    assert (parse["state"], parse["attempt"]) == ("failed", 4)
    assert parse["reason"] == "It cannot be read."
    assert caller.get(DOCUMENTS).json()["results"][0]["state"] == "failed"


def test_passages_come_in_reading_order_page_by_page(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, publish: Publish
) -> None:
    texts = [f"passage {number}" for number in range(7)]
    document = publish(acme, "first.txt", texts)
    publish(acme, "second.txt", ["another document"])
    caller = by_key(acme)
    found: list[dict[str, Any]] = []
    address = f"{DOCUMENTS}/{document.pk}/chunks?page_size=3"
    while address:
        page = caller.get(address).json()
        found += page["results"]
        address = page["next"]
    assert [chunk["text"] for chunk in found] == texts
    assert all(chunk["sha256"] == sha256_hex(chunk["text"].encode()) for chunk in found)
    assert {chunk["page"] for chunk in found} == {1}
    assert UUID(found[0]["chunk_id"])


def test_passages_of_a_document_that_is_not_published(
    acme: Tenant, by_key: KeyCaller, publish: Publish
) -> None:
    document = publish(acme, "first.txt", ["a"])
    with tenant_context(acme):
        Document.objects.filter(pk=document.pk).update(published_run_id=None)
    assert by_key(acme).get(f"{DOCUMENTS}/{document.pk}/chunks").json()["results"] == []
    page = f"{DOCUMENTS}/{document.pk}/pages/1.png"
    assert_problem(by_key(acme).get(page), 404, "RESOURCE_NOT_FOUND")


def test_a_page_image_is_asked_for_correctly(
    acme: Tenant, by_key: KeyCaller, publish: Publish
) -> None:
    document = publish(acme, "first.txt", ["a"])
    caller, page = by_key(acme), f"{DOCUMENTS}/{document.pk}/pages/1.png"
    problem = assert_problem(caller.get(f"{page}?chunk=first"), 400, "VALIDATION_ERROR")
    assert problem["errors"][0]["field"] == "chunk"
    assert problem["errors"][0]["value"] == "first"
    assert_problem(caller.get(f"{page}?chunk={new_id()}"), 404, "RESOURCE_NOT_FOUND")
    as_json = caller.get(page, headers={"Accept": "application/json"})
    assert "image/png" in assert_problem(as_json, 406, "NOT_ACCEPTABLE")["remediation"]


@pytest.mark.parametrize("identifier", ["1", "none", "0" * 32, "'; DROP TABLE"])
def test_an_id_that_is_none(acme: Tenant, by_key: KeyCaller, identifier: str) -> None:
    caller = by_key(acme)
    assert_problem(caller.get(f"{DOCUMENTS}/{identifier}"), 404, "RESOURCE_NOT_FOUND")
    assert_problem(caller.get(f"/api/v1/receipts/{identifier}"), 404, "RESOURCE_NOT_FOUND")
    assert_problem(caller.get(f"{DOCUMENTS}/{new_id()}"), 404, "RESOURCE_NOT_FOUND")
    assert_problem(caller.get(f"/api/v1/receipts/{new_id()}"), 404, "RESOURCE_NOT_FOUND")


def test_options_and_head(acme: Tenant, by_key: KeyCaller, publish: Publish) -> None:
    publish(acme, "first.txt", ["a"])
    caller = by_key(acme)
    options = caller.options(DOCUMENTS)
    assert options.status_code == 200
    assert options["Allow"] == "GET, POST, HEAD, OPTIONS"
    assert options.json()["parses"] == ["multipart/form-data"]
    head = caller.head(DOCUMENTS)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head["Content-Length"]) == len(caller.get(DOCUMENTS).content)


def test_a_receipt_of_another_person(
    acme: Tenant, by_key: KeyCaller, by_session: StaffCaller
) -> None:
    receipt_id = by_key(acme).hand_in("policy.txt", TEXT).json()["id"]
    path = f"/api/v1/receipts/{receipt_id}"
    assert by_session(acme, TENANT_ADMIN).get(path).status_code == 200
    user: Caller = by_session(acme, TENANT_USER)
    assert_problem(user.get(path), 403, "INSUFFICIENT_PERMISSIONS")
    with tenant_context(acme):
        own = Receipt.objects.create(
            filename="own.txt",
            outcome="accepted",
            size_bytes=1,
            sha256="0" * 64,
            received_from=f"user:{TENANT_USER}",
        )
    assert user.get(f"/api/v1/receipts/{own.pk}").status_code == 200
