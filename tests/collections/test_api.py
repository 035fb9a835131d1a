"""Collections and groups over the API: who sees, hands in, asks, moves and manages."""

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from audit.models import AuditEvent
from intake.models import Collection, Document
from tenants.context import tenant_context
from tenants.models import ApiKey, Tenant
from tests.collections.callers import key_holder, member, outsiders, person
from tests.collections.conftest import COLLECTION, READERS, SECRET_NAME, SECRET_TEXT, Shelf

V1 = "/api/v1"
JSON = "application/json"
QUESTION = "Who signs the takeover of Nordlicht?"


def ask(caller: Client, **filters: Any) -> Any:
    """Ask the question that the secret answers."""
    body = {"query_text": QUESTION, "top_k": 20, "filters": filters}
    return caller.post(f"{V1}/query", body, JSON)


def names(answer: Any) -> list[str]:
    """The names in a page of a list."""
    return [each["name"] for each in answer.json()["results"]]


def hand_in(caller: Client, data: bytes, collection: str | None = None) -> Any:
    """POST one file."""
    body: dict[str, Any] = {"file": SimpleUploadedFile("copy.txt", data)}
    return caller.post(
        f"{V1}/documents", {**body, **({"collection": collection} if collection else {})}
    )


def without_ids(problem: dict[str, Any]) -> dict[str, Any]:
    """A problem without what differs from request to request."""
    return {key: value for key, value in problem.items() if key != "request_id"}


def test_answers_lists_and_counts_are_the_readers_own(shelves: dict[str, Shelf]) -> None:
    for shelf in shelves.values():
        insider = member(shelf.tenant)
        listed = insider.get(f"{V1}/documents").json()["results"]
        assert {d["filename"]: d["collection"] for d in listed} == {
            "canteen.txt": "default",
            SECRET_NAME: COLLECTION,
        }
        assert ask(insider).json()["hits"][0]["document_id"] == str(shelf.secret.pk)
        for who, caller in outsiders(shelf.tenant).items():
            listed = caller.get(f"{V1}/documents").json()["results"]
            assert [d["filename"] for d in listed] == ["canteen.txt"], who
            hits = ask(caller).json()["hits"]
            assert {hit["document_id"] for hit in hits} == {str(shelf.open.pk)}, who
            gone = caller.get(f"{V1}/documents/{shelf.secret.pk}")
            never = caller.get(f"{V1}/documents/{shelf.collection.pk}")
            assert gone.status_code == never.status_code == 404
            assert without_ids(gone.json()) == without_ids(never.json()), who


def test_the_record_of_a_question_names_what_was_returned(shelves: dict[str, Shelf]) -> None:
    for shelf in shelves.values():
        ask(key_holder(shelf.tenant))
        event = AuditEvent.objects.filter(
            tenant=shelf.tenant.slug, event_type="RETRIEVAL_EXECUTED"
        ).latest("sequence")
        assert event.details["documents"] == [str(shelf.open.pk)]


def test_a_key_with_groups_reads_what_they_open_and_so_does_its_token(
    shelves: dict[str, Shelf],
) -> None:
    for shelf in shelves.values():
        insider = key_holder(shelf.tenant, READERS)
        assert insider.get(f"{V1}/documents/{shelf.secret.pk}").status_code == 200
        assert ask(insider).json()["hits"][0]["document_id"] == str(shelf.secret.pk)
        with tenant_context(shelf.tenant):
            shelf.collection.groups.clear()
        assert insider.get(f"{V1}/documents/{shelf.secret.pk}").status_code == 404


def test_questions_in_named_collections(shelves: dict[str, Shelf]) -> None:
    for shelf in shelves.values():
        insider, outsider = member(shelf.tenant), key_holder(shelf.tenant)
        hits = ask(insider, collections=[COLLECTION]).json()["hits"]
        assert {hit["document_id"] for hit in hits} == {str(shelf.secret.pk)}
        hits = ask(insider, collections=["default"]).json()["hits"]
        assert {hit["document_id"] for hit in hits} == {str(shelf.open.pk)}
        hidden = ask(outsider, collections=[COLLECTION])
        unknown = ask(outsider, collections=["nowhere"])
        assert hidden.status_code == unknown.status_code == 404
        assert without_ids(hidden.json()) == without_ids(unknown.json())


def test_a_proof_of_a_hidden_document_is_as_good_as_none(shelves: dict[str, Shelf]) -> None:
    for shelf in shelves.values():
        proof = ask(member(shelf.tenant)).json()["hits"][0]["proof"]
        invented = {**proof, "document_id": str(shelf.collection.pk)}
        insider = key_holder(shelf.tenant, READERS)
        assert insider.post(f"{V1}/proofs/verify", proof, JSON).json()["valid"] is True
        for who, caller in outsiders(shelf.tenant).items():
            answer = caller.post(f"{V1}/proofs/verify", proof, JSON).json()
            assert answer["valid"] is False
            assert answer == caller.post(f"{V1}/proofs/verify", invented, JSON).json(), who
        borrowed = {**proof, "document_id": str(shelf.open.pk)}
        checks = key_holder(shelf.tenant).post(f"{V1}/proofs/verify", borrowed, JSON).json()
        assert not any(c["valid"] for c in checks["checks"])


def test_handing_in_where_one_reads_and_nowhere_else(shelves: dict[str, Shelf]) -> None:
    for shelf in shelves.values():
        insider, outsider = key_holder(shelf.tenant, READERS), key_holder(shelf.tenant)
        again = hand_in(insider, SECRET_TEXT, COLLECTION)
        assert (again.status_code, again.json()["is_duplicate"]) == (200, True)
        fresh = hand_in(outsider, SECRET_TEXT)
        assert (fresh.status_code, fresh.json()["is_duplicate"]) == (202, False)
        hidden, unknown = hand_in(outsider, b"a", COLLECTION), hand_in(outsider, b"a", "nowhere")
        assert hidden.status_code == unknown.status_code == 404
        assert without_ids(hidden.json()) == without_ids(unknown.json())


def test_a_document_moves_with_all_that_was_made_of_it(shelves: dict[str, Shelf]) -> None:
    for shelf in shelves.values():
        insider, outsider = key_holder(shelf.tenant, READERS), key_holder(shelf.tenant)
        address = f"{V1}/documents/{shelf.open.pk}"
        hidden = outsider.patch(address, {"collection": COLLECTION}, JSON)
        unknown = outsider.patch(address, {"collection": "nowhere"}, JSON)
        assert hidden.status_code == unknown.status_code == 404
        assert without_ids(hidden.json()) == without_ids(unknown.json())

        moved = insider.patch(address, {"collection": COLLECTION}, JSON)
        assert (moved.status_code, moved.json()["collection"]) == (200, COLLECTION)
        assert outsider.get(address).status_code == 404
        assert ask(outsider).json()["hits"] == []
        event = AuditEvent.objects.get(tenant=shelf.tenant.slug, event_type="DOCUMENT_MOVED")
        assert event.resource_id == str(shelf.open.pk)
        assert event.details["to"] == str(shelf.collection.pk)

        assert insider.patch(address, {"collection": "default"}, JSON).status_code == 200
        assert outsider.get(address).status_code == 200
        hand_in(outsider, SECRET_TEXT)
        secret = f"{V1}/documents/{shelf.secret.pk}"
        clash = insider.patch(secret, {"collection": "default"}, JSON)
        assert (clash.status_code, clash.json()["code"]) == (400, "VALIDATION_ERROR")
        reader = key_holder(shelf.tenant, READERS, scopes=("query",))
        assert reader.patch(secret, {"collection": "default"}, JSON).status_code == 403


def test_who_is_told_of_which_collections(shelves: dict[str, Shelf]) -> None:
    for shelf in shelves.values():
        reader = key_holder(shelf.tenant, READERS, scopes=("query",))
        assert names(reader.get(f"{V1}/collections")) == [COLLECTION, "default"]
        outsider = key_holder(shelf.tenant, scopes=("query", "ingest"))
        assert names(outsider.get(f"{V1}/collections")) == ["default"]
        hidden = outsider.get(f"{V1}/collections/{COLLECTION}")
        assert hidden.status_code == 404
        assert without_ids(hidden.json()) == without_ids(
            outsider.get(f"{V1}/collections/nowhere").json()
        )
        manager = key_holder(shelf.tenant, scopes=("admin",))
        told = {c["name"]: c for c in manager.get(f"{V1}/collections").json()["results"]}
        assert told[COLLECTION]["groups"] == [READERS]
        assert told[COLLECTION]["documents"] is None
        assert told["default"]["documents"] == 1
        assert reader.get(f"{V1}/collections/{COLLECTION}").json()["documents"] == 1


def test_an_administrator_manages_and_still_does_not_read(shelves: dict[str, Shelf]) -> None:
    for shelf in shelves.values():
        admin = person(shelf.tenant, "ada")
        person(shelf.tenant, "kim", role="tenant_user")
        made = admin.post(f"{V1}/groups", {"name": "lawyers"}, JSON)
        assert (made.status_code, made.json()) == (201, {"name": "lawyers", "members": []})
        body = {"name": "legal", "restricted": True, "groups": ["lawyers"], "description": "Law"}
        made = admin.post(f"{V1}/collections", body, JSON)
        assert made.status_code == 201
        assert made["Location"].endswith("/api/v1/collections/legal")
        assert made.json()["documents"] is None
        assert hand_in(admin, b"a word", "legal").status_code == 404

        added = admin.put(f"{V1}/groups/lawyers/members/kim")
        assert added.json()["members"] == ["kim"]
        assert admin.put(f"{V1}/groups/lawyers/members/nobody").status_code == 404
        assert admin.put(f"{V1}/groups/tenant_admin/members/kim").status_code == 404
        removed = admin.delete(f"{V1}/groups/lawyers/members/kim")
        assert removed.json()["members"] == []

        changed = admin.patch(f"{V1}/collections/legal", {"restricted": False}, JSON)
        assert changed.json()["documents"] == 0
        assert admin.delete(f"{V1}/collections/legal").status_code == 204
        assert admin.delete(f"{V1}/groups/lawyers").status_code == 204
        recorded = AuditEvent.objects.filter(tenant=shelf.tenant.slug).order_by("sequence")
        kinds = [
            event.event_type
            for event in recorded
            if "GROUP" in event.event_type or "COLLECTION" in event.event_type
        ]
        assert kinds == [
            "GROUP_CREATED",
            "COLLECTION_CREATED",
            "GROUP_CHANGED",
            "GROUP_CHANGED",
            "COLLECTION_CHANGED",
            "COLLECTION_DELETED",
            "GROUP_DELETED",
        ]
        assert "legal" not in str([event.details for event in recorded])
        assert "lawyers" not in str([event.details for event in recorded])


def test_what_a_collection_cannot_be(shelves: dict[str, Shelf]) -> None:
    for shelf in shelves.values():
        admin = key_holder(shelf.tenant, scopes=("admin",))
        for body in (
            {"name": COLLECTION},
            {"name": "Capital"},
            {"name": "a--b"},
            {"name": ""},
            {"name": "x" * 64},
            {"name": "fine", "colour": "red"},
        ):
            refused = admin.post(f"{V1}/collections", body, JSON)
            assert (refused.status_code, refused.json()["code"]) == (400, "VALIDATION_ERROR"), body
            assert refused.json()["errors"], body
        unknown = {"name": "fine", "groups": ["nobody-there"]}
        assert admin.post(f"{V1}/collections", unknown, JSON).status_code == 404
        for name in ("tenant_admin", "auditor", READERS, "Capital", ""):
            assert admin.post(f"{V1}/groups", {"name": name}, JSON).status_code == 400, name
        default = f"{V1}/collections/default"
        assert admin.patch(default, {"restricted": True}, JSON).status_code == 400
        assert admin.delete(default).status_code == 400
        held = admin.delete(f"{V1}/collections/{COLLECTION}")
        assert (held.status_code, held.json()["code"]) == (409, "COLLECTION_NOT_EMPTY")
        with tenant_context(shelf.tenant):
            assert Collection.objects.count() == 2
            assert Document.objects.filter(collection=shelf.collection).exists()


def test_a_deleted_group_leaves_no_key_that_a_new_one_would_open(
    shelves: dict[str, Shelf],
) -> None:
    for shelf in shelves.values():
        insider, admin = key_holder(shelf.tenant, READERS), key_holder(shelf.tenant)
        assert admin.delete(f"{V1}/groups/{READERS}").status_code == 204
        assert insider.get(f"{V1}/documents/{shelf.secret.pk}").status_code == 404
        assert not ApiKey.objects.filter(tenant=shelf.tenant).exclude(groups=[]).exists()
        admin.post(f"{V1}/groups", {"name": READERS}, JSON)
        admin.patch(f"{V1}/collections/{COLLECTION}", {"groups": [READERS]}, JSON)
        assert insider.get(f"{V1}/documents/{shelf.secret.pk}").status_code == 404


def test_only_administrators_manage(acme: Tenant, globex: Tenant) -> None:
    for tenant in (acme, globex):
        key = key_holder(tenant, scopes=("ingest", "query", "audit"))
        for method, path in (
            ("get", "groups"),
            ("post", "groups"),
            ("get", "groups/a"),
            ("delete", "groups/a"),
            ("put", "groups/a/members/b"),
            ("delete", "groups/a/members/b"),
            ("post", "collections"),
            ("patch", "collections/default"),
            ("delete", "collections/default"),
        ):
            answer = getattr(key, method)(f"{V1}/{path}")
            assert answer.json()["code"] == "INSUFFICIENT_PERMISSIONS", (method, path)
