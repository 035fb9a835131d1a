"""Questions and proofs, on documents that went through the whole pipeline."""

from collections.abc import Callable
from copy import deepcopy
from io import BytesIO
from typing import Any

import pytest
from reportlab.pdfgen.canvas import Canvas

from audit.models import AuditEvent
from frostbyte.kernel.hashing import sha256_hex
from frostbyte.kernel.ids import derived_id, new_id
from intake.models import Document
from processing.models import RunState
from processing.runner import run_advance
from processing.services import run_start
from search.limits import QUERY_LIMIT
from tenants.context import tenant_context
from tenants.models import Tenant
from tenants.services import tenant_configure
from tests.api.conftest import Caller, KeyCaller, assert_problem

QUERY = "/api/v1/query"
VERIFY = "/api/v1/proofs/verify"
PURCHASES = b"""Purchasing policy

Purchases above 5,000 euros are approved by the head of finance, in writing, before the order.

Office supplies

Pens, paper and toner are ordered on the first Monday of each month by the reception desk.
"""
TRIALS = b"""Trial protocol

Every participant of the sleep trial wears the wrist sensor for fourteen nights.
"""
QUESTION = "Who approves purchases above 5,000 euros?"

Ingest = Callable[[Caller, Tenant, str, bytes], Document]


@pytest.fixture
def ingest() -> Ingest:
    """A function that hands a file in and takes it through the pipeline in this process."""

    def _ingest(caller: Caller, tenant: Tenant, filename: str, data: bytes) -> Document:
        document_id = caller.hand_in(filename, data).json()["document_id"]
        with tenant_context(tenant):
            document = Document.objects.get(pk=document_id)
            run = run_start(tenant=tenant, document=document)
            assert run_advance(tenant=tenant, run_id=run.pk).state == RunState.PUBLISHED
        return document

    return _ingest


def ask(caller: Caller, query_text: str = QUESTION, **more: Any) -> dict[str, Any]:
    """Ask, and return the answer."""
    response = caller.post_json(QUERY, {"query_text": query_text, **more})
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = response.json()
    return answer


def test_an_answer_cites_its_passage_and_the_proof_holds(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, ingest: Ingest
) -> None:
    caller, stranger = by_key(acme), by_key(globex)
    document = ingest(caller, acme, "purchasing.txt", PURCHASES)
    ingest(stranger, globex, "trial.txt", TRIALS)
    answer = ask(caller)
    hit = answer["hits"][0]
    assert "head of finance" in hit["text"]
    assert hit["document_id"] == str(document.pk)
    assert (hit["filename"], hit["media_type"]) == ("purchasing.txt", "text/plain")
    assert 0 < hit["score"] <= 1
    assert [each["score"] for each in answer["hits"]] == sorted(
        (each["score"] for each in answer["hits"]), reverse=True
    )
    assert answer["took_ms"] >= 0
    assert hit["links"]["document"].endswith(f"/api/v1/documents/{document.pk}")
    assert hit["links"]["page_image"] is None
    proof = hit["proof"]
    assert proof["raw_sha256"] == sha256_hex(PURCHASES)
    assert proof["chunk_sha256"] == sha256_hex(hit["text"].encode())
    report = caller.post_json(VERIFY, proof).json()
    assert report["valid"] is True
    assert all(check["valid"] for check in report["checks"])
    told = caller.get(hit["links"]["document"]).json()
    assert told["state"] == "published"
    assert {stage["state"] for stage in told["run"]["stages"]} == {"done"}
    chunks = caller.get(told["links"]["chunks"]).json()["results"]
    assert hit["id"] in {chunk["id"] for chunk in chunks}


def test_neither_tenant_finds_the_others_passages(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, ingest: Ingest
) -> None:
    caller, stranger = by_key(acme), by_key(globex)
    document = ingest(caller, acme, "purchasing.txt", PURCHASES)
    theirs = ingest(stranger, globex, "trial.txt", TRIALS)
    assert {hit["document_id"] for hit in ask(caller, top_k=50)["hits"]} == {str(document.pk)}
    assert {hit["document_id"] for hit in ask(stranger, top_k=50)["hits"]} == {str(theirs.pk)}
    named = ask(stranger, filters={"document_ids": [str(document.pk)]})
    assert named["hits"] == []
    proof = ask(caller)["hits"][0]["proof"]
    report = stranger.post_json(VERIFY, proof).json()
    assert report["valid"] is False
    assert not any(check["valid"] for check in report["checks"])


def test_a_proof_that_was_tampered_with(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, ingest: Ingest
) -> None:
    caller = by_key(acme)
    ingest(caller, acme, "purchasing.txt", PURCHASES)
    proof = ask(caller)["hits"][0]["proof"]
    changes: dict[str, Any] = {
        "raw_sha256": "0" * 64,
        "canonical_sha256": "0" * 64,
        "chunk_sha256": "0" * 64,
        "end_char": proof["end_char"] - 1,
        "chunk_id": str(new_id()),
        "audit_event_ids": proof["audit_event_ids"][1:],
    }
    for name, value in changes.items():
        changed = {**deepcopy(proof), name: value}
        report = caller.post_json(VERIFY, changed).json()
        assert report["valid"] is False, name


def a_pdf(*pages: str) -> bytes:
    """A PDF with one line of text a page."""
    target = BytesIO()
    canvas = Canvas(target, invariant=True)
    for text in pages:
        canvas.drawString(72, 720, text)
        canvas.showPage()
    canvas.save()
    return target.getvalue()


def test_the_page_of_a_pdf_is_shown_with_the_passage_marked(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, ingest: Ingest
) -> None:
    caller, stranger = by_key(acme), by_key(globex)
    data = a_pdf("The first page is about nothing.", "Purchases are approved by Mr Miller.")
    document = ingest(caller, acme, "purchasing.pdf", data)
    hit = ask(caller, top_k=1, query_text="Who approves purchases?")["hits"][0]
    assert hit["page"] == 2
    marked = caller.get(hit["links"]["page_image"], headers={"Accept": "image/png"})
    assert marked.status_code == 200
    assert marked["Content-Type"] == "image/png"
    assert marked["Cache-Control"] == "private, no-store"
    assert marked.content.startswith(b"\x89PNG\r\n\x1a\n")
    page = f"/api/v1/documents/{document.pk}/pages"
    plain = caller.get(f"{page}/2.png")
    assert plain.status_code == 200
    assert plain.content != marked.content
    for number in ("0", "3", "9" * 30):
        assert_problem(caller.get(f"{page}/{number}.png"), 404, "NO_PAGE_IMAGE")
    assert_problem(stranger.get(hit["links"]["page_image"]), 404, "RESOURCE_NOT_FOUND")


def test_only_pdfs_have_page_images(acme: Tenant, by_key: KeyCaller, ingest: Ingest) -> None:
    caller = by_key(acme)
    document = ingest(caller, acme, "purchasing.txt", PURCHASES)
    response = caller.get(f"/api/v1/documents/{document.pk}/pages/1.png")
    assert_problem(response, 404, "NO_PAGE_IMAGE")


def test_filters_narrow_the_search(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, ingest: Ingest
) -> None:
    caller = by_key(acme)
    policy = ingest(caller, acme, "purchasing.txt", PURCHASES)
    other = ingest(caller, acme, "trial.md", TRIALS)

    def found(**filters: Any) -> set[str]:
        return {hit["document_id"] for hit in ask(caller, top_k=50, filters=filters)["hits"]}

    both = {str(policy.pk), str(other.pk)}
    assert found() == both
    assert found(document_ids=[str(other.pk)]) == {str(other.pk)}
    assert found(media_types=["text/markdown"]) == {str(other.pk)}
    assert found(media_types=["text/markdown", "text/plain"]) == both
    assert found(created_after="2020-01-01T00:00:00Z") == both
    assert found(created_before="2020-01-01T00:00:00Z") == set()
    assert len(ask(caller, top_k=1)["hits"]) == 1


def test_the_question_is_nowhere_on_record(
    acme: Tenant,
    globex: Tenant,
    by_key: KeyCaller,
    ingest: Ingest,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caller = by_key(acme)
    ingest(caller, acme, "purchasing.txt", PURCHASES)
    ask(caller, query_text="zweihundertelf quokkas")
    with tenant_context(acme):
        events = list(AuditEvent.objects.values_list("event_type", "details"))
    assert "RETRIEVAL_EXECUTED" in {kind for kind, _details in events}
    assert "quokkas" not in str(events)
    out, err = capfd.readouterr()
    assert "quokkas" not in out + err


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no question": ({}, "query_text"),
    "an empty one": ({"query_text": "  "}, "query_text"),
    "null": ({"query_text": None}, "query_text"),
    "a number": ({"query_text": ["a"]}, "query_text"),
    "too long": ({"query_text": "a" * (QUERY_LIMIT + 1)}, "query_text"),
    "a null character": ({"query_text": "a\x00b"}, "query_text"),
    "half a surrogate": ({"query_text": "a\ud800b"}, "query_text"),
    "no passages": ({"query_text": "a", "top_k": 0}, "top_k"),
    "too many": ({"query_text": "a", "top_k": 201}, "top_k"),
    "over the tenant's own": ({"query_text": "a", "top_k": 51}, "top_k"),
    "not a number": ({"query_text": "a", "top_k": "many"}, "top_k"),
    "endless": ({"query_text": "a", "top_k": 10**400}, "top_k"),
    "misspelt": ({"query_text": "a", "topk": 3}, "topk"),
    "misspelt filter": ({"query_text": "a", "filters": {"documents": []}}, "filters.documents"),
    "no list": ({"query_text": "a", "filters": {"document_ids": "x"}}, "filters.document_ids"),
    "no id": ({"query_text": "a", "filters": {"document_ids": ["x"]}}, "filters.document_ids.0"),
    "no date": ({"query_text": "a", "filters": {"created_after": "now"}}, "filters.created_after"),
    "no filters": ({"query_text": "a", "filters": []}, "filters"),
}


@pytest.mark.parametrize(("body", "field"), WRONG.values(), ids=WRONG.keys())
def test_a_question_that_breaks_a_rule(
    acme: Tenant, by_key: KeyCaller, body: dict[str, Any], field: str
) -> None:
    problem = assert_problem(by_key(acme).post_json(QUERY, body), 400, "VALIDATION_ERROR")
    breach = problem["errors"][0]
    assert breach["field"] == field
    assert breach["constraint"]
    if field == "query_text":
        assert breach["value"] is None


def test_a_number_beyond_every_float_is_refused(
    acme: Tenant, globex: Tenant, by_key: KeyCaller
) -> None:
    for tenant in (acme, globex):
        answer = by_key(tenant).post_json(QUERY, '{"query_text": "a", "top_k": 1e400}')
        assert_problem(answer, 400, "VALIDATION_ERROR")


def test_a_harmless_value_is_told_back(acme: Tenant, by_key: KeyCaller) -> None:
    body = {"query_text": "a", "top_k": 0, "filters": {"created_after": "2024-13-01"}}
    problem = assert_problem(by_key(acme).post_json(QUERY, body), 400, "VALIDATION_ERROR")
    told = {breach["field"]: breach["value"] for breach in problem["errors"]}
    assert told == {"top_k": 0, "filters.created_after": "2024-13-01"}


def test_the_tenants_own_limit(acme: Tenant, globex: Tenant, by_key: KeyCaller) -> None:
    changes = {"retrieval_top_k_default": 1, "retrieval_top_k_max": 2}
    tenant_configure(tenant=acme, changes=changes, actor="tester")
    body = {"query_text": "a", "top_k": 3}
    problem = assert_problem(by_key(acme).post_json(QUERY, body), 400, "VALIDATION_ERROR")
    assert problem["errors"][0]["field"] == "top_k"
    assert by_key(globex).post_json(QUERY, body).status_code == 200


def a_proof() -> dict[str, Any]:
    """A proof of the right form that proves nothing."""
    ids = {name: str(new_id()) for name in ("document_id", "run_id", "chunk_id")}
    hashes = {f"{name}_sha256": "a" * 64 for name in ("raw", "canonical", "chunk")}
    span = {"page": 1, "start_char": 0, "end_char": 5}
    return {**ids, **hashes, **span, "audit_event_ids": [str(new_id())]}


def test_a_proof_of_nothing_is_an_answer(acme: Tenant, by_key: KeyCaller) -> None:
    response = by_key(acme).post_json(VERIFY, a_proof())
    assert response.status_code == 200
    report = response.json()
    assert report["valid"] is False
    assert [check["name"] for check in report["checks"]] == [
        "raw_object",
        "canonical_document",
        "span",
        "passage",
        "audit_events",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("document_id", "x"),
        ("raw_sha256", "A" * 64),
        ("raw_sha256", "a" * 63),
        ("raw_sha256", "a" * 65),
        ("page", 0),
        ("start_char", -1),
        ("end_char", 2**31),
        ("audit_event_ids", "none"),
        ("audit_event_ids", [str(derived_id("nobody"))] * 101),
        ("more", 1),
    ],
)
def test_a_proof_of_the_wrong_form(acme: Tenant, by_key: KeyCaller, name: str, value: Any) -> None:
    response = by_key(acme).post_json(VERIFY, {**a_proof(), name: value})
    problem = assert_problem(response, 400, "VALIDATION_ERROR")
    assert problem["errors"][0]["field"].split(".")[0] == name
