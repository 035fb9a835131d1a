"""Custom metadata by the API: schemas with versions, documents that bear it, questions by it."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from processing.models import Run
from processing.runner import run_advance
from processing.services import start_missing_runs
from tenants.context import tenant_context
from tenants.models import Tenant
from tests.api.conftest import Caller, KeyCaller, StaffCaller, assert_problem

SCHEMA = "/api/v1/schema"
DEPARTMENT = {
    "type": "object",
    "properties": {"department": {"type": "string"}},
    "required": ["department"],
}


def put(caller: Caller, body: Any, **headers: str) -> Any:
    return caller.put(SCHEMA, body, content_type="application/json", headers=headers)


def patch(caller: Caller, body: Any, media_type: str = "application/json", **headers: str) -> Any:
    return caller.patch(SCHEMA, json.dumps(body), content_type=media_type, headers=headers)


def hand_in(caller: Caller, name: str, metadata: str) -> Any:
    file = SimpleUploadedFile(name, f"the words of {name}\n".encode())
    return caller.post("/api/v1/documents", {"file": file, "metadata": metadata})


def test_schemas_are_declared_changed_and_listed(
    acme: Tenant, globex: Tenant, by_key: KeyCaller
) -> None:
    caller = by_key(acme)
    none = caller.get(SCHEMA)
    assert (none["ETag"], none.json()["version"], none.json()["document"]) == ('"0"', 0, None)
    made = put(caller, {"document": DEPARTMENT})
    assert (made.status_code, made["ETag"]) == (200, '"1"')
    assert made.json()["would_not_fit"] == made.json()["documents"] == 0
    changed = patch(
        caller,
        {"document": {"required": None}, "chunk": {"type": "object"}},
        "application/merge-patch+json",
    )
    assert changed.json()["version"] == 2
    assert changed.json()["document"] == {
        name: value for name, value in DEPARTMENT.items() if name != "required"
    }
    assert caller.get(SCHEMA).json()["chunk"] == {"type": "object"}
    versions = caller.get(f"{SCHEMA}/versions").json()["results"]
    assert [each["version"] for each in versions] == [2, 1]
    assert versions[0]["created_by"].startswith("key:")
    other = by_key(globex)
    assert other.get(SCHEMA).json()["version"] == 0
    assert other.get(f"{SCHEMA}/versions").json()["results"] == []


def test_two_who_change_at_once_do_not_overwrite_each_other(
    acme: Tenant, globex: Tenant, by_key: KeyCaller
) -> None:
    caller = by_key(acme)
    assert put(caller, {"document": DEPARTMENT}, if_match='"0"').status_code == 200
    for tag in ('"0"', '"7"', "nonsense"):
        late = put(caller, {"document": None}, if_match=tag)
        assert assert_problem(late, 412, "PRECONDITION_FAILED")["current_version"] == 1
    assert patch(caller, {"document": None}, if_match='W/"1"').json()["version"] == 2
    assert put(by_key(globex), {"document": DEPARTMENT}, if_match="*").json()["version"] == 1


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ([], 400, ""),
        ({"pages": {}}, 422, "/pages"),
        ({"document": {"type": "nothing"}}, 422, "/document/type"),
        ({"chunk": {"$ref": "https://example.org"}}, 422, "/chunk/$ref"),
        ({"document": "text"}, 422, "/document"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_by_place(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, body: Any, status: int, field: str
) -> None:
    code = "VALIDATION_ERROR" if status == 400 else "SCHEMA_INVALID"
    problem = assert_problem(put(by_key(acme), body), status, code)
    assert problem["errors"][0]["field"] == field
    assert by_key(acme).get(SCHEMA).json()["version"] == 0


def test_who_may_declare(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, by_session: StaffCaller
) -> None:
    assert_problem(put(by_key(acme, "query"), {}), 403, "INSUFFICIENT_PERMISSIONS")
    assert put(by_session(acme, "tenant_admin"), {"document": DEPARTMENT}).status_code == 200
    assert_problem(put(by_session(acme, "tenant_user"), {}), 403, "INSUFFICIENT_PERMISSIONS")
    stranger = by_key(globex, host="acme.localhost")
    assert_problem(put(stranger, {}), 403, "INSUFFICIENT_PERMISSIONS")


def test_a_document_bears_its_metadata_and_one_that_does_not_fit_is_refused(
    acme: Tenant, globex: Tenant, by_key: KeyCaller
) -> None:
    caller = by_key(acme)
    put(caller, {"document": DEPARTMENT})
    receipt = hand_in(caller, "a.txt", '{"department": "sales"}').json()
    told = caller.get(receipt["links"]["document"]).json()
    assert told["metadata"] == {"department": "sales"}
    problem = assert_problem(hand_in(caller, "b.txt", '{"department": 7}'), 422, "METADATA_INVALID")
    assert problem["errors"] == [
        {"field": "/metadata/department", "value": None, "constraint": 'type: "string"'}
    ]
    assert caller.get(f"/api/v1/receipts/{problem['receipt_id']}").json()["outcome"] == "rejected"
    for text in ("{", "[]", "7", "[" * 3000):
        wrong = assert_problem(hand_in(caller, "c.txt", text), 400, "VALIDATION_ERROR")
        assert wrong["errors"][0]["field"] == "metadata"
    assert hand_in(by_key(globex), "b.txt", "").status_code == 202


def test_questions_are_narrowed_by_metadata(
    acme: Tenant, globex: Tenant, by_key: KeyCaller
) -> None:
    for tenant in (acme, globex):
        for name, metadata in {
            "a.txt": {"department": "sales", "year": 2024, "draft": False},
            "b.txt": {"department": "works", "year": 2024, "draft": None},
            "c.txt": {},
        }.items():
            assert hand_in(by_key(tenant), name, json.dumps(metadata)).status_code == 202
    with tenant_context(acme):
        start_missing_runs(tenant=acme)
        for run in Run.objects.all():
            run_advance(tenant=acme, run_id=run.pk)

    def found(metadata: dict[str, Any]) -> list[str]:
        body = {"query_text": "words", "filters": {"metadata": metadata}}
        answer = by_key(acme).post_json("/api/v1/query", body)
        assert answer.status_code == 200, answer.content
        return sorted(hit["filename"] for hit in answer.json()["hits"])

    assert found({}) == ["a.txt", "b.txt", "c.txt"]
    assert found({"department": "sales"}) == ["a.txt"]
    assert found({"year": 2024}) == ["a.txt", "b.txt"]
    assert found({"year": 2024, "draft": None}) == ["b.txt"]
    assert found({"draft": False}) == ["a.txt"]
    assert found({"year": "2024"}) == []
    assert found({"absent": 1}) == []


@pytest.mark.parametrize(
    "metadata",
    [
        '{"a": [1]}',
        '{"a": {}}',
        f'{{"a": "{"x" * 1001}"}}',
        json.dumps({f"m{n}": 1 for n in range(21)}),
        "[]",
        r'{"a": "\u0000"}',
        r'{"a\u0000b": "x"}',
        r'{"a": "\ud800"}',
        r'{"\ud800": "x"}',
        r'{"\ud800": [1]}',
        '{"a": 1e400}',
        f'{{"{"k" * 70_000}": 1}}',
    ],
    ids=lambda text: text[:16],
)
def test_a_filter_that_is_no_plain_value_is_refused(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, metadata: str
) -> None:
    body = f'{{"query_text": "words", "filters": {{"metadata": {metadata}}}}}'
    for tenant in (acme, globex):
        answer = by_key(tenant).post_json("/api/v1/query", body)
        assert_problem(answer, 400, "VALIDATION_ERROR")


def test_a_field_whose_name_is_no_unicode_is_refused(
    acme: Tenant, globex: Tenant, by_key: KeyCaller
) -> None:
    for tenant in (acme, globex):
        for path in ("/api/v1/query", "/api/v1/proofs/verify"):
            answer = by_key(tenant).post_json(path, r'{"\ud800": 1}')
            assert_problem(answer, 400, "VALIDATION_ERROR")
