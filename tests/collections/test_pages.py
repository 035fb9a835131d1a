"""Collections on the pages: where a file goes, where one looks, and who manages what."""

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command

from intake.models import Collection, Document, Receipt
from tenants.context import tenant_context
from tests.collections.callers import key_holder, member, person
from tests.collections.conftest import COLLECTION, READERS, SECRET_NAME, Shelf

OPTION = f"<option>{COLLECTION}</option>"


def test_a_person_chooses_among_the_collections_that_they_read(shelves: dict[str, Shelf]) -> None:
    for shelf in shelves.values():
        insider, outsider = member(shelf.tenant), person(shelf.tenant, "ada")
        page = insider.get("/").text
        assert OPTION in page
        assert f"in {COLLECTION}" in page
        assert SECRET_NAME in page
        page = outsider.get("/").text
        assert 'name="collection"' not in page
        assert SECRET_NAME not in page

        file = SimpleUploadedFile("more.txt", b"more words for the board")
        sent = insider.post("/upload/", {"files": [file], "collection": COLLECTION})
        assert sent.status_code == 302
        with tenant_context(shelf.tenant):
            assert Document.objects.get(filename="more.txt").collection == shelf.collection
        file = SimpleUploadedFile("other.txt", b"words")
        refused = outsider.post("/upload/", {"files": [file], "collection": COLLECTION})
        assert refused.status_code == 404


def test_a_search_within_a_collection(shelves: dict[str, Shelf]) -> None:
    for shelf in shelves.values():
        insider = member(shelf.tenant)
        asked = {"query_text": "What does the canteen serve?", "collection": COLLECTION}
        page = insider.post("/search/", asked, follow=True).text
        assert SECRET_NAME in page
        assert "canteen.txt" not in page
        assert f'<option value="{COLLECTION}" selected>' in page
        outsider = person(shelf.tenant, "ada")
        assert outsider.post("/search/", asked).status_code == 400


def test_a_question_of_a_former_member_finds_nothing_hidden(shelves: dict[str, Shelf]) -> None:
    for shelf in shelves.values():
        insider, admin = member(shelf.tenant), person(shelf.tenant, "ada")
        asked = {"query_text": "takeover", "collection": COLLECTION}
        answer = insider.post("/search/", asked)
        assert SECRET_NAME in insider.get(answer["Location"]).text
        removed = {"username": "mia", "member": "no"}
        assert admin.post(f"/groups/{READERS}/members/", removed).status_code == 302
        again = insider.get(answer["Location"])
        assert again.status_code == 404
        assert SECRET_NAME not in again.text


def test_a_document_is_moved_on_its_page(shelves: dict[str, Shelf]) -> None:
    for shelf in shelves.values():
        insider, outsider = member(shelf.tenant), person(shelf.tenant, "ada")
        address = f"/documents/{shelf.open.pk}/"
        assert f"{address}move/" not in outsider.get(address).text
        assert f"{address}move/" in insider.get(address).text
        wanted = {"collection": COLLECTION}
        assert outsider.post(f"{address}move/", wanted).status_code == 404
        assert insider.post(f"{address}move/", wanted, follow=True).status_code == 200
        assert outsider.get(address).status_code == 404
        uma = person(shelf.tenant, "uma", READERS, role="tenant_user")
        assert f"{address}move/" not in uma.get(address).text
        assert uma.post(f"{address}move/", {"collection": "default"}).status_code == 403


def test_an_administrator_manages_on_the_pages(shelves: dict[str, Shelf]) -> None:
    for shelf in shelves.values():
        admin = person(shelf.tenant, "ada")
        person(shelf.tenant, "kim", role="tenant_user")
        listed = admin.get("/collections/").text
        assert COLLECTION in listed
        assert READERS in listed
        assert "not yours to see" in listed
        assert admin.post("/groups/", {"name": "lawyers"})["Location"] == "/groups/lawyers/"
        admin.post("/groups/lawyers/members/", {"username": "kim"})
        assert '<th scope="row" class="name">kim</th>' in admin.get("/groups/lawyers/").text
        form = {"name": "legal", "restricted": "on", "groups": ["lawyers"], "description": "Law"}
        assert admin.post("/collections/new/", form).status_code == 302
        assert "already exists" in admin.post("/collections/new/", form).text
        with tenant_context(shelf.tenant):
            assert Collection.objects.get(name="legal").restricted
        page = admin.get("/collections/legal/settings/").text
        assert "Law" in page
        assert "checked" in page
        changed = admin.post("/collections/legal/settings/", {"description": "All of it"})
        assert changed.status_code == 302
        with tenant_context(shelf.tenant):
            legal = Collection.objects.get(name="legal")
            assert (legal.restricted, list(legal.groups.all())) == (False, [])
        refused = admin.post("/collections/default/settings/", {"restricted": "on"})
        assert "open to everybody" in refused.text
        held = admin.post(f"/collections/{COLLECTION}/delete/", follow=True)
        assert "holds documents" in held.text
        assert "is deleted" in admin.post("/collections/legal/delete/", follow=True).text
        assert "is deleted" in admin.post("/groups/lawyers/delete/", follow=True).text
        user = person(shelf.tenant, "uma", role="tenant_user")
        for address in ("/collections/", "/groups/", f"/groups/{READERS}/"):
            assert user.get(address).status_code == 403


def test_the_command_line_hands_in_to_a_collection(
    shelves: dict[str, Shelf], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for shelf in shelves.values():
        empty = tmp_path / f"{shelf.tenant.slug}.txt"
        empty.touch()
        call_command("ingest", str(empty), tenant=shelf.tenant.slug, collection=COLLECTION)
        with tenant_context(shelf.tenant):
            receipt = Receipt.objects.get(filename=empty.name)
            assert receipt.collection == shelf.collection
        address = f"/api/v1/receipts/{receipt.pk}"
        assert key_holder(shelf.tenant, READERS).get(address).status_code == 200
        assert key_holder(shelf.tenant).get(address).status_code == 404
        with pytest.raises(CommandError, match="no such collection"):
            call_command("ingest", str(empty), tenant=shelf.tenant.slug, collection="nowhere")
    assert "EMPTY_FILE" in capsys.readouterr().out
