"""Quotas and metadata on the pages: a meter that warns, a field where a schema is declared."""

from html import unescape

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from intake.metadata.declaring import metadata_schema_declare
from intake.models import Document, Receipt
from tenants.context import tenant_context
from tenants.models import StorageUsage, Tenant
from tenants.services import tenant_configure
from tests.conftest import Receive

WARNING = "nearly used up"
REFUSING = "Files are refused until"


def test_the_meter_warns_from_four_fifths_on(
    acme: Tenant, globex: Tenant, acme_admin: Client, globex_admin: Client, receive: Receive
) -> None:
    tenant_configure(tenant=acme, changes={"document_quota": 5}, actor="t")
    for number in range(5):
        page = acme_admin.get("/").text
        assert f"{number} of 5, {number * 20} %" in unescape(page)
        assert (WARNING in page) == (number == 4)
        receive(acme, f"{number}.txt", f"words of file {number}\n".encode())
    full = acme_admin.get("/upload/").text
    assert REFUSING in full
    other = globex_admin.get("/").text
    assert WARNING not in other
    assert REFUSING not in other


def test_who_may_not_hand_in_sees_no_meter(acme_user: Client, globex: Tenant) -> None:
    assert "<meter" not in acme_user.get("/").text


def test_metadata_is_asked_for_where_a_schema_is_declared(
    acme: Tenant, globex: Tenant, acme_admin: Client, globex_admin: Client
) -> None:
    schema = {"required": ["department"], "properties": {"department": {"type": "string"}}}
    with tenant_context(acme):
        metadata_schema_declare(tenant=acme, schemas={"document": schema}, actor="t")
    assert 'name="metadata"' in acme_admin.get("/upload/").text
    assert 'name="metadata"' not in globex_admin.get("/upload/").text

    def send(text: str) -> int:
        file = SimpleUploadedFile("note.txt", b"some words of a note\n")
        return acme_admin.post("/upload/", {"files": file, "metadata": text}).status_code

    assert send("no json") == 400
    assert send('{"department": 7}') == 302
    with tenant_context(acme):
        assert Receipt.objects.get().code == "METADATA_INVALID"
    assert send('{"department": "sales & <works>"}') == 302
    with tenant_context(acme):
        document = Document.objects.get()
    page = acme_admin.get(f"/documents/{document.pk}/").text
    assert "sales &amp; &lt;works&gt;" in page
    with tenant_context(globex):
        assert not Document.objects.exists()


def test_what_was_typed_stays_when_the_form_comes_back(
    acme: Tenant, globex: Tenant, acme_admin: Client
) -> None:
    with tenant_context(acme):
        metadata_schema_declare(tenant=acme, schemas={"document": {}}, actor="t")
    file = SimpleUploadedFile("note.txt", b"some words of a note\n")
    page = acme_admin.post("/upload/", {"files": file, "metadata": "{half"})
    assert "{half</textarea>" in page.text
    assert "no JSON object" in page.text


def test_the_console_shows_what_was_counted(acme: Tenant, globex: Tenant, operator: Client) -> None:
    assert "<meter" not in operator.get("/console/tenants/acme/").text
    StorageUsage.objects.create(
        tenant=acme, documents=3, document_bytes=90 * 1024**3, object_bytes=95 * 1024**3
    )
    page = unescape(operator.get("/console/tenants/acme/").text).replace("\xa0", " ")
    assert "90.0 GB of 100.0 GB, 90 %" in page
    assert 'data-level="near"' in page
    assert "<meter" not in operator.get("/console/tenants/globex/").text
