"""The upload form as a browser without JavaScript sends it, and the receipts that follow."""

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from intake.models import Document, Receipt
from tenants.context import tenant_context
from tenants.models import Tenant
from tenants.services import tenant_configure
from tests.conftest import Receive
from tests.pages.conftest import HOSTILE


def _file(name: str, data: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, content_type="application/octet-stream")


def test_several_files_get_a_receipt_each(acme_admin: Client, acme: Tenant) -> None:
    files = [_file("good.txt", b"Some plain text to keep."), _file("empty.txt", b"")]
    answer = acme_admin.post("/upload/", {"files": files}, follow=True)
    assert answer.redirect_chain == [("/receipts/", 302)]
    assert "1 of 2 files taken in." in answer.text
    assert "1 not taken in" in answer.text
    with tenant_context(acme):
        outcomes = dict(Receipt.objects.values_list("filename", "outcome"))
        assert outcomes == {"good.txt": "accepted", "empty.txt": "rejected"}
        refused = Receipt.objects.get(filename="empty.txt")
    assert refused.message in answer.text
    page = acme_admin.get(f"/receipts/{refused.pk}/").text
    assert "EMPTY_FILE" in page
    assert refused.remediation in page


def test_nothing_chosen_is_told(acme_admin: Client) -> None:
    answer = acme_admin.post("/upload/", {})
    assert answer.status_code == 400
    assert "Choose at least one file." in answer.text


def test_more_files_than_the_tenant_allows_are_refused(acme_admin: Client, acme: Tenant) -> None:
    tenant_configure(tenant=acme, changes={"max_batch_size": 1}, actor="tester")
    files = [_file("one.txt", b"One text."), _file("two.txt", b"Two texts.")]
    answer = acme_admin.post("/upload/", {"files": files})
    assert answer.status_code == 400
    assert "At most 1 files" in answer.text
    with tenant_context(acme):
        assert not Document.objects.exists()


def test_a_plain_user_may_not_hand_in(acme_user: Client, acme: Tenant) -> None:
    answer = acme_user.post("/upload/", {"files": [_file("good.txt", b"Some text.")]})
    assert answer.status_code == 403
    assert "You may not open this" in answer.text
    with tenant_context(acme):
        assert not Receipt.objects.exists()


def test_a_form_without_its_token_changes_nothing(acme_admin: Client, acme: Tenant) -> None:
    acme_admin.handler.enforce_csrf_checks = True
    answer = acme_admin.post("/upload/", {"files": [_file("good.txt", b"Some text.")]})
    assert answer.status_code == 403
    assert "This form is out of date" in answer.text
    with tenant_context(acme):
        assert not Receipt.objects.exists()


def test_receipts_show_hostile_names_as_text(
    acme_admin: Client, acme: Tenant, receive: Receive
) -> None:
    receipt = receive(acme, HOSTILE, b"Nothing to see here.")
    for address in ("/receipts/", f"/receipts/{receipt.pk}/"):
        page = acme_admin.get(address).text
        assert "&lt;script&gt;" in page
        assert "<script>alert" not in page


def test_a_user_sees_only_receipts_of_their_own(
    acme_user: Client, acme_admin: Client, acme: Tenant, receive: Receive
) -> None:
    receipt = receive(acme, "anvils.txt", b"Anvils are delivered on Tuesdays.")
    assert "anvils.txt" in acme_admin.get("/receipts/").text
    assert "anvils.txt" not in acme_user.get("/receipts/").text
    assert acme_user.get(f"/receipts/{receipt.pk}/").status_code == 403


def test_a_receipt_of_another_tenant_is_not_there(
    globex_admin: Client, acme: Tenant, receive: Receive
) -> None:
    receipt = receive(acme, "anvils.txt", b"Anvils are delivered on Tuesdays.")
    assert "anvils.txt" not in globex_admin.get("/receipts/").text
    assert globex_admin.get(f"/receipts/{receipt.pk}/").status_code == 404
